// The labels of images, and the classes that they are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/data/idx_file.h"

namespace clipsweep {

// The labels as the file has them: [N], [N, 1] or, as QMNIST has them, [N, 8] int32 with the label
// in the first column. Throws DataError that begins with `where` on anything else.
std::vector<std::int32_t> labels_in(const IdxFile& idx, const std::string& where);

// The different labels, ascending: class c is the c-th of them. Throws DataError if there is only
// one, or above kMaxClasses (sequence_data.h).
std::vector<std::int32_t> classes_of(std::vector<std::int32_t> labels, const std::string& where);

// `1 to 26` if none between them is missing, `0, 4, 7`, `12 different ones from 0 to 255`
std::string range_text(const std::vector<std::int64_t>& classes);

// The number of each label's class. Throws DataError that names a label that is no class.
std::vector<std::int32_t> class_numbers(const std::vector<std::int32_t>& labels,
                                        const std::vector<std::int32_t>& classes,
                                        const std::string& where);

}  // namespace clipsweep

// Finds the four IDX files of a data set under the names and in the layouts that are in use.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "clipsweep/io/files.h"

namespace clipsweep {

// The order in which the files are listed and hashed.
enum class IdxPart { kTrainImages, kTrainLabels, kTestImages, kTestLabels };
inline constexpr std::size_t kIdxParts = 4;

// `train-images-idx3-ubyte`: the name of MNIST's file.
const char* usual_name(IdxPart part);

// For each part its files, at least one; several if the folder has more than one, the gzip files
// first.
using IdxPaths = std::array<std::vector<fs::path>, kIdxParts>;

// Accepts names such as
//
//   train-images-idx3-ubyte   train-images.idx3-ubyte   emnist-letters-train-images-idx3-ubyte
//
// with `t10k` or `test` for the test set and `labels` for the labels, with or without `.gz`, in
// either case of letters, in the folder itself, in `raw` or `NAME/raw` below it (torchvision), or
// in a folder that has the file's name (some programs that unpack). FOLDER/emnist-letters, which is
// not a folder, means the files of FOLDER that begin with `emnist-letters-`. Throws DataError that
// says what the folder has instead.
IdxPaths find_idx_files(const std::string& folder);

}  // namespace clipsweep

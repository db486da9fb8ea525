// The common case of a JSON line, read several times as fast as by a general parser: an object of
// numbers, literals and plain ASCII strings, with nothing nested and nothing escaped.
#pragma once

#include <string_view>

#include "clipsweep/advice/norm_columns.h"

namespace clipsweep {

// Reads such an object as the row that was begun last. Returns false, perhaps with some of the
// values set, if the text is anything else, which may be valid JSON.
bool read_flat_json_row(std::string_view text, NormColumns& columns);

}  // namespace clipsweep

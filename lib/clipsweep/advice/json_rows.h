// JSON as rows of named values: each object's own numbers, without what is nested in them. Python
// writes NaN and infinities without quotes, which is no JSON; here they are read too.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/advice/norm_columns.h"

namespace clipsweep {

// Whether the text is one complete JSON object.
bool is_json_object(std::string_view text);

// Reads one object as the row that was begun last. Returns false, with the row half read, if the
// text is not one JSON object. Throws DataError if a norm is not a number.
bool read_json_row(std::string_view text, NormColumns& columns);

// Reads the rows of an array of objects or of numbers, or of such an array that is the member
// `log_history` of an object. Numbers have the column `column`. Throws DataError, with `where`,
// on anything else.
void read_json_rows(std::string_view text, const std::string& where, const std::string& column,
                    NormColumns& columns);

}  // namespace clipsweep

// What `clipsweep clip` does: one mode applied to gradients that are given as JSON, by the same
// functions as in a sweep, in float32 or float64. README.md says what the keys are.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/io/json.h"

namespace clipsweep {

// Reads a request, clips, and returns the answer. `where` names the text in messages. Throws
// ConfigError, one line, on anything that is not a request.
Json answer_clip_request(std::string_view text, const std::string& where);

}  // namespace clipsweep

// `clipsweep clip`: applies one mode to gradients given as JSON, by the functions of a sweep, in
// float32 or float64. README.md describes the keys.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/io/json.h"

namespace clipsweep {

// Reads a request, clips, and returns the answer. `where` names the text in messages. Throws
// ConfigError, with a message of one line, if the text is not a valid request.
Json answer_clip_request(std::string_view text, const std::string& where);

}  // namespace clipsweep

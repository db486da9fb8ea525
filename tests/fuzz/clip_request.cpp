// What `clipsweep clip` reads.
#include "clipsweep/clipping/clip_request.h"

#include "clipsweep/io/json.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  const std::string answer = to_line(answer_clip_request(input, "input"));
  parse_json(answer, "the answer");
}

}  // namespace clipsweep

// What `clipsweep clip` reads.
#include "clipsweep/clipping/clip_request.h"

#include "clipsweep/io/json.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_clip_request(std::string_view input) {
  const std::string answer = to_line(answer_clip_request(input, "input"));
  parse_json(answer, "the answer");
}

}  // namespace clipsweep

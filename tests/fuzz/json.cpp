// The JSON reader that all others use, and its writer.
#include "clipsweep/io/json.h"

#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_json(std::string_view input) {
  syntax_error_position(input);
  refusable([&] { parse_json_with_unique_keys(input, "input"); });
  const Json json = parse_json(input, "input");
  must_hold(parse_json(to_page(json), "page") == json, "what is written reads back");
}

}  // namespace clipsweep

// The LISTs of the command line and the sweep file.
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/list_syntax.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_list(std::string_view input) {
  refusable([&] { parse_numbers(input); });
  refusable([&] { parse_seeds(input); });
  refusable([&] { parse_cells(input); });
  refusable([&] { parse_modes(input); });
  refusable([&] { parse_clips(input); });
  must_hold(printable(input).size() <= 63, "a message quotes no more than it may");
}

}  // namespace clipsweep

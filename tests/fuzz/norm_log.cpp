// What `clipsweep advise` reads, and what it says about it.
#include "clipsweep/advice/advice_json.h"
#include "clipsweep/advice/advice_text.h"
#include "clipsweep/advice/norm_log_reader.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_norm_log(std::string_view input) {
  for (const char* column : {"", "a"})
    refusable([&] {
      const NormLog log = read_norm_text(input, column);
      must_hold(log.norms.size() == log.steps.size(), "a step for each norm");
      must_hold(log.losses.empty() || log.losses.size() == log.norms.size(), "losses fit");
      for (const double norm : log.norms) must_hold(!(norm < 0), "no norm below 0");
      const ThresholdAdvice advice = advise(log);
      parse_json(to_line(to_json(log, advice)), "the answer");
      must_hold(!advice_text(log, advice).empty(), "there is a text");
    });
}

}  // namespace clipsweep

// A steps.jsonl.gz: the same readers as those of a plain log, and what `validate` checks of the
// file.
#include "clipsweep/io/log_file.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/step_log_check.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_step_log_gzip(std::string_view input) {
  const fs::path path = scratch_file("steps.jsonl.gz", input);
  refusable([&] { first_line_of_log(path); });
  refusable([&] { sha256_of_log(path); });
  ExpectedRun expected;
  expected.epochs = 2;
  expected.steps_per_epoch = 4;
  refusable([&] {
    const StepLogReading reading = read_step_log(
        path,
        [](const Json& step, std::uint64_t, std::string_view) { step_record_from_json(step, {}); });
    expected.run = reading.header.run;
  });
  FileProblems problems(scratch_folder(), "steps.jsonl.gz");
  check_step_log(expected, problems);
  check_compression(problems);
}

}  // namespace clipsweep

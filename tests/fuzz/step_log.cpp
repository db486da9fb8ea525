// A steps.jsonl: the lenient reader and the strict one of `validate`.
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/step_log_check.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_step_log(std::string_view input) {
  const fs::path path = scratch_file("steps.jsonl", input);
  is_torn(path);
  ExpectedRun expected;
  expected.epochs = 2;
  expected.steps_per_epoch = 4;
  refusable([&] {
    const StepLogReading reading = read_step_log(
        path,
        [](const Json& step, std::uint64_t, std::string_view) { step_record_from_json(step, {}); });
    expected.run = reading.header.run;
  });
  FileProblems problems(scratch_folder(), "steps.jsonl");
  check_step_log(expected, problems);
}

}  // namespace clipsweep

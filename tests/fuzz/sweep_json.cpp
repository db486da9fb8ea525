// A sweep.json: the folder that it makes, opened, summarized and validated.
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/validation.h"
#include "fuzz.h"

namespace clipsweep {

void fuzz_one(std::string_view input) {
  parse_json(input, "input");  // most are none, and refused cheaply here
  scratch_file("sweep.json", input);
  refusable([] { validate_folder(scratch_folder()); });
  const SweepFolder sweep = open_sweep_folder(scratch_folder());
  for (const auto& run : sweep.runs)
    require(run_folder("runs_of", run.id).lexically_normal().parent_path() ==
                fs::path("runs_of") / "runs",
            "a run's folder lies in the sweep's");
  summarize(read_runs(sweep));
}

}  // namespace clipsweep

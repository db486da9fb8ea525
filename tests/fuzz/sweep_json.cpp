// A sweep.json: its folder is opened, summarized and validated.
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/validation.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {

void fuzz_sweep_json(std::string_view input) {
  parse_json(input, "input");  // most inputs are not JSON and end here, at little cost
  scratch_file("sweep.json", input);
  refusable([] { validate_folder(scratch_folder()); });
  const SweepFolder sweep = open_sweep_folder(scratch_folder());
  for (const auto& run : sweep.runs)
    must_hold(run_folder("runs_of", run.id).lexically_normal().parent_path() ==
                  fs::path("runs_of") / "runs",
              "the folder of a run is in that of the sweep");
  summarize(read_runs(sweep));
}

}  // namespace clipsweep

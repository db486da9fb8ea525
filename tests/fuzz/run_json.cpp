// A run.json: read, summarized and reported, and validated together with a sweep and a log.
#include "clipsweep/analysis/runs_csv.h"
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/analysis/summary_text.h"
#include "clipsweep/events/event_context.h"
#include "clipsweep/events/event_report.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/validation/validation.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

SweepFolder folder_of_one_run() {
  scratch_file("sweep.json", corpus_file("sweep_json/one_run.json"));
  SweepFolder sweep = open_sweep_folder(scratch_folder());
  const fs::path log = steps_path("", sweep.runs.front().id);
  scratch_file(log.string(), corpus_file("step_log/one_run.jsonl"));
  return sweep;
}

void look_at(const RunRecord& record, const SweepFolder& sweep) {
  must_hold(to_json(run_record_from_json(to_json(record))) == to_json(record),
            "what is written reads back equal");
  SweepRuns runs{{record.spec}, {record}, {}, metric_basis_of(sweep)};
  const Summary summary = summarize(runs);
  parse_json(summary_page(summary), "the summary");
  comparison_text(summary);
  runs_csv(runs);
  for (const auto& context : event_contexts(record, {}, 3)) event_report(context, record, {});
}

}  // namespace

void fuzz_run_json(std::string_view input) {
  static const SweepFolder kSweep = folder_of_one_run();
  const Json json =
      parse_json(input, "input");  // most inputs are not JSON and end here, at little cost
  scratch_file(run_path("", kSweep.runs.front().id).string(), input);
  refusable([&] { validate_folder(kSweep.folder); });
  look_at(run_record_from_json(json), kSweep);
}

}  // namespace clipsweep

#include "support/sample_sweep.h"

#include <fmt/format.h>

#include "support/sample_folder.h"

namespace clipsweep {

SampleSweep::SampleSweep(std::uint64_t seeds) {
  config_.training.epochs = 1;
  config_.seeds.clear();
  for (std::uint64_t seed = 0; seed < seeds; ++seed) config_.seeds.push_back(seed);
  config_.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
  plan();
}

void SampleSweep::plan() {
  runs_ = {sample_plan(config_).runs, {}, {}, {}};
  runs_.records.assign(runs_.plan.size(), std::nullopt);
}

RunRecord& SampleSweep::complete(std::size_t run, double accuracy, double loss) {
  RunRecord record;
  record.spec = runs_.plan[run];
  record.epochs = {{1, loss, accuracy, loss, accuracy, 0}};
  record.totals.steps = 4;
  runs_.records[run] = record;
  return *runs_.records[run];
}

RunRecord& SampleSweep::end(std::size_t run, Outcome outcome) {
  complete(run, 0.8, 0.5).outcome = outcome;
  return *runs_.records[run];
}

RunRecord& SampleSweep::complete_clipped(std::size_t run, double accuracy, double loss) {
  RunRecord& record = complete(run, accuracy, loss);
  record.totals.clipped_steps = 1;
  return record;
}

SampleSweep sweep_with_gain(const std::function<double(std::size_t seed)>& gain) {
  SampleSweep sweep(10);
  for (std::size_t seed = 0; seed < 10; ++seed) {
    const double accuracy = 0.6 + 0.01 * static_cast<double>(seed * 7 % 10);
    sweep.complete(seed, accuracy, 1.0).final_weights_sha256 = fmt::format("none {}", seed);
    sweep.complete_clipped(10 + seed, accuracy + gain(seed), 1.0 - gain(seed))
        .final_weights_sha256 = fmt::format("value {}", seed);
  }
  return sweep;
}

double small_and_uneven(std::size_t seed) {
  return 0.002 * (static_cast<double>(seed * 3 % 10) - 4.5);
}

}  // namespace clipsweep

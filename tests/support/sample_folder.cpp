#include "support/sample_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/statistics.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/records/flight_recorder.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/sweep_manifest.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

const std::vector<std::string> kTensorNames = {"lstm.weight_ih", "lstm.weight_hh", "lstm.bias",
                                               "output.weight", "output.bias"};
const std::vector<std::vector<int>> kTensorShapes = {{40, 28}, {40, 10}, {40}, {10, 10}, {10}};

// Seeds differ in everything, modes only in whether the norm is clipped, as in the first steps of a
// real sweep.
StepRecord sample_step(const SweepPlan& plan, const RunSpec& spec, std::uint64_t number,
                       RandomStream& random) {
  StepRecord step;
  step.step = number;
  step.epoch =
      (number - 1) / static_cast<std::uint64_t>(training_plan(plan).training.steps_per_epoch) + 1;
  step.loss = static_cast<float>(2.3 / std::sqrt(static_cast<double>(number)) + random.uniform());
  step.accuracy = static_cast<double>(random.below(33)) / 32;
  step.grad_norm_raw = 0.3 + random.uniform();
  step.clipped = spec.clip.mode != ClipMode::kNone && step.grad_norm_raw > spec.clip.threshold;
  step.grad_norm_clipped = step.clipped ? spec.clip.threshold : step.grad_norm_raw;
  step.clip_scale = step.grad_norm_clipped / step.grad_norm_raw;
  step.clipped_fraction = step.clipped ? 0.25 : 0;
  step.cosine = step.clipped ? 0.75F : 1.0F;
  if (std::isfinite(spec.clip.threshold)) step.limit = spec.clip.threshold;
  step.effective_learning_rate = spec.learning_rate * step.clip_scale;
  step.update_norm = spec.learning_rate * step.grad_norm_clipped;  // plain SGD
  step.weight_norm = 4;
  step.grad_max_abs = step.grad_norm_raw > 0.5 ? 0.6F : 0.1F;  // value:0.5 acts as logged
  step.tensor_norms = {0.8 * step.grad_norm_raw, 0, 0, 0, 0.6 * step.grad_norm_raw};
  return step;
}

std::vector<StepRecord> sample_steps(const SweepPlan& plan, const RunSpec& spec,
                                     std::uint64_t count) {
  RandomStream random(spec.seed, "sample");
  std::vector<StepRecord> steps;
  for (std::uint64_t number = 1; number <= count; ++number)
    steps.push_back(sample_step(plan, spec, number, random));
  return steps;
}

EpochRecord epoch_of(const std::vector<StepRecord>& steps, std::size_t first, std::size_t count) {
  EpochRecord epoch;
  epoch.epoch = steps[first].epoch;
  for (std::size_t i = first; i < first + count; ++i) {
    epoch.train_loss += static_cast<double>(steps[i].loss);
    epoch.train_accuracy += steps[i].accuracy;
    epoch.clipped_share += steps[i].clipped ? 1 : 0;
  }
  const auto n = static_cast<double>(count);
  epoch.train_loss /= n;
  epoch.train_accuracy /= n;
  epoch.clipped_share /= n;
  epoch.test_loss = epoch.train_loss + 0.1;
  epoch.test_accuracy = epoch.train_accuracy;
  epoch.gate_norms = {{"i", 0.1}, {"f", 0.2}, {"g", 0.3}, {"o", 0.4}};
  epoch.spectral_radius =
      std::vector<LayerRadii>{{"lstm.weight_hh", {{"i", 0.5}, {"f", 0.6}, {"g", 0.7}, {"o", 0.8}}}};
  return epoch;
}

RunTotals totals_of(const std::vector<StepRecord>& steps) {
  RunTotals totals;
  totals.trailing_skipped_steps = 0;
  std::vector<double> norms;
  std::vector<double> ratios;
  for (const auto& step : steps) {
    ++totals.steps;
    totals.clipped_steps += step.clipped ? 1 : 0;
    totals.nonfinite_steps += step.nonfinite > 0 ? 1 : 0;
    if (std::isfinite(step.grad_norm_raw)) {
      norms.push_back(step.grad_norm_raw);
      totals.what_if.add_step(static_cast<double>(step.grad_max_abs), step.grad_norm_raw,
                              step.tensor_norms.front());
    }
    if (step.clipped) totals.mean_cosine = 0.75;
    if (const auto ratio = update_ratio(step)) ratios.push_back(*ratio);
  }
  totals.update_ratio = summary_of_ratios(ratios);
  if (!norms.empty())
    totals.grad_norm_raw = NormQuantiles{quantile(norms, 0.5), quantile(norms, 0.9),
                                         quantile(norms, 0.99), quantile(norms, 1)};
  return totals;
}

RunRecord record_of(const SweepPlan& plan, const RunSpec& spec,
                    const std::vector<StepRecord>& steps) {
  RunRecord record;
  record.spec = spec;
  record.settings = training_plan(plan).training_json;
  record.totals = totals_of(steps);
  const auto each = static_cast<std::size_t>(training_plan(plan).training.steps_per_epoch);
  for (std::size_t first = 0; first + each <= steps.size(); first += each)
    record.epochs.push_back(epoch_of(steps, first, each));
  record.engine = "reference";
  record.simd = "AVX2";
  record.initial_weights_sha256 = sha256_of("weights " + std::to_string(spec.seed));
  record.batch_order_sha256 = sha256_of("order " + std::to_string(spec.seed));
  record.final_weights_sha256 = sha256_of(spec.id);
  record.wall_started = "2026-01-31T12:00:00Z";
  record.wall_seconds = 12.3;
  return record;
}

void break_gradient(StepRecord& step) {
  step.grad_norm_raw = step.grad_norm_clipped = step.clip_scale = kNotANumber;
  step.effective_learning_rate = kNotANumber;
  step.cosine = std::nullopt;
  step.update_norm = std::nullopt;
  step.clipped = false;
  step.clipped_fraction = 0;
  step.grad_max_abs = std::numeric_limits<float>::quiet_NaN();
  step.nonfinite = 1120;
  step.tensor_norms = {kNotANumber, 0, 0, 0.1, 0.2};
}

// The history of an event at the last of the steps.
EventHistory history_of(const std::vector<StepRecord>& steps) {
  FlightRecorder recorder;
  for (const auto& step : steps)
    if (step.step < steps.size()) recorder.add_step(step);
  return recorder.history_before(steps.size(), EventKind::kNan);
}

Event nan_event(const StepRecord& step) {
  Event event;
  event.kind = EventKind::kNan;
  event.step = step.step;
  event.epoch = step.epoch;
  event.phase = Phase::kGradient;
  event.tensor = "lstm.weight_ih";
  event.index = 45;  // row 1, column 17 of 28
  event.nan = 1118;
  event.positive_inf = 2;
  event.norm = step.grad_norm_raw;
  event.last_finite_norm = 0.53;
  event.action = Action::kStopped;
  return event;
}

}  // namespace

ExperimentConfig sample_config() {
  ExperimentConfig config;
  config.training.epochs = 2;
  config.training.steps_per_epoch = 4;
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
  config.seeds = {0, 1};
  return config;
}

SweepPlan sample_plan(const ExperimentConfig& config) {
  return make_plan(config, sha256_of("data"));
}

SampleRun completed_run(const SweepPlan& plan, const RunSpec& spec) {
  const auto steps = sample_steps(plan, spec, training_plan(plan).training.steps());
  return {record_of(plan, spec, steps), steps};
}

SampleRun diverged_run(const SweepPlan& plan, const RunSpec& spec, std::uint64_t last_step) {
  auto steps = sample_steps(plan, spec, last_step);
  break_gradient(steps.back());
  SampleRun run = {record_of(plan, spec, steps), steps};
  run.record.outcome = Outcome::kDiverged;
  run.record.reason = "nan in the gradient";
  run.record.events = {nan_event(steps.back())};
  run.record.tensor_names = kTensorNames;
  run.record.events.front().before = history_of(steps);
  return run;
}

SampleFolder::SampleFolder(const ExperimentConfig& config) : plan_(sample_plan(config)) {
  const DataChecksum data = {sha256_of("data"), {}};
  const Provenance provenance = {Json::object(), Json::object(), {"clipsweep"}, "now"};
  prepare_sweep_folder(path(), sweep_json(config, plan_, data, {0.1, 10'000}, provenance));
}

void SampleFolder::write(const SampleRun& run) const {
  RunLog log(path(), {run.record.spec, plan_.log_every, kTensorNames, kTensorShapes},
             plan_.through_time_every);
  std::set<std::uint64_t> with_event;
  for (const auto& event : run.record.events) with_event.insert(event.step);
  for (const auto& step : run.steps)
    if (step.step == 1 || step.step % static_cast<std::uint64_t>(plan_.log_every) == 0 ||
        step.step == run.steps.size() || with_event.count(step.step) > 0)
      log.append(step);
  for (const auto& step : run.steps) {
    const bool has_event = with_event.count(step.step) > 0;
    const auto every = static_cast<std::uint64_t>(plan_.through_time_every);
    if (every > 0 && (step.step == 1 || step.step % every == 0 || has_event))
      log.append(ThroughTimeRecord{step.step, step.epoch, has_event, {0.25F, 0.5F, 1}});
  }
  log.finish(run.record);
}

void SampleFolder::write_all() const {
  for (const auto& run : plan_.runs) write(completed_run(plan_, run));
  write_summary();
}

void SampleFolder::write_summary() const { rebuild_summary(open_sweep_folder(path())); }

void SampleFolder::remove_hashes() const {
  Json sweep = parse_json(read_file(sweep_path(path())), "sweep.json");
  sweep.erase("sha256");
  write_file(sweep_path(path()), to_page(sweep) + "\n");
  for (std::size_t run_id = 0; run_id < plan_.runs.size(); ++run_id) {
    if (!is_there(run_json(run_id))) continue;
    Json run = parse_json(read_file(run_json(run_id)), "run.json");
    for (const char* key : {"steps", "through_time", "weights", "record"}) run["sha256"].erase(key);
    write_file(run_json(run_id), to_page(run) + "\n");
  }
}

fs::path SampleFolder::run_json(std::size_t run_id) const {
  return run_path(path(), spec(run_id).id);
}

fs::path SampleFolder::steps_log(std::size_t run_id) const {
  return steps_path(path(), spec(run_id).id);
}

fs::path SampleFolder::through_time_log(std::size_t run_id) const {
  return through_time_path(path(), spec(run_id).id);
}

void damage(const fs::path& file, const std::string& from, const std::string& to) {
  std::string content = read_file(file);
  const auto place = content.find(from);
  if (place == std::string::npos) throw std::logic_error("damage: \"" + from + "\" is not there");
  write_file(file, content.replace(place, from.size(), to));
}

void cut_off(const fs::path& file, std::size_t bytes) {
  const std::string content = read_file(file);
  write_file(file, content.substr(0, content.size() - bytes));
}

}  // namespace clipsweep

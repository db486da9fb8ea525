#include "clipsweep/training/speed_estimate.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "clipsweep/base/parallel.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/io/gzip_file.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/weights_file.h"
#include "clipsweep/training/cohort_trainer.h"
#include "clipsweep/training/run_trainer.h"

namespace clipsweep {
namespace {

constexpr double kSecondsPerKind = 0.5;  // or, where they are shorter, all steps of a run

// One worker's measurements.
struct WorkerResult {
  double seconds_per_step = 0;
  double seconds_per_evaluation = 0;
  double bytes_per_step = 0;
  double bytes_through_time = 0;
  std::uint64_t steps = 0;
  double largest_norm = 0;
  double largest_element = 0;
  double bytes_per_run = 0;
  double bytes_per_epoch = 0;
  double packed_share = 1;
};

// Of two equal sizes, a long log packs better than a short one; longer ones hardly differ.
constexpr std::size_t kMaxPackedBytes = std::size_t{1} << 20;

// A folder as most file systems count it.
constexpr double kBytesOfFolder = 4096;

// Averages the length of a log's lines.
class LineLength {
 public:
  void add(const std::string& line) {
    bytes_ += static_cast<double>(line.size());
    ++lines_;
  }
  double mean() const { return lines_ > 0 ? bytes_ / lines_ : 0; }

 private:
  double bytes_ = 0;
  double lines_ = 0;
};

void note_gradient(const StepRecord& record, WorkerResult& result) {
  const double element = static_cast<double>(record.grad_max_abs);
  if (!std::isfinite(record.grad_norm_raw) || !std::isfinite(element)) return;
  result.largest_norm = std::max(result.largest_norm, record.grad_norm_raw);
  result.largest_element = std::max(result.largest_element, element);
}

double packed_share_of(const std::string& log) {
  if (log.empty()) return 1;
  GzipPacker packer;
  std::size_t packed = packer.add(log).size();
  packed += packer.finish().size();
  return static_cast<double>(packed) / static_cast<double>(log.size());
}

double page_bytes(const Json& json) { return static_cast<double>(to_page(json).size()); }

// A record with numbers that have as many digits as those of most runs. weights: [P].
RunRecord typical_record(const TrainingPlan& plan, const RunSpec& spec,
                         const ParameterLayout& layout, Span<const float> weights) {
  constexpr double kNumber = 1.0 / 3;
  constexpr double kShare = 0.123456;
  const std::string hash(64, 'f');
  RunRecord record;
  record.spec = spec;
  record.settings = settings_of(plan, spec);
  EpochRecord epoch{1, kNumber, kShare, kNumber, kShare, kShare};
  if (is_gated(spec.setup.cell))
    epoch.gate_norms =
        by_gate(spec.setup.cell, std::vector<double>(gates_of(spec.setup.cell), kNumber));
  epoch.spectral_radius = radii_of_layers(weights, layout);
  record.epochs = {std::move(epoch)};
  record.tensor_names = layout.names();
  record.totals.steps = record.totals.clipped_steps = plan.training.steps();
  record.totals.grad_norm_raw = NormQuantiles{kNumber, kNumber, kNumber, kNumber};
  record.totals.mean_cosine = kNumber;
  record.totals.update_ratio = UpdateRatio{kNumber, kNumber};
  record.totals.what_if.steps = plan.training.steps();
  record.engine = "fused";
  record.simd = "avx512";
  record.initial_weights_sha256 = record.batch_order_sha256 = record.final_weights_sha256 = hash;
  record.steps_sha256 = record.through_time_sha256 = hash;
  record.wall_started = utc_now();
  record.wall_seconds = kNumber;
  return record;
}

// What does not depend on the steps of a run: run.json, the first lines of its logs, weights.npz,
// its folder, its row in runs.csv and its parts of sweep.json and summary.json.
void measure_files(const TrainingPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
                   Span<const float> weights, WorkerResult& result) {
  constexpr double kBytesOfRow = 315;     // of runs.csv
  constexpr double kBytesInSummary = 13;  // of its step in the arm's list
  RunRecord record = typical_record(plan, spec, layout, weights);
  const double with_epoch = page_bytes(to_json(record));
  record.epochs.clear();
  const double without_epoch = page_bytes(to_json(record));
  result.bytes_per_epoch = with_epoch - without_epoch;
  result.bytes_per_run = without_epoch + kBytesOfFolder + kBytesOfRow + kBytesInSummary +
                         page_bytes(Json::array({Json::array({to_json(spec)})}));
  result.bytes_per_run +=
      static_cast<double>(to_line(to_json(step_log_header(spec, plan, layout))).size());
  if (plan.save_weights)
    result.bytes_per_run += static_cast<double>(weights_npz(layout, weights).size());
}

WorkerResult measure_worker(const CohortContext& context, const std::vector<const RunSpec*>& cohort,
                            GradientEngine& engine) {
  const auto names = context.layout.names();
  std::string line;
  std::string log;  // of the first run
  LineLength step_line, through_time_line;
  WorkerResult result;
  const auto sinks = [&](const RunSpec& spec) -> RunSinks {
    const bool is_first = spec.id == cohort.front()->id;
    return {[&, is_first](const StepRecord& record) {
              line.clear();
              append_line(line, record, names);
              step_line.add(line);
              if (is_first && log.size() < kMaxPackedBytes) log += line;
              note_gradient(record, result);
            },
            [&](const ThroughTimeRecord& record) {
              line.clear();
              append_line(line, record);
              through_time_line.add(line);
            }};
  };
  std::vector<RunSpec> perturbed;
  for (const auto* run : cohort) perturbed.push_back(*run);
  perturb_learning_rates(perturbed);
  CohortTrainer trainer(context, from_the_beginning(pointers_to(perturbed)), engine, sinks,
                        [](const RunRecord&) {});
  trainer.step();  // warms up caches and buffers
  const std::uint64_t most = std::max<std::uint64_t>(context.plan.training.steps(), 2) - 1;
  const Stopwatch step_watch;
  std::uint64_t steps = 0;
  while (steps < most && step_watch.seconds() < kSecondsPerKind &&
         trainer.active_runs() == cohort.size()) {
    trainer.step();
    ++steps;
  }
  result.steps = steps + 1;
  result.seconds_per_step =
      step_watch.seconds() / static_cast<double>(std::max<std::uint64_t>(steps, 1));
  result.bytes_per_step = step_line.mean();
  result.bytes_through_time = through_time_line.mean();
  result.packed_share = packed_share_of(log);
  measure_files(context.plan, *cohort.front(), context.layout, trainer.weights(0), result);
  Block weights(trainer.active_runs(), context.layout.size());
  for (std::size_t r = 0; r < weights.rows(); ++r)
    std::copy(trainer.weights(r).begin(), trainer.weights(r).end(), weights.row(r).begin());
  const Stopwatch evaluation_watch;
  Batch scratch;
  const Batch& batch = context.task.test_batch(0, scratch);
  engine.evaluate(weights, batch);
  const double share =
      static_cast<double>(batch.size) /
      static_cast<double>(context.task.test_samples() + context.task.validation_samples());
  result.seconds_per_evaluation = evaluation_watch.seconds() / share;
  return result;
}

// Measures these cohorts, whose runs are of one kind.
SpeedMeasurement measure_kind(const TrainingPlan& plan,
                              const std::vector<std::vector<const RunSpec*>>& cohorts,
                              const Task& task, std::size_t workers,
                              const EngineFactory& make_engine, bool is_helped) {
  const Cell cell = cohorts.front().front()->setup.cell;
  const auto layout = layout_of(model_for(plan.training, cell, task));
  std::size_t runs = 0;
  for (const auto& cohort : cohorts) runs += cohort.size();
  std::atomic<std::uint64_t> run_steps{0};
  const CohortContext context{plan, layout, task, kNotCancelled, run_steps};
  std::vector<WorkerResult> results(std::min(workers, runs));
  run_on_threads(results.size(), [&](std::size_t i) {
    const auto engine = make_engine(layout);
    results[i] = measure_worker(context, cohorts[i % cohorts.size()], *engine);
  });
  SpeedMeasurement measurement{workers, cohorts.front().size()};
  measurement.is_helped = is_helped;
  for (const auto& result : results) {
    measurement.seconds_per_step = std::max(measurement.seconds_per_step, result.seconds_per_step);
    measurement.seconds_per_evaluation =
        std::max(measurement.seconds_per_evaluation, result.seconds_per_evaluation);
    measurement.bytes_per_step = std::max(measurement.bytes_per_step, result.bytes_per_step);
    measurement.bytes_through_time =
        std::max(measurement.bytes_through_time, result.bytes_through_time);
    measurement.steps = std::max(measurement.steps, result.steps);
    measurement.largest_norm = std::max(measurement.largest_norm, result.largest_norm);
    measurement.largest_element = std::max(measurement.largest_element, result.largest_element);
    measurement.bytes_per_run = std::max(measurement.bytes_per_run, result.bytes_per_run);
    measurement.bytes_per_epoch = std::max(measurement.bytes_per_epoch, result.bytes_per_epoch);
    measurement.packed_share = std::min(measurement.packed_share, result.packed_share);
  }
  return measurement;
}

double seconds_of_cohort(const TrainingPlan& plan, const SpeedMeasurement& measurement) {
  const double gradients = static_cast<double>(plan.training.steps()) +
                           static_cast<double>(plan.probe_at.size()) * plan.probe_batches;
  return gradients * measurement.seconds_per_step +
         plan.training.epochs * measurement.seconds_per_evaluation;
}

// How many of a run's steps are the first, or a multiple of `every`; 0: none.
double regular_steps(const TrainingPlan& plan, int every) {
  if (every == 0) return 0;
  const std::uint64_t multiples = plan.training.steps() / static_cast<std::uint64_t>(every);
  return static_cast<double>(multiples + (every > 1 ? 1 : 0));
}

// The last step of a run is logged, too.
double logged_steps(const TrainingPlan& plan) {
  const auto every = static_cast<std::uint64_t>(plan.log_every);
  const bool ends_between = plan.training.steps() > 1 && plan.training.steps() % every != 0;
  return regular_steps(plan, plan.log_every) + (ends_between ? 1 : 0);
}

// Of one run.json.
double bytes_of_probes(const TrainingPlan& plan) {
  constexpr double kBytesOfProbe = 2500;
  constexpr double kBytesOfRule = 800;
  return static_cast<double>(plan.probe_at.size()) *
         (kBytesOfProbe + kBytesOfRule * static_cast<double>(plan.probed_rules.size()));
}

double bytes_of_run(const TrainingPlan& plan, const SpeedMeasurement& measurement) {
  const double logs = logged_steps(plan) * measurement.bytes_per_step +
                      regular_steps(plan, plan.through_time_every) * measurement.bytes_through_time;
  return measurement.bytes_per_run + bytes_of_probes(plan) +
         plan.training.epochs * measurement.bytes_per_epoch +
         logs * (plan.compress ? measurement.packed_share : 1);
}

// Of the files and folders of a sweep, without what belongs to its runs.
double bytes_of_sweep(const SweepPlan& plan) {
  constexpr double kBytesOfFiles = 11'000;  // sweep.json, runs.csv, summary.json
  constexpr double kBytesOfArm = 2200;      // of summary.json
  constexpr double kBytesOfComparison = 5800;
  std::set<std::string> arms, clipped;
  for (const auto& run : plan.runs) {
    arms.insert(arm_name(run));
    if (run.clip.mode != ClipMode::kNone) clipped.insert(arm_name(run));
  }
  return kBytesOfFiles + 2 * kBytesOfFolder + kBytesOfArm * static_cast<double>(arms.size()) +
         kBytesOfComparison * static_cast<double>(clipped.size());
}

// The inverse of to_text.
CohortKind parse_kind(const std::string& text) {
  const auto blank = text.find(' ');
  return {parse_cell(text.substr(0, blank)),
          blank == std::string::npos ? "" : text.substr(blank + 1)};
}

// Places among `count` things, spread evenly, at most `most` of them, first and last included.
std::vector<std::size_t> sample_places(std::size_t count, std::size_t most) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < std::min(count, most); ++i)
    places.push_back(count <= most ? i : i * (count - 1) / (most - 1));
  return places;
}

// The one whose cost is nearest, as a factor.
const std::pair<double, CohortKind>& nearest(
    const std::vector<std::pair<double, CohortKind>>& samples, double cost) {
  return *std::min_element(samples.begin(), samples.end(), [&](const auto& a, const auto& b) {
    return std::abs(std::log(a.first / cost)) < std::abs(std::log(b.first / cost));
  });
}

// What was measured, for runs that cost `factor` times as much.
SpeedMeasurement at_cost(SpeedMeasurement measurement, double factor) {
  measurement.seconds_per_step *= factor;
  measurement.seconds_per_evaluation *= factor;
  return measurement;
}

}  // namespace

void perturb_learning_rates(std::vector<RunSpec>& runs) {
  for (std::size_t r = 0; r < runs.size(); ++r)
    runs[r].learning_rate *= 1 + 1e-4 * static_cast<double>(r);
}

std::string to_text(const CohortKind& kind) {
  return kind.varied.empty() ? to_text(kind.cell)
                             : fmt::format("{} {}", to_text(kind.cell), kind.varied);
}

SpeedMeasurements measure_speed(const SweepPlan& plan, const SetupTasks& tasks, std::size_t workers,
                                const EngineFactory& make_engine,
                                const std::map<Cell, CohortSizes>& sizes) {
  std::map<CohortKind, std::vector<std::vector<const RunSpec*>>> cohorts;
  std::vector<std::pair<double, CohortKind>> kinds;
  for (auto& cohort : make_cohorts(pointers_to(plan.runs), workers, sizes)) {
    const CohortKind kind = cohort_kind(*cohort.front());
    auto& of_kind = cohorts[kind];
    if (of_kind.empty()) kinds.emplace_back(relative_cost(cohort.front()->setup), kind);
    of_kind.push_back(std::move(cohort));
  }
  const auto measured = [&](const CohortKind& kind) {
    const auto& of_kind = cohorts.at(kind);
    const Setup& setup = of_kind.front().front()->setup;
    TrainingPlan every_step = training_plan(plan, setup);
    every_step.log_every = 1;
    // Diverged runs continue, so that the cohort keeps its size.
    every_step.training.on_nonfinite = NonfinitePolicy::kContinue;
    return measure_kind(every_step, of_kind, tasks.of(setup), workers, make_engine,
                        sizes.at(setup.cell).keeps_prefix_groups);
  };
  std::sort(kinds.begin(), kinds.end());
  SpeedMeasurements measurements;
  std::vector<std::pair<double, CohortKind>> samples;
  for (const std::size_t place : sample_places(kinds.size(), kMaxMeasuredKinds)) {
    samples.push_back(kinds[place]);
    measurements[kinds[place].second] = measured(kinds[place].second);
  }
  for (const auto& [cost, kind] : kinds)
    if (measurements.count(kind) == 0) {
      const auto& [sample_cost, sample] = nearest(samples, cost);
      measurements[kind] = at_cost(measurements.at(sample), cost / sample_cost);
    }
  return measurements;
}

Json to_json(const SpeedMeasurements& measurements) {
  Json json = Json::object();
  for (const auto& [kind, measurement] : measurements)
    json[to_text(kind)] = {
        {"workers", measurement.workers},
        {"cohort", measurement.cohort},
        {"seconds_per_step", json_number(measurement.seconds_per_step)},
        {"seconds_per_evaluation", json_number(measurement.seconds_per_evaluation)},
        {"bytes_per_step", json_number(measurement.bytes_per_step)},
        {"bytes_through_time", json_number(measurement.bytes_through_time)},
        {"is_helped", measurement.is_helped},
        {"steps", measurement.steps},
        {"largest_norm", json_number(measurement.largest_norm)},
        {"largest_element", json_number(measurement.largest_element)},
        {"bytes_per_run", json_number(measurement.bytes_per_run)},
        {"bytes_per_epoch", json_number(measurement.bytes_per_epoch)},
        {"packed_share", json_number(measurement.packed_share)}};
  return json;
}

SpeedMeasurements speed_measurements_from_json(const Json& json) {
  SpeedMeasurements measurements;
  for (const auto& [name, measurement] : json.items())
    measurements[parse_kind(name)] = {count_member(measurement, "workers"),
                                      count_member(measurement, "cohort"),
                                      number_member(measurement, "seconds_per_step"),
                                      number_member(measurement, "seconds_per_evaluation"),
                                      number_member(measurement, "bytes_per_step"),
                                      number_member(measurement, "bytes_through_time"),
                                      bool_member(measurement, "is_helped"),
                                      count_member(measurement, "steps"),
                                      number_member(measurement, "largest_norm"),
                                      number_member(measurement, "largest_element"),
                                      number_member(measurement, "bytes_per_run"),
                                      number_member(measurement, "bytes_per_epoch"),
                                      number_member(measurement, "packed_share")};
  return measurements;
}

CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurements& measurements) {
  double all_workers_seconds = 0;
  double longest_seconds = 0;  // of what only one worker can do: a cohort or, if helped, a run
  CostEstimate cost;
  cost.bytes = bytes_of_sweep(plan);
  for (const auto& [kind, runs] : by_kind(pointers_to(plan.runs))) {
    const SpeedMeasurement& measurement = measurements.at(kind);
    const TrainingPlan training = training_plan(plan, runs.front()->setup);
    const auto count = static_cast<double>(runs.size());
    const double cohort_seconds = seconds_of_cohort(training, measurement);
    const double run_seconds = cohort_seconds / static_cast<double>(measurement.cohort);
    all_workers_seconds += count * run_seconds / static_cast<double>(measurement.workers);
    longest_seconds =
        std::max(longest_seconds, measurement.is_helped ? run_seconds : cohort_seconds);
    cost.bytes += count * bytes_of_run(training, measurement);
    cost.bytes_per_line +=
        measurement.bytes_per_step * count / static_cast<double>(plan.runs.size());
  }
  cost.seconds = std::max(all_workers_seconds, longest_seconds);
  return cost;
}

}  // namespace clipsweep

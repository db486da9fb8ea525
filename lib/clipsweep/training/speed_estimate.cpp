#include "clipsweep/training/speed_estimate.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>

#include "clipsweep/base/parallel.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/training/cohort_trainer.h"

namespace clipsweep {
namespace {

constexpr double kSecondsPerCell = 0.5;

// One worker's measurements.
struct WorkerResult {
  double seconds_per_step = 0;
  double seconds_per_evaluation = 0;
  double bytes_per_step = 0;
  double bytes_through_time = 0;
  std::uint64_t steps = 0;
  double largest_norm = 0;
  double largest_element = 0;
};

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

WorkerResult measure_worker(const CohortContext& context, const std::vector<const RunSpec*>& cohort,
                            GradientEngine& engine) {
  const auto names = context.layout.names();
  std::string line;
  LineLength step_line, through_time_line;
  WorkerResult result;
  const auto sinks = [&](const RunSpec&) -> RunSinks {
    return {[&](const StepRecord& record) {
              line.clear();
              append_line(line, record, names);
              step_line.add(line);
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
  const Stopwatch step_watch;
  std::uint64_t steps = 0;
  while (step_watch.seconds() < kSecondsPerCell && trainer.active_runs() == cohort.size()) {
    trainer.step();
    ++steps;
  }
  result.steps = steps + 1;
  result.seconds_per_step =
      step_watch.seconds() / static_cast<double>(std::max<std::uint64_t>(steps, 1));
  result.bytes_per_step = step_line.mean();
  result.bytes_through_time = through_time_line.mean();
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

// Measures these cohorts, whose runs have one cell.
SpeedMeasurement measure_cell(const SweepPlan& plan,
                              const std::vector<std::vector<const RunSpec*>>& cohorts,
                              const Task& task, std::size_t workers,
                              const EngineFactory& make_engine, bool is_helped) {
  const Cell cell = cohorts.front().front()->setup.cell;
  const auto layout = layout_of(model_for(plan.training, cell, task));
  std::atomic<std::uint64_t> run_steps{0};
  const CohortContext context{plan, layout, task, kNotCancelled, run_steps};
  std::vector<WorkerResult> results(std::min(workers, plan.runs.size()));
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
  }
  return measurement;
}

double seconds_of_cohort(const SweepPlan& plan, const SpeedMeasurement& measurement) {
  return static_cast<double>(plan.training.steps()) * measurement.seconds_per_step +
         plan.training.epochs * measurement.seconds_per_evaluation;
}

double bytes_of_run(const SweepPlan& plan, const SpeedMeasurement& measurement) {
  const auto steps = static_cast<double>(plan.training.steps());
  const double logged = std::max(1.0, steps / plan.log_every);
  // Steps with an event are not counted: their number is not known yet.
  const double measured = plan.through_time_every > 0 ? 1 + steps / plan.through_time_every : 0;
  return logged * measurement.bytes_per_step + measured * measurement.bytes_through_time;
}

}  // namespace

void perturb_learning_rates(std::vector<RunSpec>& runs) {
  for (std::size_t r = 0; r < runs.size(); ++r)
    runs[r].learning_rate *= 1 + 1e-4 * static_cast<double>(r);
}

SpeedMeasurements measure_speed(const SweepPlan& plan, const Task& task, std::size_t workers,
                                const EngineFactory& make_engine,
                                const std::map<Cell, CohortSizes>& sizes) {
  SweepPlan every_step = plan;
  every_step.log_every = 1;
  // Diverged runs continue, so that the cohort keeps its size.
  every_step.training.on_nonfinite = NonfinitePolicy::kContinue;
  std::map<Cell, std::vector<std::vector<const RunSpec*>>> cohorts;
  for (auto& cohort : make_cohorts(pointers_to(plan.runs), workers, sizes))
    cohorts[cohort.front()->setup.cell].push_back(std::move(cohort));
  SpeedMeasurements measurements;
  for (const auto& [cell, cell_cohorts] : cohorts)
    measurements[cell] = measure_cell(every_step, cell_cohorts, task, workers, make_engine,
                                      sizes.at(cell).keeps_prefix_groups);
  return measurements;
}

Json to_json(const SpeedMeasurements& measurements) {
  Json json = Json::object();
  for (const auto& [cell, measurement] : measurements)
    json[to_text(cell)] = {
        {"workers", measurement.workers},
        {"cohort", measurement.cohort},
        {"seconds_per_step", json_number(measurement.seconds_per_step)},
        {"seconds_per_evaluation", json_number(measurement.seconds_per_evaluation)},
        {"bytes_per_step", json_number(measurement.bytes_per_step)},
        {"bytes_through_time", json_number(measurement.bytes_through_time)},
        {"is_helped", measurement.is_helped},
        {"steps", measurement.steps},
        {"largest_norm", json_number(measurement.largest_norm)},
        {"largest_element", json_number(measurement.largest_element)}};
  return json;
}

SpeedMeasurements speed_measurements_from_json(const Json& json) {
  SpeedMeasurements measurements;
  for (const auto& [name, measurement] : json.items())
    measurements[parse_cell(name)] = {count_member(measurement, "workers"),
                                      count_member(measurement, "cohort"),
                                      number_member(measurement, "seconds_per_step"),
                                      number_member(measurement, "seconds_per_evaluation"),
                                      number_member(measurement, "bytes_per_step"),
                                      number_member(measurement, "bytes_through_time"),
                                      bool_member(measurement, "is_helped"),
                                      count_member(measurement, "steps"),
                                      number_member(measurement, "largest_norm"),
                                      number_member(measurement, "largest_element")};
  return measurements;
}

CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurements& measurements) {
  double all_workers_seconds = 0;
  double longest_seconds = 0;  // of what only one worker can do: a cohort or, if helped, a run
  CostEstimate cost;
  for (const auto& [cell, runs] : by_cell(pointers_to(plan.runs))) {
    const SpeedMeasurement& measurement = measurements.at(cell);
    const auto count = static_cast<double>(runs.size());
    const double cohort_seconds = seconds_of_cohort(plan, measurement);
    const double run_seconds = cohort_seconds / static_cast<double>(measurement.cohort);
    all_workers_seconds += count * run_seconds / static_cast<double>(measurement.workers);
    longest_seconds =
        std::max(longest_seconds, measurement.is_helped ? run_seconds : cohort_seconds);
    cost.bytes += count * bytes_of_run(plan, measurement);
  }
  cost.seconds = std::max(all_workers_seconds, longest_seconds);
  return cost;
}

}  // namespace clipsweep

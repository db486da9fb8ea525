#include "clipsweep/speed_estimate.h"

#include <algorithm>
#include <atomic>

#include "clipsweep/cohort_trainer.h"
#include "clipsweep/parallel.h"
#include "clipsweep/wall_clock.h"

namespace clipsweep {
namespace {

constexpr double kSecondsOfSteps = 0.5;

// What one worker found.
struct WorkerResult {
  double seconds_per_step = 0;
  double seconds_per_evaluation = 0;
  double bytes_per_step = 0;
  double bytes_through_time = 0;
};

// The mean length of a log's lines.
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

WorkerResult measure_worker(const CohortContext& context, const std::vector<const RunSpec*>& cohort,
                            GradientEngine& engine) {
  const auto names = context.layout.names();
  std::string line;
  LineLength step_line, through_time_line;
  const auto sinks = [&](const RunSpec&) -> RunSinks {
    return {[&](const StepRecord& record) {
              line.clear();
              append_line(line, record, names);
              step_line.add(line);
            },
            [&](const ThroughTimeRecord& record) {
              line.clear();
              append_line(line, record);
              through_time_line.add(line);
            }};
  };
  CohortTrainer trainer(context, from_the_beginning(cohort), engine, sinks, [](const RunRecord&) {});
  trainer.step();  // the first step pays for what later ones find ready
  const Stopwatch of_steps;
  std::uint64_t steps = 0;
  while (of_steps.seconds() < kSecondsOfSteps && trainer.active_runs() == cohort.size()) {
    trainer.step();
    ++steps;
  }
  WorkerResult result;
  result.seconds_per_step =
      of_steps.seconds() / static_cast<double>(std::max<std::uint64_t>(steps, 1));
  result.bytes_per_step = step_line.mean();
  result.bytes_through_time = through_time_line.mean();
  const Block weights(cohort.size(), context.layout.size());
  const Stopwatch of_evaluation;
  Batch scratch;
  const Batch& batch = context.task.test_batch(0, scratch);
  engine.evaluate(weights, batch);
  const double share =
      static_cast<double>(batch.size) / static_cast<double>(context.task.test_samples());
  result.seconds_per_evaluation = of_evaluation.seconds() / share;
  return result;
}

SpeedMeasurement measure_cell(const SweepPlan& plan, const std::vector<const RunSpec*>& runs,
                              const Task& task, std::size_t workers,
                              const EngineFactory& make_engine, const CohortSizes& sizes) {
  const Cell cell = runs.front()->setup.cell;
  const auto layout = layout_of(model_for(plan.training, cell, task));
  const auto cohorts = make_cohorts(runs, workers, sizes);
  const std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> run_steps{0};
  const CohortContext context{plan, layout, task, stop, run_steps};
  std::vector<WorkerResult> results(std::min(workers, cohorts.size()));
  run_on_threads(results.size(), [&](std::size_t i) {
    const auto engine = make_engine(layout);
    results[i] = measure_worker(context, cohorts[i], *engine);
  });
  SpeedMeasurement measurement{workers, cohorts.front().size()};
  for (const auto& result : results) {
    measurement.seconds_per_step = std::max(measurement.seconds_per_step, result.seconds_per_step);
    measurement.seconds_per_evaluation =
        std::max(measurement.seconds_per_evaluation, result.seconds_per_evaluation);
    measurement.bytes_per_step = std::max(measurement.bytes_per_step, result.bytes_per_step);
    measurement.bytes_through_time =
        std::max(measurement.bytes_through_time, result.bytes_through_time);
  }
  return measurement;
}

CostEstimate estimate_cell(const SweepPlan& plan, std::size_t run_count,
                           const SpeedMeasurement& measurement) {
  const auto runs = static_cast<double>(run_count);
  const auto steps = static_cast<double>(plan.training.steps());
  const double of_one_cohort = steps * measurement.seconds_per_step +
                               plan.training.epochs * measurement.seconds_per_evaluation;
  // A worker's share, in cohorts; no cohort is done in less than its time.
  const double rounds = std::max(1.0, runs / static_cast<double>(measurement.workers) /
                                          static_cast<double>(measurement.cohort));
  const double logged = std::max(1.0, steps / plan.log_every);
  // Without the steps with an event, which no one knows yet.
  const double measured = plan.through_time_every > 0 ? 1 + steps / plan.through_time_every : 0;
  return {rounds * of_one_cohort,
          runs * (logged * measurement.bytes_per_step + measured * measurement.bytes_through_time)};
}

std::map<Cell, std::vector<const RunSpec*>> by_cell(const SweepPlan& plan) {
  std::vector<const RunSpec*> runs;
  for (const auto& run : plan.runs) runs.push_back(&run);
  return clipsweep::by_cell(runs);
}

}  // namespace

SpeedMeasurements measure_speed(const SweepPlan& plan, const Task& task, std::size_t workers,
                                const EngineFactory& make_engine,
                                const std::map<Cell, CohortSizes>& sizes) {
  SweepPlan every_step = plan;
  every_step.log_every = 1;
  // A run that diverges takes as long as any other until it does.
  every_step.training.on_nonfinite = NonfinitePolicy::kContinue;
  SpeedMeasurements measurements;
  for (const auto& [cell, runs] : by_cell(plan))
    measurements[cell] = measure_cell(every_step, runs, task, workers, make_engine, sizes.at(cell));
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
        {"bytes_through_time", json_number(measurement.bytes_through_time)}};
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
                                      number_member(measurement, "bytes_through_time")};
  return measurements;
}

CostEstimate estimate_cost(const SweepPlan& plan, const SpeedMeasurements& measurements) {
  CostEstimate sum;
  for (const auto& [cell, runs] : by_cell(plan)) {
    const auto cost = estimate_cell(plan, runs.size(), measurements.at(cell));
    sum.seconds += cost.seconds;
    sum.bytes += cost.bytes;
  }
  return sum;
}

}  // namespace clipsweep

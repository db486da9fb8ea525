#include "clipsweep/training/cohort_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/measuring/weight_probe.h"
#include "clipsweep/model/initial_weights.h"

namespace clipsweep {
namespace {

std::string sha256_of_weights(Span<const float> weights) {
  return sha256_of({reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
}

StartingPoint common_point(const std::vector<RunStart>& starts) {
  return starts.empty() ? StartingPoint{0, 0} : starting_point(starts.front());
}

std::vector<std::uint64_t> seeds_of(const std::vector<RunStart>& starts) {
  std::vector<std::uint64_t> seeds;
  for (const auto& start : starts) seeds.push_back(start.spec->seed);
  return seeds;
}

}  // namespace

std::vector<float> CohortTrainer::Run::restore(const RunState& state, Span<float> weights) const {
  if (state.weights.size() < weights.size()) {
    trainer->restore(state, weights);  // which says what is wrong
    return {};
  }
  RunState own = state;
  const auto end = own.weights.begin() + static_cast<std::ptrdiff_t>(weights.size());
  std::vector<float> carried(end, own.weights.end());
  own.weights.erase(end, own.weights.end());
  trainer->restore(own, weights);
  return carried;
}

void CohortTrainer::Run::resume(const RunState& state, Span<float> weights,
                                Span<float> carried_states) {
  const auto carried = restore(state, weights);
  if (carried.size() != carried_states.size())
    throw DataError(
        fmt::format("it has {} carried states, not {}", carried.size(), carried_states.size()));
  std::copy(carried.begin(), carried.end(), carried_states.begin());
  wall_started = state.wall_started;
  wall_seconds_before = state.wall_seconds;
}

RunState CohortTrainer::Run::save_state(Span<const float> weights, Span<const float> carried_states,
                                        const std::string& engine) const {
  RunState state = trainer->state(weights);
  state.weights.insert(state.weights.end(), carried_states.begin(), carried_states.end());
  state.engine = engine;
  state.wall_started = wall_started;
  state.wall_seconds = wall_seconds();
  if (sinks.note_length) sinks.note_length(state);
  return state;
}

void CohortTrainer::Run::take_back(const RunState& state, Span<float> weights) const {
  restore(state, weights);
  if (sinks.cut_back_to) sinks.cut_back_to(state);
}

CohortTrainer::CohortTrainer(const CohortContext& context, const std::vector<RunStart>& starts,
                             GradientEngine& engine, const SinkFactory& make_sinks, RunEnd on_end)
    : context_(context),
      engine_(engine),
      on_end_(std::move(on_end)),
      step_(common_point(starts).first),
      epochs_(common_point(starts).second),
      samples_(context.task, context.layout.model, context.plan.training.batch_size,
               seeds_of(starts), step_, context.cancel),
      weights_(starts.size(), context.layout.size()),
      carried_states_(
          context.task.carries_states() ? starts.size() : 0,
          context.task.carries_states() ? states_size(context.layout.model, samples_.batch()) : 0),
      result_(starts.size(), context.layout.size(), carried_states_.columns()) {
  for (const auto& start : starts) add_run(start, make_sinks(*start.spec));
  collect_backprop_limits();
}

void CohortTrainer::add_run(const RunStart& start, RunSinks sinks) {
  if (start.state && starting_point(start) != StartingPoint{step_, epochs_})
    throw DataError("the states of a cohort are of different steps");
  const RunSpec& spec = *start.spec;
  const auto weights = weights_.row(runs_.size());
  auto initial = initial_weights(spec.setup.init, context_.layout, spec.seed,
                                 context_.plan.training.forget_bias);
  if (spec.perturbed) flip_last_bits(initial);
  std::copy(initial.begin(), initial.end(), weights.begin());
  Run run;
  run.sinks = std::move(sinks);
  run.trainer =
      std::make_unique<RunTrainer>(context_.plan, spec, context_.layout, std::move(run.sinks.step));
  run.initial_weights_sha256 = initial_weights_sha256(spec, initial);
  if (start.state) run.resume(*start.state, weights, carried_states_of(runs_.size()));
  runs_.push_back(std::move(run));
}

// Runs with equal initial weights share one computation of the hash.
std::string CohortTrainer::initial_weights_sha256(const RunSpec& spec,
                                                  Span<const float> weights) const {
  for (const auto& run : runs_) {
    const RunSpec& other = run.trainer->spec();
    if (other.setup == spec.setup && other.seed == spec.seed && other.perturbed == spec.perturbed)
      return run.initial_weights_sha256;
  }
  return sha256_of_weights(weights);
}

void CohortTrainer::collect_backprop_limits() {
  backprop_limits_.clear();
  const std::uint64_t epoch = step_ / context_.plan.training.run_length().steps_per_epoch + 1;
  for (const auto& run : runs_) {
    const ClipRule clip = rule_in_epoch(epoch, run.trainer->spec().clip);
    backprop_limits_.push_back(clip.mode == ClipMode::kBackprop
                                   ? static_cast<float>(clip.threshold)
                                   : std::numeric_limits<float>::infinity());
  }
}

void CohortTrainer::train() {
  try {
    train_to_the_end();
  } catch (const Cancelled&) {
    if (context_.checkpoint) save();
    end_all([](std::size_t) { return Outcome::kInterrupted; });
  }
}

void CohortTrainer::train_to_the_end() {
  const auto every = static_cast<std::uint64_t>(context_.plan.checkpoint_every);
  while (!runs_.empty()) {
    throw_if_cancelled(context_.cancel);
    if (const auto probed = runs_to_probe(); !probed.empty()) {
      probe(probed);
    } else if (is_epoch_due()) {
      finish_epoch();
    } else if (step_ == context_.plan.training.steps()) {
      break;
    } else {
      step();
      if (step_ % every != 0 || is_epoch_due()) continue;
    }
    if (context_.checkpoint && context_.checkpoint->is_affordable()) save();
  }
  end_all([&](std::size_t r) { return runs_[r].trainer->outcome(weights_.row(r)); });
}

std::vector<std::size_t> CohortTrainer::runs_to_probe() const {
  std::vector<std::size_t> due;
  for (std::size_t r = 0; r < runs_.size(); ++r)
    if (runs_[r].trainer->is_probe_due()) due.push_back(r);
  return due;
}

void CohortTrainer::probe(const std::vector<std::size_t>& runs) {
  std::vector<ProbedRun> probed;
  for (const std::size_t r : runs)
    probed.push_back({runs_[r].trainer->spec().seed, weights_.row(r)});
  const auto records = probe_weights(probed, step_, {context_.plan, context_.layout, context_.task},
                                     engine_, engine_context());
  for (std::size_t i = 0; i < runs.size(); ++i) runs_[runs[i]].trainer->add_probe(records[i]);
}

bool CohortTrainer::is_epoch_due() const {
  const auto steps_per_epoch = static_cast<std::uint64_t>(context_.plan.training.steps_per_epoch);
  return epochs_ < step_ / steps_per_epoch;
}

std::vector<RunState> CohortTrainer::states() const {
  const std::string engine = engine_description(engine_.name(), engine_.simd());
  std::vector<RunState> states;
  for (std::size_t r = 0; r < runs_.size(); ++r)
    states.push_back(runs_[r].save_state(weights_.row(r), carried_states_of(r), engine));
  return states;
}

void CohortTrainer::save() {
  const Stopwatch stopwatch;
  auto now = states();
  if (now.empty()) return;
  sync_logs();
  context_.checkpoint->write(now, stopwatch);
}

// Before the checkpoint that counts on them. The disk works on all of them at once.
void CohortTrainer::sync_logs() const {
  for (const auto& run : runs_)
    if (run.sinks.begin_sync) run.sinks.begin_sync();
  for (const auto& run : runs_)
    if (run.sinks.sync) run.sinks.sync();
}

void CohortTrainer::step() {
  samples_.draw(step_ + 1);
  if (step_ % context_.plan.training.run_length().steps_per_epoch == 0) collect_backprop_limits();
  set_initial_states();
  const Stopwatch stopwatch;
  engine_.compute_gradients(weights_, samples_.batch(), backprop_limits_, result_,
                            {context_.cancel, context_.sharing, &carried_states_});
  // No run has changed yet, so up to here a cancelled step needs no restoring. The gradient through
  // time may take as long again: after slow gradients it is cancellable too.
  if (context_.checkpoint && stopwatch.seconds() > kSlowSeconds)
    finish_slow_step();
  else
    finish_step(kNotCancelled);
}

void CohortTrainer::finish_slow_step() {
  const auto before = states();
  try {
    finish_step(context_.cancel);
  } catch (const Cancelled&) {
    for (std::size_t r = 0; r < runs_.size(); ++r) runs_[r].take_back(before[r], weights_.row(r));
    --step_;
    throw;
  }
}

// Cancelled comes from the measurements alone, before any run has ended.
void CohortTrainer::finish_step(const CancelFlag& cancel) {
  ++step_;
  auto outcomes = take_steps(cancel);
  note_means();
  measure_through_time(outcomes, cancel);
  take_last_states();
  std::vector<std::size_t> kept;
  for (std::size_t r = 0; r < runs_.size(); ++r)
    if (outcomes[r].continues)
      kept.push_back(r);
    else
      end_run(r, Outcome::kDiverged);
  context_.run_steps += runs_.size();
  keep_runs(kept);
}

std::vector<StepOutcome> CohortTrainer::take_steps(const CancelFlag& cancel) {
  std::vector<StepOutcome> outcomes(runs_.size());
  const Batch& batch = samples_.batch();
  const bool is_measured = is_smoothness_due();
  const auto record = [&](std::size_t r) {
    outcomes[r] = runs_[r].trainer->record_step(weights_.row(r));
  };
  share(context_.sharing, runs_.size(), [&](std::size_t r) {
    const double predictions = predictions_of(context_.layout.model, batch, batch.source_of_run[r]);
    const double accuracy = static_cast<double>(result_.correct_counts[r]) / predictions;
    runs_[r].trainer->take_step(result_.losses[r], accuracy, result_.gradients.row(r),
                                weights_.row(r), clipped_derivatives_share(r), omega_of(r));
    if (!is_measured) record(r);
  });
  if (is_measured) {
    measure_smoothness(cancel);
    share(context_.sharing, runs_.size(), record);
  }
  return outcomes;
}

bool CohortTrainer::is_smoothness_due() const {
  const auto every = static_cast<std::uint64_t>(context_.plan.smoothness_every);
  return every > 0 && step_ % every == 0;
}

void CohortTrainer::measure_smoothness(const CancelFlag& cancel) {
  measure_at([&](std::size_t r,
                 Span<float> point) { runs_[r].trainer->place_middle(weights_.row(r), point); },
             [&](std::size_t r, const GradientAt& middle) {
               runs_[r].trainer->measure_smoothness(weights_.row(r), middle);
             },
             cancel);
  measure_at([&](std::size_t r,
                 Span<float> point) { runs_[r].trainer->place_small_step(weights_.row(r), point); },
             [&](std::size_t r, const GradientAt& small_step) {
               runs_[r].trainer->measure_sharpness(weights_.row(r), small_step);
             },
             cancel);
}

template <typename Place, typename Measure>
void CohortTrainer::measure_at(const Place& place, const Measure& measure,
                               const CancelFlag& cancel) {
  Block points(runs_.size(), context_.layout.size());
  for (std::size_t r = 0; r < runs_.size(); ++r) place(r, points.row(r));
  StepResult result(runs_.size(), context_.layout.size());
  engine_.compute_gradients(points, samples_.batch(), backprop_limits_, result,
                            {cancel, context_.sharing, &carried_states_});
  for (std::size_t r = 0; r < runs_.size(); ++r)
    measure(r, GradientAt{points.row(r), result.gradients.row(r)});
}

void CohortTrainer::note_means() const {
  if (!context_.means) return;
  const Batch& batch = samples_.batch();
  LossAndAccuracy sums;
  std::uint64_t finite_runs = 0;
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    if (!std::isfinite(result_.losses[r])) continue;
    sums.loss += static_cast<double>(result_.losses[r]);
    const double predictions = predictions_of(context_.layout.model, batch, batch.source_of_run[r]);
    sums.accuracy += static_cast<double>(result_.correct_counts[r]) / predictions;
    ++finite_runs;
  }
  context_.means->add_step(sums, finite_runs);
}

void CohortTrainer::measure_through_time(std::vector<StepOutcome>& outcomes,
                                         const CancelFlag& cancel) {
  std::vector<std::size_t> due;  // [K]
  for (std::size_t r = 0; r < runs_.size(); ++r)
    if (runs_[r].sinks.through_time && outcomes[r].through_time_due) due.push_back(r);
  if (due.empty()) return;
  const Batch& batch = samples_.batch();
  Block weights(due.size(), context_.layout.size());  // [K, P]
  StateBlock states(carried_states_.rows() > 0 ? due.size() : 0, carried_states_.columns());
  std::vector<int> sources;
  std::vector<float> limits;
  for (std::size_t k = 0; k < due.size(); ++k) {
    const auto before = outcomes[due[k]].weights_before;
    std::copy(before.begin(), before.end(), weights.row(k).begin());
    const auto carried = carried_states_of(due[k]);
    std::copy(carried.begin(), carried.end(), states.data() + k * states.columns());
    sources.push_back(batch.source_of_run[due[k]]);
    limits.push_back(backprop_limits_[due[k]]);
  }
  auto norms = engine_.state_gradient_norms(weights, batch, sources, limits,
                                            {cancel, context_.sharing, &states});
  for (std::size_t k = 0; k < due.size(); ++k) {
    ThroughTimeRecord& record = *outcomes[due[k]].through_time_due;
    record.norms = std::move(norms[k]);
    runs_[due[k]].sinks.through_time(record);
  }
}

Span<float> CohortTrainer::carried_states_of(std::size_t r) {
  return carried_states_.rows() > 0 ? carried_states_.row(r) : Span<float>();
}

Span<const float> CohortTrainer::carried_states_of(std::size_t r) const {
  return carried_states_.rows() > 0 ? carried_states_.row(r) : Span<const float>();
}

void CohortTrainer::set_initial_states() {
  if (carried_states_.rows() == 0 || context_.task.continues(step_ + 1)) return;
  std::fill_n(carried_states_.data(), carried_states_.rows() * carried_states_.columns(), 0.0F);
}

// States that are not finite would stay so for ever, whatever becomes of the weights: a run that
// continues after a NaN (--on-nonfinite) restarts from zeros.
void CohortTrainer::take_last_states() {
  std::swap(carried_states_, result_.last_states);
  for (std::size_t r = 0; r < carried_states_.rows(); ++r) {
    const auto states = carried_states_.row(r);
    if (find_nonfinite(states)) std::fill(states.begin(), states.end(), 0.0F);
  }
}

double CohortTrainer::clipped_derivatives_share(std::size_t r) const {
  const Batch& batch = samples_.batch();
  const Model& model = context_.layout.model;
  const double states = model.layers * static_cast<double>(cell_entry(model.cell).states.size());
  const double derivatives =
      states * model.hidden * static_cast<double>(batch.steps_of(batch.source_of_run[r]));
  return static_cast<double>(result_.clipped_derivatives[r]) / derivatives;
}

std::optional<double> CohortTrainer::omega_of(std::size_t r) const {
  return context_.layout.model.omega == 0 ? std::nullopt : std::optional(result_.omegas[r]);
}

std::vector<Evaluation> CohortTrainer::evaluate(const EvaluationSet& set) {
  std::vector<double> losses(runs_.size());
  std::vector<std::int64_t> correct_counts(runs_.size());
  double predictions = 0;
  double weights = 0;
  for (std::size_t number = 0; number < set.batches; ++number) {
    throw_if_cancelled(context_.cancel);
    const Batch& batch = set.batch(number, evaluated_batch_);
    const auto result = engine_.evaluate(weights_, batch, engine_context());
    predictions += predictions_of(context_.layout.model, batch, 0);
    weights += weight_of_loss(batch, 0);
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      losses[r] += result.loss_sums[r];
      correct_counts[r] += result.correct_counts[r];
    }
  }
  std::vector<Evaluation> evaluations;
  for (std::size_t r = 0; r < runs_.size(); ++r)
    evaluations.push_back(
        {losses[r] / weights, static_cast<double>(correct_counts[r]) / predictions});
  return evaluations;
}

void CohortTrainer::finish_epoch() {
  const auto test = evaluate(test_set_of(context_.task));
  const EvaluationSet validation_set = validation_set_of(context_.task);
  const bool has_validation = validation_set.batches > 0;
  const auto validation = has_validation ? evaluate(validation_set) : std::vector<Evaluation>();
  std::vector<std::vector<LayerRadii>> radii(runs_.size());
  share(context_.sharing, runs_.size(), [&](std::size_t r) {
    throw_if_cancelled(context_.cancel);
    radii[r] = radii_of_layers(weights_.row(r), context_.layout);
  });
  for (std::size_t r = 0; r < runs_.size(); ++r)
    runs_[r].trainer->finish_epoch(test[r].loss, test[r].accuracy, std::move(radii[r]),
                                   has_validation ? std::optional(validation[r]) : std::nullopt);
  ++epochs_;
}

void CohortTrainer::fail(const std::string& reason) {
  for (std::size_t r = 0; r < runs_.size(); ++r) end_run(r, Outcome::kFailed, reason);
  keep_runs({});
}

void CohortTrainer::end_all(const std::function<Outcome(std::size_t r)>& outcome_of) {
  for (std::size_t r = 0; r < runs_.size(); ++r) end_run(r, outcome_of(r));
  keep_runs({});
}

void CohortTrainer::end_run(std::size_t r, Outcome outcome,
                            const std::optional<std::string>& reason) {
  Run& run = runs_[r];
  if (run.ended) return;  // a failure came between the end of a run and its removal
  RunRecord record = run.trainer->record(outcome);
  if (reason) record.reason = reason;
  record.engine = engine_.name();
  record.simd = engine_.simd();
  record.initial_weights_sha256 = run.initial_weights_sha256;
  // This hashes the whole planned order, which takes long if many steps are left.
  if (outcome != Outcome::kInterrupted) record.batch_order_sha256 = samples_.order_sha256(r);
  record.final_weights_sha256 = sha256_of_weights(weights_.row(r));
  record.wall_started = run.wall_started;
  record.wall_seconds = run.wall_seconds();
  if (run.sinks.final_weights && reached_outcome(record)) run.sinks.final_weights(weights_.row(r));
  on_end_(record);
  run.ended = true;
}

void CohortTrainer::keep_runs(const std::vector<std::size_t>& kept) {
  if (kept.size() == runs_.size()) return;
  for (std::size_t to = 0; to < kept.size(); ++to)
    if (to != kept[to]) runs_[to] = std::move(runs_[kept[to]]);
  runs_.resize(kept.size());
  weights_.keep_rows(kept);
  if (carried_states_.rows() > 0) carried_states_.keep_rows(kept);
  result_ = StepResult(runs_.size(), context_.layout.size(), carried_states_.columns());
  samples_.keep_runs(kept);
  collect_backprop_limits();
}

}  // namespace clipsweep

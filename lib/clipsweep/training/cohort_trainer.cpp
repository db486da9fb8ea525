#include "clipsweep/training/cohort_trainer.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/model/initial_weights.h"

namespace clipsweep {
namespace {

std::string sha256_of_weights(Span<const float> weights) {
  return sha256_of({reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
}

}  // namespace

std::vector<RunStart> from_the_beginning(const std::vector<const RunSpec*>& runs) {
  std::vector<RunStart> starts;
  for (const auto* run : runs) starts.push_back({run});
  return starts;
}

bool is_state_of(const RunState& state, const RunSpec& spec, const SweepPlan& plan,
                 const ParameterLayout& layout) {
  std::vector<float> weights(layout.size());
  try {
    RunTrainer(plan, spec, layout, {}).restore(state, weights);
  } catch (const DataError&) {
    return false;
  }
  return true;
}

StartingPoint starting_point(const RunStart& start) {
  return start.state ? StartingPoint{start.state->step, start.state->epochs} : StartingPoint{0, 0};
}

CohortTrainer::CohortTrainer(const CohortContext& context, const std::vector<RunStart>& starts,
                             GradientEngine& engine, const SinkFactory& make_sinks, RunEnd on_end)
    : context_(context),
      engine_(engine),
      on_end_(std::move(on_end)),
      weights_(starts.size(), context.layout.size()),
      result_(starts.size(), context.layout.size()) {
  if (!starts.empty()) std::tie(step_, epochs_) = starting_point(starts.front());
  for (std::size_t r = 0; r < starts.size(); ++r) {
    const RunSpec& spec = *starts[r].spec;
    auto initial = initial_weights(spec.setup.init, context_.layout, spec.seed,
                                   context_.plan.training.forget_bias);
    if (spec.perturbed) flip_last_bits(initial);
    std::copy(initial.begin(), initial.end(), weights_.row(r).begin());
    Run run;
    RunSinks sinks = make_sinks(spec);
    run.trainer =
        std::make_unique<RunTrainer>(context_.plan, spec, context_.layout, std::move(sinks.step));
    run.on_through_time = std::move(sinks.through_time);
    run.note_length = std::move(sinks.note_length);
    run.cut_back_to = std::move(sinks.cut_back_to);
    run.initial_weights_sha256 = hash_of_start(spec, initial);
    if (starts[r].state) restore(*starts[r].state, run, weights_.row(r));
    run.source = source_for(spec.seed);
    runs_.push_back(std::move(run));
  }
  share_batches();
  engine_.heed(context_.stop);
  engine_.accept_help(context_.helpers);
}

CohortTrainer::~CohortTrainer() {
  engine_.heed(kNotCancelled);
  engine_.accept_help(kNoHelpers);
}

void CohortTrainer::restore(const RunState& state, Run& run, Span<float> weights) const {
  run.trainer->restore(state, weights);
  if (state.step != step_ || state.epochs != epochs_)
    throw DataError("the states of a cohort are of different steps");
  run.wall_started = state.wall_started;
  run.wall_seconds_before = state.wall_seconds;
}

// Runs that begin alike share one computation of it.
std::string CohortTrainer::hash_of_start(const RunSpec& spec, Span<const float> weights) const {
  for (const auto& run : runs_) {
    const RunSpec& other = run.trainer->spec();
    if (other.setup == spec.setup && other.seed == spec.seed && other.perturbed == spec.perturbed)
      return run.initial_weights_sha256;
  }
  return sha256_of_weights(weights);
}

std::shared_ptr<CohortTrainer::Source> CohortTrainer::source_for(std::uint64_t seed) {
  for (const auto& run : runs_)
    if (run.source->seed == seed) return run.source;
  auto samples = context_.task.training_samples(seed);
  for (std::uint64_t step = 1; step <= step_; ++step) {
    throw_if_cancelled(context_.stop);
    samples->skip(context_.task.time_steps(step));
  }
  return std::make_shared<Source>(Source{seed, std::move(samples), ""});
}

void CohortTrainer::share_batches() {
  sources_.clear();
  backprop_limits_.clear();
  std::vector<int> source_of_run;
  for (const auto& run : runs_) {
    const ClipRule& clip = run.trainer->spec().clip;
    backprop_limits_.push_back(clip.mode == ClipMode::kBackprop
                                   ? static_cast<float>(clip.threshold)
                                   : std::numeric_limits<float>::infinity());
    const auto known = std::find(sources_.begin(), sources_.end(), run.source);
    source_of_run.push_back(static_cast<int>(known - sources_.begin()));
    if (known == sources_.end()) sources_.push_back(run.source);
  }
  batch_ = make_batch(context_.layout.model, static_cast<int>(sources_.size()),
                      context_.plan.training.batch_size, std::move(source_of_run));
}

void CohortTrainer::train() {
  try {
    train_to_the_end();
  } catch (const Cancelled&) {
    if (!before_.empty()) take_back_step();
    save_and_interrupt();
  }
}

void CohortTrainer::take_back_step() {
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    runs_[r].trainer->restore(before_[r], weights_.row(r));
    if (runs_[r].cut_back_to) runs_[r].cut_back_to(before_[r]);
  }
  step_ = before_.front().step;
}

void CohortTrainer::train_to_the_end() {
  const auto every = static_cast<std::uint64_t>(context_.plan.checkpoint_every);
  while (!runs_.empty()) {
    throw_if_cancelled(context_.stop);
    if (is_epoch_due()) {
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

bool CohortTrainer::is_epoch_due() const {
  const auto steps_per_epoch = static_cast<std::uint64_t>(context_.plan.training.steps_per_epoch);
  return epochs_ < step_ / steps_per_epoch;
}

std::vector<RunState> CohortTrainer::states() {
  std::vector<RunState> states;
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    Run& run = runs_[r];
    RunState state = run.trainer->state(weights_.row(r));
    state.engine = engine_description(engine_.name(), engine_.simd());
    state.wall_started = run.wall_started;
    state.wall_seconds = run.wall_seconds_before + run.stopwatch.seconds();
    if (run.note_length) run.note_length(state);
    states.push_back(std::move(state));
  }
  return states;
}

void CohortTrainer::save() {
  auto now = states();
  if (!now.empty()) context_.checkpoint->write(now);
}

void CohortTrainer::save_and_interrupt() {
  if (context_.checkpoint) save();
  end_all([](std::size_t) { return Outcome::kInterrupted; });
}

void CohortTrainer::step() {
  next_batch();
  const Stopwatch stopwatch;
  engine_.compute_gradients(weights_, batch_, backprop_limits_, result_);
  // Up to here no run has changed. The gradient through time may take as long again, and is not
  // waited for when a stop is asked for.
  if (context_.checkpoint && stopwatch.seconds() > kSlowSeconds) before_ = states();
  ++step_;
  std::vector<std::uint8_t> goes_on(runs_.size());  // no bits: threads write side by side
  context_.helpers.share(runs_.size(), [&](std::size_t r) {
    goes_on[r] = runs_[r].trainer->step(result_.losses[r], result_.correct_counts[r],
                                        result_.gradients.row(r), weights_.row(r),
                                        clipped_derivatives_share(r));
  });
  std::vector<std::size_t> kept, stopped;
  for (std::size_t r = 0; r < runs_.size(); ++r) (goes_on[r] ? kept : stopped).push_back(r);
  measure_through_time(runs_due_through_time());
  for (const std::size_t r : stopped) end_run(r, Outcome::kDiverged);
  context_.run_steps += runs_.size();
  keep_runs(kept);
  before_.clear();
}

std::vector<std::size_t> CohortTrainer::runs_due_through_time() const {
  std::vector<std::size_t> due;
  for (std::size_t r = 0; r < runs_.size(); ++r)
    if (runs_[r].on_through_time && runs_[r].trainer->is_due_through_time()) due.push_back(r);
  return due;
}

void CohortTrainer::measure_through_time(const std::vector<std::size_t>& due) {
  if (due.empty()) return;
  Block weights(due.size(), context_.layout.size());  // [K, P]
  std::vector<int> sources;
  std::vector<float> limits;
  for (std::size_t k = 0; k < due.size(); ++k) {
    const std::size_t r = due[k];
    const auto before = runs_[r].trainer->weights_before(weights_.row(r));
    std::copy(before.begin(), before.end(), weights.row(k).begin());
    sources.push_back(batch_.source_of_run[r]);
    limits.push_back(backprop_limits_[r]);
  }
  // Where nothing was saved before the step, it is finished.
  if (before_.empty()) engine_.heed(kNotCancelled);
  auto norms = engine_.state_gradient_norms(weights, batch_, sources, limits);
  engine_.heed(context_.stop);
  for (std::size_t k = 0; k < due.size(); ++k) {
    const Run& run = runs_[due[k]];
    run.on_through_time(run.trainer->through_time(std::move(norms[k])));
  }
}

double CohortTrainer::clipped_derivatives_share(std::size_t r) const {
  const Model& model = context_.layout.model;
  const double states = model.layers * static_cast<double>(cell_entry(model.cell).states.size());
  const double derivatives = states * batch_.time_steps * model.hidden * batch_.size;
  return static_cast<double>(result_.clipped_derivatives[r]) / derivatives;
}

void CohortTrainer::next_batch() {
  set_time_steps(batch_, context_.task.time_steps(step_ + 1));
  for (std::size_t s = 0; s < sources_.size(); ++s)
    sources_[s]->samples->next(batch_, static_cast<int>(s));
}

void CohortTrainer::finish_epoch() {
  std::vector<double> losses(runs_.size());
  std::vector<std::int64_t> correct_counts(runs_.size());
  for (std::size_t number = 0; number < context_.task.test_batches(); ++number) {
    throw_if_cancelled(context_.stop);
    const auto result = engine_.evaluate(weights_, context_.task.test_batch(number, test_batch_));
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      losses[r] += result.loss_sums[r];
      correct_counts[r] += result.correct_counts[r];
    }
  }
  std::vector<std::vector<LayerRadii>> radii(runs_.size());
  context_.helpers.share(runs_.size(), [&](std::size_t r) {
    throw_if_cancelled(context_.stop);
    radii[r] = radii_of_layers(weights_.row(r), context_.layout);
  });
  const auto samples = static_cast<double>(context_.task.test_samples());
  for (std::size_t r = 0; r < runs_.size(); ++r)
    runs_[r].trainer->finish_epoch(
        losses[r] / samples, static_cast<double>(correct_counts[r]) / samples, std::move(radii[r]));
  ++epochs_;
}

Json CohortTrainer::samples(std::size_t r) const {
  return runs_[r].source->samples->drawn(batch_, batch_.source_of_run[r]);
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
  if (run.ended) return;  // when a failure comes between the end of a run and its removal
  run.ended = true;
  RunRecord record = run.trainer->record(outcome);
  if (reason) record.reason = reason;
  record.engine = engine_.name();
  record.simd = engine_.simd();
  record.initial_weights_sha256 = run.initial_weights_sha256;
  // Of the whole planned order, so it would take long where many steps are left.
  if (outcome != Outcome::kInterrupted) record.batch_order_sha256 = order_sha256(*run.source);
  record.final_weights_sha256 = sha256_of_weights(weights_.row(r));
  record.wall_started = run.wall_started;
  record.wall_seconds = run.wall_seconds_before + run.stopwatch.seconds();
  on_end_(std::move(record));
}

const std::string& CohortTrainer::order_sha256(Source& source) const {
  if (source.order_sha256.empty())
    source.order_sha256 = context_.task.sample_order_sha256(source.seed);
  return source.order_sha256;
}

void CohortTrainer::keep_runs(const std::vector<std::size_t>& kept) {
  if (kept.size() == runs_.size()) return;
  for (std::size_t to = 0; to < kept.size(); ++to)
    if (to != kept[to]) runs_[to] = std::move(runs_[kept[to]]);
  runs_.resize(kept.size());
  weights_.keep_rows(kept);
  result_ = StepResult(runs_.size(), context_.layout.size());
  share_batches();
}

}  // namespace clipsweep

#include "clipsweep/cohort_trainer.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "clipsweep/initial_weights.h"
#include "clipsweep/sha256.h"

namespace clipsweep {
namespace {

std::string sha256_of_weights(Span<const float> weights) {
  return sha256_of({reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
}

}  // namespace

CohortTrainer::CohortTrainer(const CohortContext& context, const std::vector<const RunSpec*>& specs,
                             GradientEngine& engine, const SinkFactory& make_sink, RunEnd on_end)
    : context_(context),
      engine_(engine),
      on_end_(std::move(on_end)),
      weights_(specs.size(), context.layout.size()),
      result_(specs.size(), context.layout.size()) {
  for (std::size_t r = 0; r < specs.size(); ++r) {
    const RunSpec& spec = *specs[r];
    const auto initial =
        initial_weights_of(spec, context_.layout, context_.plan.training.forget_bias);
    std::copy(initial.begin(), initial.end(), weights_.row(r).begin());
    Run run;
    run.trainer =
        std::make_unique<RunTrainer>(context_.plan, spec, context_.layout, make_sink(spec));
    run.initial_weights_sha256 = hash_of_start(spec, initial);
    run.source = source_for(spec.seed);
    runs_.push_back(std::move(run));
  }
  share_batches();
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
  return std::make_shared<Source>(Source{seed, context_.task.training_samples(seed), ""});
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
  const auto& training = context_.plan.training;
  for (int epoch = 0; epoch < training.epochs; ++epoch) {
    for (int step_in_epoch = 0; step_in_epoch < training.steps_per_epoch; ++step_in_epoch) {
      if (runs_.empty()) return;
      if (context_.stop) return end_all([](std::size_t) { return Outcome::kInterrupted; });
      step();
    }
    if (!finish_epoch()) return end_all([](std::size_t) { return Outcome::kInterrupted; });
  }
  end_all([&](std::size_t r) { return runs_[r].trainer->outcome(weights_.row(r)); });
}

void CohortTrainer::step() {
  next_batch();
  engine_.compute_gradients(weights_, batch_, backprop_limits_, result_);
  std::vector<std::size_t> kept;
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    const bool goes_on =
        runs_[r].trainer->step(result_.losses[r], result_.corrects[r], result_.gradients.row(r),
                               weights_.row(r), clipped_derivatives_share(r));
    if (goes_on)
      kept.push_back(r);
    else
      end_run(r, Outcome::kDiverged);
  }
  context_.run_steps += runs_.size();
  keep_runs(kept);
}

double CohortTrainer::clipped_derivatives_share(std::size_t r) const {
  const Model& model = context_.layout.model;
  const double states = model.layers * (model.cell == Cell::kLstm ? 2.0 : 1.0);  // h, and c
  const double derivatives = states * batch_.time_steps * model.hidden * batch_.size;
  return static_cast<double>(result_.clipped_derivatives[r]) / derivatives;
}

void CohortTrainer::next_batch() {
  set_time_steps(batch_, context_.task.time_steps(++step_));
  for (std::size_t s = 0; s < sources_.size(); ++s)
    sources_[s]->samples->next(batch_, static_cast<int>(s));
}

bool CohortTrainer::finish_epoch() {
  if (runs_.empty()) return true;
  std::vector<double> losses(runs_.size());
  std::vector<std::int64_t> corrects(runs_.size());
  for (std::size_t number = 0; number < context_.task.test_batches(); ++number) {
    if (context_.stop) return false;
    const auto result = engine_.evaluate(weights_, context_.task.test_batch(number, test_batch_));
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      losses[r] += result.loss_sums[r];
      corrects[r] += result.corrects[r];
    }
  }
  const auto samples = static_cast<double>(context_.task.test_samples());
  for (std::size_t r = 0; r < runs_.size(); ++r)
    runs_[r].trainer->finish_epoch(losses[r] / samples, static_cast<double>(corrects[r]) / samples);
  return true;
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
  record.batch_order_sha256 = order_sha256(*run.source);
  record.final_weights_sha256 = sha256_of_weights(weights_.row(r));
  record.wall_started = run.wall_started;
  record.wall_seconds = run.stopwatch.seconds();
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

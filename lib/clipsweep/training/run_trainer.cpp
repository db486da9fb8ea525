#include "clipsweep/training/run_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "clipsweep/io/byte_archive.h"
#include "clipsweep/model/spectral_radius.h"
#include "clipsweep/records/record_fit.h"

namespace clipsweep {
namespace {

// norm after / norm before; 1 for 0/0.
double clip_scale(double raw, double clipped) {
  return raw == 0 && clipped == 0 ? 1 : clipped / raw;
}

std::optional<float> as_float(const std::optional<double>& value) {
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

// "nan in the gradient at step 12, first in lstm.weight_ih"
std::string in_words(const Event& event) {
  const std::string place = event.tensor ? fmt::format(", first in {}", *event.tensor) : "";
  return fmt::format("{} in the {} at step {}{}", to_text(event.kind), to_text(event.phase),
                     event.step, place);
}

}  // namespace

std::vector<LayerRadii> radii_of_layers(Span<const float> weights, const ParameterLayout& layout) {
  constexpr int kMaxHidden = 256;  // one gate takes a tenth of a second at this size
  std::vector<LayerRadii> layers;
  if (layout.model.hidden > kMaxHidden) return layers;
  const auto hidden = static_cast<std::size_t>(layout.model.hidden);
  for (const auto& tensor : layout.tensors)
    if (is_recurrent(tensor))
      layers.push_back(
          {tensor.name, by_gate(layout.model.cell, spectral_radii(part(weights, tensor), hidden))});
  return layers;
}

RunTrainer::RunTrainer(const TrainingPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
                       StepSink sink)
    : plan_(plan),
      spec_(spec),
      layout_(layout),
      sink_(std::move(sink)),
      optimizer_(initial_state(plan.training.optimizer, layout.size())),
      memory_(spec.clip, layout, spec.seed),
      events_(layout, spec.clip, plan.training.on_nonfinite),
      epoch_averages_(layout.model.cell, plan.training.steps_per_epoch) {}

bool RunTrainer::is_probe_due() const {
  return probes_.size() < plan_.probe_at.size() && plan_.probe_at[probes_.size()] == step_;
}

void RunTrainer::add_probe(const ProbeRecord& probe) { probes_.push_back(to_line(to_json(probe))); }

StepOutcome RunTrainer::step(float loss, double accuracy, Span<float> gradient, Span<float> weights,
                             double clipped_derivatives, std::optional<double> omega) {
  take_step(loss, accuracy, gradient, weights, clipped_derivatives, omega);
  return record_step(weights);
}

void RunTrainer::take_step(float loss, double accuracy, Span<float> gradient, Span<float> weights,
                           double clipped_derivatives, std::optional<double> omega) {
  ++step_;
  record_ = {};
  rule_ = rule_in_epoch(epoch(), spec_.clip);
  record_.step = step_;
  record_.epoch = epoch();
  record_.loss = loss;
  record_.accuracy = accuracy;
  record_.omega = omega;
  events_.begin_step(step_, epoch());
  inspect(loss, gradient);
  clip(gradient, weights, clipped_derivatives);
  update(gradient, weights);
}

void RunTrainer::inspect(float loss, Span<const float> gradient) {
  measure_norms(gradient, layout_, norms_);
  if (is_gated(layout_.model.cell)) gate_norms_ = gate_norms(gradient, layout_);
  record_.grad_max_abs = largest_magnitude(gradient);
  events_.inspect_loss(loss, norms_.global);
  record_.nonfinite = events_.inspect(Phase::kGradient, gradient, norms_.global);
  events_.inspect_spike(gradient, norms_.global, gate_norms_);
}

void RunTrainer::clip(Span<float> gradient, Span<const float> weights, double clipped_derivatives) {
  raw_gradient_.assign(gradient.begin(), gradient.end());
  const ClipContext<float> context{layout_, norms_, weights, memory_};
  const ClipEffect effect = clip_gradient(rule_, context, gradient);
  record_.grad_norm_raw = norms_.global;
  record_.grad_norm_clipped = effect.clipped ? euclidean_norm(gradient) : norms_.global;
  record_.clip_scale = clip_scale(record_.grad_norm_raw, record_.grad_norm_clipped);
  record_.clipped = effect.clipped || clipped_derivatives > 0;
  record_.clipped_fraction = clipped_derivatives > 0 ? clipped_derivatives
                                                     : static_cast<double>(effect.changed) /
                                                           static_cast<double>(gradient.size());
  if (is_scheduled(plan_.training.optimizer)) record_.scheduled_learning_rate = learning_rate();
  record_.effective_learning_rate = learning_rate() * record_.clip_scale;
  if (const double limit = limit_in_force(rule_, context); std::isfinite(limit))
    record_.limit = limit;
  // Mode `backprop` has no unclipped gradient to compare with.
  if (spec_.clip.mode == ClipMode::kBackprop && record_.limit) return;
  if (effect.clipped)
    record_.cosine =
        as_float(cosine<float>(raw_gradient_, norms_.global, gradient, record_.grad_norm_clipped));
  else if (norms_.global > 0 && std::isfinite(norms_.global))
    record_.cosine = 1.0F;
}

void RunTrainer::update(Span<const float> gradient, Span<float> weights) {
  if (!weight_norm_) weight_norm_ = euclidean_norm(weights);
  record_.weight_norm = weight_norm_;
  if (drops_update() || clipping_skips_step()) {
    events_.note_missing_update();
    events_.inspect(Phase::kWeights, weights, *weight_norm_);
  } else {
    propose_update(gradient, weights);  // and inspect it: that may find a reason to drop it
  }
  if (takes_step()) return take_update(gradient, weights);
  if (!drops_update()) return;
  stopped_ = plan_.training.on_nonfinite == NonfinitePolicy::kStop;
  record_.skipped = !stopped_;
}

bool RunTrainer::clipping_skips_step() const {
  return spec_.clip.mode == ClipMode::kSkip && record_.clipped;
}

bool RunTrainer::takes_step() const { return !drops_update() && !clipping_skips_step(); }

bool RunTrainer::drops_update() const {
  return events_.findings().update_blocked &&
         plan_.training.on_nonfinite != NonfinitePolicy::kContinue;
}

void RunTrainer::propose_update(Span<const float> gradient, Span<const float> weights) {
  propose_step(parameters_of(step_), weights, gradient, optimizer_, proposal_);
  record_.update_norm = proposal_.norms.update;
  events_.inspect(Phase::kUpdate, proposal_.update, proposal_.norms.update);
  if (spec_.clip.mode == ClipMode::kUpdateNorm) clip_update(weights);
  events_.inspect(Phase::kWeights, proposal_.weights, proposal_.norms.weights);
}

// The optimizer's state stays that of the whole update.
void RunTrainer::clip_update(Span<const float> weights) {
  auto& update = proposal_.update;
  const double norm = proposal_.norms.update;
  const ClipEffect effect = clip_by_norm(Span<float>(update), norm, rule_.threshold);
  if (!effect.clipped) return;
  for (std::size_t i = 0; i < update.size(); ++i) proposal_.weights[i] = weights[i] - update[i];
  proposal_.norms = {euclidean_norm(update), euclidean_norm(proposal_.weights)};
  record_.update_norm = proposal_.norms.update;
  record_.clipped = true;
  record_.clipped_fraction =
      static_cast<double>(effect.changed) / static_cast<double>(update.size());
  record_.clip_scale = proposal_.norms.update / norm;
  record_.effective_learning_rate = learning_rate() * record_.clip_scale;
}

void RunTrainer::take_update(Span<const float> gradient, Span<float> weights) {
  weights_before_.assign(weights.begin(), weights.end());
  std::copy(proposal_.weights.begin(), proposal_.weights.end(), weights.begin());
  std::swap(optimizer_, proposal_.state);
  weight_norm_ = proposal_.norms.weights;
  if (!events_.findings().update_blocked || repairs_gradient(spec_.clip))
    remember(rule_, TakenStep<float>{norms_, raw_gradient_, gradient}, memory_);
}

GradientAt RunTrainer::start_of_step(Span<const float> weights) const {
  return {takes_step() ? Span<const float>(weights_before_) : weights, raw_gradient_};
}

void RunTrainer::place_middle(Span<const float> weights, Span<float> point) const {
  midpoint(start_of_step(weights).weights, weights, point);
}

void RunTrainer::place_small_step(Span<const float> weights, Span<float> point) const {
  small_step(start_of_step(weights), point);
}

void RunTrainer::measure_smoothness(Span<const float> weights, const GradientAt& middle) {
  record_.smoothness = {true, smoothness_between(start_of_step(weights), middle)};
}

void RunTrainer::measure_sharpness(Span<const float> weights, const GradientAt& small_step) {
  record_.sharpness = {true, curvature_between(start_of_step(weights), small_step)};
}

StepOutcome RunTrainer::record_step(Span<const float> weights) {
  record_.tensor_norms = norms_.tensors;
  last_loss_ = record_.loss;
  statistics_.add_step(record_, events_.findings());
  epoch_averages_.add_step(record_, gate_norms_);
  events_.end_step(record_);
  if (is_logged()) sink_(record_);
  return outcome_of_step(weights);
}

StepOutcome RunTrainer::outcome_of_step(Span<const float> weights) const {
  StepOutcome outcome;
  outcome.continues = !stopped_;
  outcome.weights_before = start_of_step(weights).weights;
  if (is_through_time_due())
    outcome.through_time_due = ThroughTimeRecord{step_, epoch(), events_.findings().has_event, {}};
  return outcome;
}

bool RunTrainer::is_through_time_due() const {
  const auto interval = static_cast<std::uint64_t>(plan_.through_time_every);
  if (interval == 0) return false;
  return step_ == 1 || step_ % interval == 0 ||
         events_.is_among_first_event_steps(kMaxEventSteps) || stopped_;
}

void RunTrainer::finish_epoch(double test_loss, double test_accuracy, std::vector<LayerRadii> radii,
                              const std::optional<Evaluation>& validation) {
  EpochRecord epoch = epoch_averages_.finish();
  epoch.epoch = epochs_.size() + 1;
  epoch.test_loss = test_loss;
  epoch.test_accuracy = test_accuracy;
  epoch.spectral_radius = std::move(radii);
  epoch.validation = validation;
  epochs_.push_back(std::move(epoch));
}

Outcome RunTrainer::outcome(Span<const float> weights) const {
  // Under `skip` a bad last batch does not affect the run.
  const bool loss_counts = plan_.training.on_nonfinite != NonfinitePolicy::kSkip;
  const bool bad_loss = loss_counts && !std::isfinite(last_loss_);
  return stopped_ || bad_loss || find_nonfinite(weights) ? Outcome::kDiverged : Outcome::kCompleted;
}

std::optional<std::uint64_t> RunTrainer::solved_at_step() const {
  const auto& solved = task_entry(plan_.training.task).solved_accuracy;
  for (const auto& epoch : epochs_)
    if (solved && epoch.test_accuracy > *solved)
      return epoch.epoch * static_cast<std::uint64_t>(plan_.training.steps_per_epoch);
  return std::nullopt;
}

RunState RunTrainer::state(Span<const float> weights) {
  ByteWriter writer;
  archive(writer);
  RunState state;
  state.run_id = spec_.id;
  state.step = step_;
  state.epochs = epochs_.size();
  state.weights.assign(weights.begin(), weights.end());
  state.trainer = writer.take();
  return state;
}

void RunTrainer::restore(const RunState& state, Span<float> weights) {
  ByteReader reader(state.trainer);
  archive(reader);
  const bool is_this_run = state.run_id == spec_.id && state.step == step_ &&
                           state.epochs == epochs_.size() && state.weights.size() == weights.size();
  if (!reader.is_at_end() || !is_this_run || !is_at_possible_step() || !has_possible_memory() ||
      !has_possible_records())
    throw DataError("the state belongs to another run");
  std::copy(state.weights.begin(), state.weights.end(), weights.begin());
  weight_norm_.reset();
}

// The evaluation after an epoch's last step may still be due.
bool RunTrainer::is_at_possible_step() const {
  const auto steps_per_epoch = static_cast<std::uint64_t>(plan_.training.steps_per_epoch);
  const std::uint64_t whole = step_ / steps_per_epoch;
  const bool may_be_due = whole > 0 && step_ % steps_per_epoch == 0;
  return step_ <= plan_.training.steps() && !stopped_ &&
         (epochs_.size() == whole || (may_be_due && epochs_.size() == whole - 1));
}

bool RunTrainer::has_possible_memory() const {
  const OptimizerState optimizer = initial_state(plan_.training.optimizer, layout_.size());
  const ClipMemory<float> memory(spec_.clip, layout_, spec_.seed);
  return optimizer_.velocity.size() == optimizer.velocity.size() &&
         optimizer_.mean_square.size() == optimizer.mean_square.size() &&
         optimizer_.steps <= step_ && memory_.steps <= step_ &&
         memory_.averages.size() == memory.averages.size() &&
         memory_.random_key == memory.random_key && memory_.norms.is_valid(memory.norms) &&
         memory_.recent_norms.is_valid(memory.recent_norms) &&
         memory_.carried.size() == memory.carried.size() && !find_nonfinite(memory_.carried);
}

bool RunTrainer::has_possible_records() const {
  const auto fit = [&](const EpochRecord& epoch) { return fits(epoch, layout_); };
  return events_.is_valid(step_) && statistics_.is_valid(step_) && epoch_averages_.is_valid() &&
         std::all_of(epochs_.begin(), epochs_.end(), fit) && has_possible_probes();
}

// The probe of the latest step may still be due.
bool RunTrainer::has_possible_probes() const {
  const auto& at = plan_.probe_at;
  const auto next = static_cast<std::ptrdiff_t>(probes_.size());
  if (probes_.size() > at.size() ||
      std::any_of(at.begin(), at.begin() + next, [&](std::uint64_t step) { return step > step_; }))
    return false;
  if (probes_.size() < at.size() && at[probes_.size()] < step_) return false;
  for (std::size_t i = 0; i < probes_.size(); ++i)
    if (probe_record_from_json(parse_json(probes_[i], "probe")).step != at[i]) return false;
  return true;
}

RunRecord RunTrainer::record(Outcome outcome) const {
  RunRecord record;
  record.spec = spec_;
  record.settings = settings_of(plan_, spec_);
  record.outcome = outcome;
  if (outcome == Outcome::kDiverged) record.reason = divergence_reason();
  record.epochs = epochs_;
  record.solved_at_step = solved_at_step();
  record.events = events_.events();
  record.tensor_names = layout_.names();
  record.totals = statistics_.totals();
  for (const auto& probe : probes_)
    record.probes.push_back(probe_record_from_json(parse_json(probe, "probe")));
  return record;
}

std::optional<std::string> RunTrainer::divergence_reason() const {
  for (const Event& event : events_.events()) {
    if (!is_nonfinite(event.kind) || event.action == Action::kSkipped) continue;
    if (!stopped_ || event.action == Action::kStopped) return in_words(event);
  }
  return std::nullopt;
}

std::uint64_t RunTrainer::epoch_of(std::uint64_t step) const {
  return (step - 1) / static_cast<std::uint64_t>(plan_.training.steps_per_epoch) + 1;
}

StepParameters RunTrainer::parameters_of(std::uint64_t step) const {
  const TrainingSettings& training = plan_.training;
  return {training.optimizer, spec_.regularization,
          learning_rate_at(step, spec_.learning_rate, training.optimizer, training.run_length())};
}

std::vector<float> RunTrainer::weights_after(Span<const float> gradient,
                                             Span<const float> weights) const {
  ProposedStep next;
  propose_step(parameters_of(step_ + 1), weights, gradient, optimizer_, next);
  return next.weights;
}

bool RunTrainer::is_logged() const {
  const auto interval = static_cast<std::uint64_t>(plan_.log_every);
  return step_ == 1 || step_ % interval == 0 || events_.findings().has_event || stopped_ ||
         step_ == plan_.training.steps();
}

}  // namespace clipsweep

#include "clipsweep/training/run_trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "clipsweep/base/statistics.h"
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

// Whether the sum of squares overflows float32, as it does for [1e20, 1e20]: a norm computed there
// would be Inf.
bool norm_overflows_float32(double norm) {
  return std::isfinite(norm) &&
         norm * norm > static_cast<double>(std::numeric_limits<float>::max());
}

// values [G], or empty
GateNumbers by_gate(Cell cell, const std::vector<double>& values) {
  const auto names = gate_letters(cell);
  GateNumbers numbers;
  for (std::size_t gate = 0; gate < values.size(); ++gate)
    numbers.emplace_back(names[gate], values[gate]);
  return numbers;
}

// "nan in the gradient at step 12, first in lstm.weight_ih"
std::string in_words(const Event& event) {
  const std::string place = event.tensor ? fmt::format(", first in {}", *event.tensor) : "";
  return fmt::format("{} in the {} at step {}{}", to_text(event.kind), to_text(event.phase),
                     event.step, place);
}

}  // namespace

std::vector<LayerRadii> radii_of_layers(Span<const float> weights, const ParameterLayout& layout) {
  constexpr int kMaxHidden = 256;  // one gate takes a tenth of a second then
  std::vector<LayerRadii> layers;
  if (layout.model.hidden > kMaxHidden) return layers;
  const auto hidden = static_cast<std::size_t>(layout.model.hidden);
  for (const auto& tensor : layout.tensors)
    if (is_recurrent(tensor))
      layers.push_back(
          {tensor.name, by_gate(layout.model.cell, spectral_radii(part(weights, tensor), hidden))});
  return layers;
}

RunTrainer::RunTrainer(const SweepPlan& plan, const RunSpec& spec, const ParameterLayout& layout,
                       StepSink sink)
    : plan_(plan),
      spec_(spec),
      layout_(layout),
      sink_(std::move(sink)),
      optimizer_(initial_state(plan.training.optimizer, layout.size())),
      memory_(spec.clip, layout, spec.seed) {}

bool RunTrainer::step(float loss, std::int64_t correct_counts, Span<float> gradient,
                      Span<float> weights, double clipped_derivatives) {
  ++step_;
  has_nonfinite_ = update_blocked_ = has_event_ = is_taken_ = false;
  record_ = {};
  inspect(loss, gradient);
  clip(gradient, weights, clipped_derivatives);
  update(gradient, weights);
  record_step(loss, correct_counts);
  return !stopped_;
}

void RunTrainer::inspect(float loss, Span<const float> gradient) {
  measure_norms(gradient, layout_, norms_);
  record_.grad_max_abs = largest_magnitude(gradient);
  note_nonfinite(Phase::kLoss, find_nonfinite(Span<const float>(&loss, 1)), norms_.global);
  inspect_phase(Phase::kGradient, gradient, norms_.global);
  inspect_gates(gradient);
  inspect_spike(gradient);
}

void RunTrainer::inspect_phase(Phase phase, Span<const float> values, double norm) {
  const auto found = std::isfinite(norm) ? std::nullopt : find_nonfinite(values);
  if (phase == Phase::kGradient) record_.nonfinite = found ? found->total() : 0;
  note_nonfinite(phase, found, norm);
  bool& overflowed = norm_overflows_[static_cast<std::size_t>(phase)];
  const bool overflows = norm_overflows_float32(norm);
  if (overflows && !overflowed)
    add_event(event_at(EventKind::kNormOverflow, phase, index_of_largest(values), norm));
  overflowed = overflows;
}

void RunTrainer::inspect_gates(Span<const float> gradient) {
  if (!is_gated(layout_.model.cell)) return;
  gate_norms_ = gate_norms(gradient, layout_);
  if (!std::isfinite(norms_.global)) return;
  epoch_gate_norms_.resize(gate_norms_.size());
  for (std::size_t gate = 0; gate < gate_norms_.size(); ++gate)
    epoch_gate_norms_[gate] += gate_norms_[gate];
  ++epoch_finite_steps_;
}

void RunTrainer::inspect_spike(Span<const float> gradient) {
  const auto median = spikes_.median_if_spike(norms_.global);
  if (!median) return;
  Event spike =
      event_at(EventKind::kSpike, Phase::kGradient, index_of_largest(gradient), norms_.global);
  spike.running_median = median;
  if (is_gated(layout_.model.cell)) spike.gate_norms = by_gate(layout_.model.cell, gate_norms_);
  add_event(std::move(spike));
  ++totals_.spikes;
}

void RunTrainer::clip(Span<float> gradient, Span<const float> weights, double clipped_derivatives) {
  raw_gradient_.assign(gradient.begin(), gradient.end());
  const ClipContext<float> view{layout_, norms_, weights, memory_};
  const ClipEffect effect = clip_gradient(spec_.clip, view, gradient);
  record_.grad_norm_raw = norms_.global;
  record_.grad_norm_clipped = effect.clipped ? euclidean_norm(gradient) : norms_.global;
  record_.clip_scale = clip_scale(record_.grad_norm_raw, record_.grad_norm_clipped);
  record_.clipped = effect.clipped || clipped_derivatives > 0;
  record_.clipped_fraction = clipped_derivatives > 0 ? clipped_derivatives
                                                     : static_cast<double>(effect.changed) /
                                                           static_cast<double>(gradient.size());
  record_.effective_learning_rate = learning_rate() * record_.clip_scale;
  if (const double limit = limit_in_force(spec_.clip, view); std::isfinite(limit))
    record_.limit = limit;
  // Of `backprop` there is only the clipped gradient.
  if (spec_.clip.mode == ClipMode::kBackprop && record_.limit) return;
  if (effect.clipped)
    record_.cosine =
        as_float(cosine<float>(raw_gradient_, norms_.global, gradient, record_.grad_norm_clipped));
  else if (norms_.global > 0 && std::isfinite(norms_.global))
    record_.cosine = 1.0F;
}

void RunTrainer::update(Span<const float> gradient, Span<float> weights) {
  if (update_blocked_ && !keeps_bad_updates()) {
    // There is no update, so the next bad one is news.
    is_nonfinite_[static_cast<std::size_t>(Phase::kUpdate)] = false;
    norm_overflows_[static_cast<std::size_t>(Phase::kUpdate)] = false;
    inspect_phase(Phase::kWeights, weights, euclidean_norm(weights));
  } else {
    propose_step({plan_.training.optimizer, spec_.regularization, learning_rate()}, weights,
                 gradient, optimizer_, proposal_);
    inspect_phase(Phase::kUpdate, proposal_.update, euclidean_norm(proposal_.update));
    inspect_phase(Phase::kWeights, proposal_.weights, euclidean_norm(proposal_.weights));
  }
  if (!update_blocked_ || keeps_bad_updates()) {
    std::swap_ranges(proposal_.weights.begin(), proposal_.weights.end(), weights.begin());
    std::swap(optimizer_, proposal_.state);
    is_taken_ = true;
    if (!update_blocked_ || is_repaired(Phase::kGradient)) remember(spec_.clip, norms_, memory_);
    return;
  }
  stopped_ = plan_.training.on_nonfinite == NonfinitePolicy::kStop;
  record_.skipped = !stopped_;
}

void RunTrainer::record_step(float loss, std::int64_t correct_counts) {
  record_.step = step_;
  record_.epoch = epoch();
  record_.loss = loss;
  record_.accuracy = static_cast<double>(correct_counts) / plan_.training.batch_size;
  record_.tensor_norms = norms_.tensors;
  totals_.steps = step_;
  totals_.clipped_steps += record_.clipped ? 1 : 0;
  totals_.skipped_steps += record_.skipped ? 1 : 0;
  totals_.nonfinite_steps += has_nonfinite_ ? 1 : 0;
  event_steps_ += has_event_ ? 1 : 0;
  epoch_loss_ += static_cast<double>(loss);
  epoch_accuracy_ += record_.accuracy;
  epoch_clipped_steps_ += record_.clipped ? 1 : 0;
  if (record_.clipped && record_.cosine) {
    cosine_sum_ += static_cast<double>(*record_.cosine);
    ++cosines_;
  }
  last_loss_ = loss;
  if (std::isfinite(norms_.global)) {
    last_finite_norm_ = norms_.global;
    finite_norms_.push_back(norms_.global);
    totals_.what_if.add_step(static_cast<double>(record_.grad_max_abs), norms_.global,
                             *std::max_element(norms_.tensors.begin(), norms_.tensors.end()));
  }
  recorder_.add_step(record_);
  if (is_logged()) sink_(record_);
}

bool RunTrainer::is_due_through_time() const {
  const auto interval = static_cast<std::uint64_t>(plan_.through_time_every);
  if (interval == 0) return false;
  const bool tells = has_event_ && event_steps_ <= kMaxEventSteps;
  return step_ == 1 || step_ % interval == 0 || tells || stopped_;
}

Span<const float> RunTrainer::weights_before(Span<const float> weights) const {
  return is_taken_ ? Span<const float>(proposal_.weights) : weights;
}

ThroughTimeRecord RunTrainer::through_time(std::vector<float> norms) const {
  return {step_, epoch(), has_event_, std::move(norms)};
}

void RunTrainer::finish_epoch(double test_loss, double test_accuracy,
                              std::vector<LayerRadii> radii) {
  const double steps = plan_.training.steps_per_epoch;
  EpochRecord epoch{epochs_.size() + 1,      epoch_loss_ / steps,
                    epoch_accuracy_ / steps, test_loss,
                    test_accuracy,           static_cast<double>(epoch_clipped_steps_) / steps};
  if (is_gated(layout_.model.cell)) {
    for (double& norm : epoch_gate_norms_) norm /= static_cast<double>(epoch_finite_steps_);
    epoch.gate_norms = by_gate(layout_.model.cell, epoch_gate_norms_);
  }
  epoch.spectral_radius = std::move(radii);
  epochs_.push_back(std::move(epoch));
  epoch_loss_ = epoch_accuracy_ = 0;
  epoch_clipped_steps_ = epoch_finite_steps_ = 0;
  epoch_gate_norms_.clear();
}

Outcome RunTrainer::outcome(Span<const float> weights) const {
  // Under `skip` a bad last batch has done nothing to the run.
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
    throw DataError("it is the state of another run");
  std::copy(state.weights.begin(), state.weights.end(), weights.begin());
}

// The evaluation after an epoch's last step may still be due.
bool RunTrainer::is_at_possible_step() const {
  const auto steps_per_epoch = static_cast<std::uint64_t>(plan_.training.steps_per_epoch);
  const std::uint64_t whole = step_ / steps_per_epoch;
  const bool may_be_due = whole > 0 && step_ % steps_per_epoch == 0;
  return step_ <= plan_.training.steps() && totals_.steps == step_ && !stopped_ &&
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
         spikes_.is_valid();
}

bool RunTrainer::has_possible_records() const {
  const auto is_finite = [](double norm) { return std::isfinite(norm); };
  const auto fit = [&](const auto& record) { return fits(record, layout_); };
  const Cell cell = layout_.model.cell;
  const std::size_t gates = is_gated(cell) ? cell_entry(cell).gates.size() : 0;
  return finite_norms_.size() <= step_ &&
         std::all_of(finite_norms_.begin(), finite_norms_.end(), is_finite) &&
         recorder_.is_valid(layout_, step_) && std::all_of(events_.begin(), events_.end(), fit) &&
         std::all_of(epochs_.begin(), epochs_.end(), fit) &&
         (epoch_gate_norms_.empty() || epoch_gate_norms_.size() == gates);
}

RunRecord RunTrainer::record(Outcome outcome) const {
  RunRecord record;
  record.spec = spec_;
  record.settings = settings_of(plan_, spec_);
  record.outcome = outcome;
  record.epochs = epochs_;
  record.solved_at_step = solved_at_step();
  record.events = events_;
  record.tensor_names = layout_.names();
  record.totals = totals_;
  const auto bad = std::find_if(events_.begin(), events_.end(), [&](const Event& event) {
    const bool nonfinite = event.kind == EventKind::kNan || event.kind == EventKind::kInf;
    return nonfinite && event.action != Action::kSkipped &&
           (!stopped_ || event.action == Action::kStopped);
  });
  if (outcome == Outcome::kDiverged && bad != events_.end()) record.reason = in_words(*bad);
  if (!finite_norms_.empty()) {
    auto norms = finite_norms_;
    std::sort(norms.begin(), norms.end());
    record.totals.grad_norm_raw =
        NormQuantiles{quantile_of_sorted(norms, 0.5), quantile_of_sorted(norms, 0.9),
                      quantile_of_sorted(norms, 0.99), norms.back()};
  }
  if (cosines_ > 0) record.totals.mean_cosine = cosine_sum_ / static_cast<double>(cosines_);
  return record;
}

void RunTrainer::note_nonfinite(Phase phase, const std::optional<NonfiniteCounts>& found,
                                double norm) {
  bool& was_bad = is_nonfinite_[static_cast<std::size_t>(phase)];
  const bool turns_bad = found && !was_bad;
  was_bad = found.has_value();
  has_nonfinite_ |= found.has_value();
  update_blocked_ |= found.has_value() && !is_repaired(phase);
  if (!turns_bad) return;
  const auto element = phase == Phase::kLoss ? std::nullopt : std::optional(found->first);
  Event event = event_at(found->nan > 0 ? EventKind::kNan : EventKind::kInf, phase, element, norm);
  event.nan = found->nan;
  event.positive_inf = found->positive_inf;
  event.negative_inf = found->negative_inf;
  event.action = action(phase);
  add_event(std::move(event));
}

Event RunTrainer::event_at(EventKind kind, Phase phase, std::optional<std::size_t> element,
                           double norm) const {
  Event event;
  event.kind = kind;
  event.step = step_;
  event.epoch = epoch();
  event.phase = phase;
  if (element) {
    const auto& tensor = layout_.tensor_at(*element);
    event.tensor = tensor.name;
    event.index = *element - tensor.offset;
  }
  event.norm = norm;
  event.last_finite_norm = last_finite_norm_;
  return event;
}

void RunTrainer::add_event(Event event) {
  event.before = recorder_.history_before(step_, event.kind);
  events_.push_back(std::move(event));
  has_event_ = true;
}

std::uint64_t RunTrainer::epoch() const {
  return (step_ - 1) / static_cast<std::uint64_t>(plan_.training.steps_per_epoch) + 1;
}

double RunTrainer::learning_rate() const {
  return learning_rate_in(epoch(), spec_.learning_rate, plan_.training.optimizer);
}

bool RunTrainer::is_repaired(Phase phase) const {
  return phase == Phase::kGradient && spec_.clip.mode == ClipMode::kRandomStep &&
         std::isfinite(spec_.clip.threshold);
}

Action RunTrainer::action(Phase phase) const {
  if (is_repaired(phase)) return Action::kContinued;
  switch (plan_.training.on_nonfinite) {
    case NonfinitePolicy::kStop:
      return Action::kStopped;
    case NonfinitePolicy::kSkip:
      return Action::kSkipped;
    case NonfinitePolicy::kContinue:
      break;
  }
  return Action::kContinued;
}

bool RunTrainer::keeps_bad_updates() const {
  return plan_.training.on_nonfinite == NonfinitePolicy::kContinue;
}

bool RunTrainer::is_logged() const {
  const auto interval = static_cast<std::uint64_t>(plan_.log_every);
  return step_ == 1 || step_ % interval == 0 || has_event_ || stopped_ ||
         step_ == plan_.training.steps();
}

}  // namespace clipsweep

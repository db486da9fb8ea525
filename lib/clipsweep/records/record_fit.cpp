#include "clipsweep/records/record_fit.h"

#include <algorithm>

namespace clipsweep {
namespace {

bool is_by_gate(const GateNumbers& numbers, Cell cell) {
  const auto names = gate_letters(cell);
  return std::equal(numbers.begin(), numbers.end(), names.begin(), names.end(),
                    [](const auto& number, const auto& name) { return number.first == name; });
}

// An enum's values count from 0.
template <typename Choice>
bool is_one_up_to(Choice last, Choice choice) {
  return static_cast<int>(choice) >= 0 && choice <= last;
}

bool has_known_choices(const Event& event) {
  return is_one_up_to(EventKind::kSpike, event.kind) &&
         is_one_up_to(Phase::kWeights, event.phase) &&
         is_one_up_to(Action::kContinued, event.action);
}

// Both a tensor of the layout and an element of it, or neither.
bool has_known_place(const Event& event, const ParameterLayout& layout) {
  if (!event.tensor || !event.index) return !event.tensor && !event.index;
  return std::any_of(layout.tensors.begin(), layout.tensors.end(), [&](const auto& tensor) {
    return tensor.name == *event.tensor && *event.index < tensor.size();
  });
}

bool is_of_recurrent_layers(const std::vector<LayerRadii>& layers, const ParameterLayout& layout) {
  auto layer = layers.begin();
  for (const auto& tensor : layout.tensors) {
    if (!is_recurrent(tensor)) continue;
    if (layer == layers.end() || layer->tensor != tensor.name) return false;
    if (!is_by_gate((layer++)->radii, layout.model.cell)) return false;
  }
  return layer == layers.end();
}

}  // namespace

bool fits(const StepRecord& record, const ParameterLayout& layout) {
  return record.tensor_norms.size() == layout.tensors.size();
}

bool fits(const Event& event, const ParameterLayout& layout) {
  const auto& steps = event.before.steps;
  return has_known_choices(event) && has_known_place(event, layout) &&
         std::all_of(steps.begin(), steps.end(),
                     [&](const auto& step) { return fits(step, layout); }) &&
         (!event.gate_norms || is_by_gate(*event.gate_norms, layout.model.cell));
}

bool fits(const EpochRecord& epoch, const ParameterLayout& layout) {
  const auto& norms = epoch.gate_norms;
  const auto& radii = epoch.spectral_radius;
  return (!norms || norms->empty() || is_by_gate(*norms, layout.model.cell)) &&
         (!radii || radii->empty() || is_of_recurrent_layers(*radii, layout));
}

}  // namespace clipsweep

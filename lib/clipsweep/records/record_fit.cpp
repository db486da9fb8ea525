#include "clipsweep/records/record_fit.h"

#include <algorithm>

namespace clipsweep {
namespace {

bool has_gates_of(const GateNumbers& numbers, Cell cell) {
  const auto names = gate_letters(cell);
  return std::equal(numbers.begin(), numbers.end(), names.begin(), names.end(),
                    [](const auto& number, const auto& name) { return number.first == name; });
}

template <typename Choice, std::size_t N>
bool is_in(const NameTable<Choice, N>& table, Choice choice) {
  return std::any_of(table.begin(), table.end(),
                     [&](const auto& entry) { return entry.first == choice; });
}

bool has_valid_choices(const Event& event) {
  return is_in(kEventKinds, event.kind) && is_in(kPhases, event.phase) &&
         is_in(kActions, event.action);
}

// Either a tensor of the layout and one of its elements, or neither.
bool has_valid_place(const Event& event, const ParameterLayout& layout) {
  if (!event.tensor || !event.index) return !event.tensor && !event.index;
  return std::any_of(layout.tensors.begin(), layout.tensors.end(), [&](const auto& tensor) {
    return tensor.name == *event.tensor && *event.index < tensor.size();
  });
}

bool are_of_recurrent_tensors(const std::vector<LayerRadii>& layers,
                              const ParameterLayout& layout) {
  auto layer = layers.begin();
  for (const auto& tensor : layout.tensors) {
    if (!is_recurrent(tensor)) continue;
    if (layer == layers.end() || layer->tensor != tensor.name) return false;
    if (!has_gates_of((layer++)->radii, layout.model.cell)) return false;
  }
  return layer == layers.end();
}

}  // namespace

bool fits(const StepRecord& record, const ParameterLayout& layout) {
  return record.tensor_norms.size() == layout.tensors.size();
}

bool fits(const Event& event, const ParameterLayout& layout) {
  const auto& steps = event.before.steps;
  return has_valid_choices(event) && has_valid_place(event, layout) &&
         std::all_of(steps.begin(), steps.end(),
                     [&](const auto& step) { return fits(step, layout); }) &&
         (!event.gate_norms || has_gates_of(*event.gate_norms, layout.model.cell));
}

bool fits(const EpochRecord& epoch, const ParameterLayout& layout) {
  const auto& norms = epoch.gate_norms;
  const auto& radii = epoch.spectral_radius;
  return (!norms || norms->empty() || has_gates_of(*norms, layout.model.cell)) &&
         (!radii || radii->empty() || are_of_recurrent_tensors(*radii, layout));
}

}  // namespace clipsweep

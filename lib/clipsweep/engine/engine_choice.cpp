#include "clipsweep/engine/engine_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/task_table.h"

namespace clipsweep {
namespace {

constexpr NameTable<EngineName, 2> kNames = {
    {{EngineName::kReference, "reference"}, {EngineName::kFused, "fused"}}};

// What the fused engine does not support about a model; empty if it supports the model.
std::string unsupported_by_fused(const Model& model) {
  if (cell_entry(model.cell).engines == CellEngines::kReferenceOnly) return to_text(model.cell);
  if (model.layers > 1) return fmt::format("{} layers", model.layers);
  if (model.target == Target::kClassEachStep) return "a class at each time step";
  return "";
}

// "lstm, rnn-tanh or rnn-relu"
std::string fused_cells_text() {
  std::vector<std::string> names;
  for (const Cell cell : fused_cells()) names.emplace_back(to_text(cell));
  std::string text = names.back();
  names.pop_back();
  return names.empty() ? text : join(names) + " or " + text;
}

}  // namespace

const char* to_text(EngineName name) { return name_in(kNames, name); }

bool fused_engine_supports(const Model& model) { return unsupported_by_fused(model).empty(); }

EngineChoice choose_engine(const std::string& engine, const std::string& device,
                           const Model& model) {
  if (engine == "reference") return {EngineName::kReference, "as requested"};
  const bool on_cpu = device == "cpu";
  const std::string unsupported = unsupported_by_fused(model);
  if (engine == "fused") {
    if (!on_cpu)
      throw ConfigError(
          "--engine fused runs only on the CPU; use --device cpu, or --engine reference");
    if (!unsupported.empty())
      throw ConfigError(
          fmt::format("--engine fused does not support {}: it supports one layer of {} with an "
                      "output after the "
                      "last time step; use --engine reference, or auto",
                      unsupported, fused_cells_text()));
    return {EngineName::kFused, "as requested"};
  }
  if (!on_cpu) return {EngineName::kReference, "auto: the only engine for --device " + device};
  if (!unsupported.empty())
    return {EngineName::kReference, "auto: the fused engine does not support " + unsupported};
  return {EngineName::kFused, fmt::format("auto: {} on the CPU", to_text(model.cell))};
}

EngineChoices choose_engines(const ExperimentConfig& config) {
  EngineChoices choices;
  for (const auto& setup : cell_setups(config)) {
    Model model;
    model.cell = setup.cell;
    model.layers = config.training.layers;
    model.target = task_entry(config.training.task).target;
    choices.emplace(setup.cell, choose_engine(config.engine, config.device, model));
  }
  return choices;
}

bool needs_reference(const EngineChoices& choices) {
  return std::any_of(choices.begin(), choices.end(), [](const auto& choice) {
    return choice.second.name == EngineName::kReference;
  });
}

}  // namespace clipsweep

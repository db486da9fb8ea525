#include "clipsweep/engine/engine_choice.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"

namespace clipsweep {
namespace {

constexpr NameTable<EngineName, 2> kNames = {
    {{EngineName::kReference, "reference"}, {EngineName::kFused, "fused"}}};

}  // namespace

const char* to_text(EngineName name) { return name_in(kNames, name); }

EngineChoice choose_engine(const std::string& engine, const std::string& device, Cell cell) {
  if (engine == "reference") return {EngineName::kReference, "as requested"};
  const bool on_cpu = device == "cpu";
  if (engine == "fused") {
    if (!on_cpu)
      throw ConfigError(
          "--engine fused runs only on the CPU; use --device cpu, or --engine reference");
    return {EngineName::kFused, "as requested"};
  }
  if (!on_cpu) return {EngineName::kReference, "auto: the only engine for --device " + device};
  return {EngineName::kFused, fmt::format("auto: {} on the CPU", to_text(cell))};
}

EngineChoices choose_engines(const ExperimentConfig& config) {
  EngineChoices choices;
  for (const auto& setup : cell_setups(config))
    choices.emplace(setup.cell, choose_engine(config.engine, config.device, setup.cell));
  return choices;
}

bool needs_reference(const EngineChoices& choices) {
  return std::any_of(choices.begin(), choices.end(), [](const auto& choice) {
    return choice.second.name == EngineName::kReference;
  });
}

}  // namespace clipsweep

// Chooses the engine that computes the gradients: the one that `--engine` requests, or the fastest
// for the device. The choice never depends on mode, threshold, learning rate or
// seed, so runs that are compared have the same engine.
#pragma once

#include <map>
#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/model/cells.h"

namespace clipsweep {

enum class EngineName { kReference, kFused };

// As in run.json: `reference`, `fused`.
const char* to_text(EngineName name);

struct EngineChoice {
  EngineName name = EngineName::kReference;
  std::string reason;  // "auto: lstm on the CPU"
};

// Chooses for a model of this cell. engine: `auto`, `reference` or `fused`; device: `cpu` or
// `cuda`. Throws ConfigError if the requested engine does not run on the device.
EngineChoice choose_engine(const std::string& engine, const std::string& device, Cell cell);

// By cell, because the models of one sweep differ only in their cell.
using EngineChoices = std::map<Cell, EngineChoice>;

// Chooses for every cell of the settings. Throws ConfigError as choose_engine does.
EngineChoices choose_engines(const ExperimentConfig& config);

bool needs_reference(const EngineChoices& choices);

}  // namespace clipsweep

// Chooses the engine that computes the gradients: the one that `--engine` requests, or the best for
// the task, cell, sizes and device. The choice never depends on mode, threshold, learning rate or
// seed, so runs that are compared have the same engine.
#pragma once

#include <map>
#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/model/model.h"

namespace clipsweep {

enum class EngineName { kReference, kFused };

// As in run.json: `reference`, `fused`.
const char* to_text(EngineName name);

// Whether the fused engine supports this model: one layer of a cell that has kernels (CellEntry),
// of any size, with an output after the last time step.
bool fused_engine_supports(const Model& model);

struct EngineChoice {
  EngineName name = EngineName::kReference;
  std::string reason;  // "auto: lstm on the CPU"
};

// Chooses for one model. engine: `auto`, `reference` or `fused`; device: `cpu` or `cuda`. Throws
// ConfigError if the requested engine does not support the model.
EngineChoice choose_engine(const std::string& engine, const std::string& device,
                           const Model& model);

// By cell, because the models of one sweep differ only in their cell.
using EngineChoices = std::map<Cell, EngineChoice>;

// Chooses for every cell of the settings. Throws ConfigError as choose_engine does.
EngineChoices choose_engines(const ExperimentConfig& config);

bool needs_reference(const EngineChoices& choices);

}  // namespace clipsweep

// Which engine computes the gradients: what `--engine` asks for, or the best for the task, cell,
// sizes and device. Never the mode, threshold, learning rate or seed decides: runs that are compared
// have the same engine.
#pragma once

#include <string>

#include "clipsweep/experiment_config.h"

namespace clipsweep {

enum class EngineName { kReference, kFused };

// As in run.json: `reference`, `fused`.
const char* to_text(EngineName name);

struct EngineChoice {
  EngineName name = EngineName::kReference;
  std::string reason;  // "auto: an LSTM on the CPU"
};

// Throws ConfigError if the engine that is asked for cannot do what the settings say.
EngineChoice choose_engine(const ExperimentConfig& config);

}  // namespace clipsweep

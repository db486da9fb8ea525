// Which engine computes the gradients.
#pragma once

#include "clipsweep/experiment_config.h"
#include "clipsweep/gradient_engine.h"

namespace clipsweep {

// The engine that the settings ask for. Throws ConfigError if this machine cannot run it.
EngineFactory engine_factory(const ExperimentConfig& config);

}  // namespace clipsweep

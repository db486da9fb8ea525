// Which engine computes the gradients, and on how many workers.
#pragma once

#include <cstddef>
#include <string>

#include "clipsweep/experiment_config.h"
#include "clipsweep/gradient_engine.h"

namespace clipsweep {

// The engine that the settings ask for. Throws ConfigError if this machine cannot run it.
EngineFactory engine_factory(const ExperimentConfig& config);

}  // namespace clipsweep

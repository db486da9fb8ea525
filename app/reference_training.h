// What only clipsweep-train can do, since it loads LibTorch.
#pragma once

#include "clipsweep/experiment/experiment_config.h"
#include "commands/training_commands.h"

namespace clipsweep {

// Both engines, each for the cells it is chosen for. Throws ConfigError if this machine lacks the
// device. Warns about a slow BLAS.
TrainingEngines all_training_engines(const ExperimentConfig& config, const EngineChoices& choices);

// Each returns the exit code.
int run_bench(const CommandLine& line);
int run_measure(const ExperimentConfig& config, const TrainingEngines& engines);

}  // namespace clipsweep

// What only clipsweep-train can do, because it loads LibTorch.
#pragma once

#include "clipsweep/experiment/experiment_config.h"
#include "commands/training_commands.h"

namespace clipsweep {

// Returns both engines, each for the cells it is chosen for. Throws ConfigError if this machine
// lacks the device. Warns about a slow BLAS.
TrainingEngines all_training_engines(const ExperimentConfig& config, const EngineChoices& choices);

// Each returns the exit code.
int run_bench(const BenchCommand& command);
int run_measure(const MeasureCommand& command, const MakeEngines& make_engines);

}  // namespace clipsweep

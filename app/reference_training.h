// What only clipsweep-train can do, since it loads LibTorch.
#pragma once

#include "clipsweep/experiment_config.h"
#include "training_commands.h"

namespace clipsweep {

// Throws ConfigError if this machine lacks the device. Warns about a slow BLAS.
TrainingEngine reference_training_engine(const ExperimentConfig& config,
                                         const EngineChoice& choice);

// Each returns the exit code.
int run_bench(const CommandLine& line);
int run_measure(const ExperimentConfig& config, const TrainingEngine& engine);

}  // namespace clipsweep

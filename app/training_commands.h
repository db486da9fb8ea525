// The commands that compute gradients. They are given an engine that is ready: clipsweep itself has
// the fused one; clipsweep-train, which loads LibTorch, has the reference engine and `bench`.
#pragma once

#include <string>

#include "clipsweep/engine_choice.h"
#include "clipsweep/gradient_engine.h"
#include "clipsweep/json.h"
#include "command_line.h"

namespace clipsweep {

// An engine that is ready, and what sweep.json says of it.
struct TrainingEngine {
  EngineChoice choice;
  EngineFactory make;
  std::string simd;  // the instruction set, as run.json records it
  Json software;     // the versions of what it is made of
};

TrainingEngine fused_training_engine(const EngineChoice& choice);

// Each is given the command line and the settings it resolves to, and returns the exit code.
int run_sweep(const CommandLine& line, const ExperimentConfig& config, const TrainingEngine& engine,
              int argc, const char* const* argv);
int run_trace(const CommandLine& line, const ExperimentConfig& config,
              const TrainingEngine& engine);

}  // namespace clipsweep

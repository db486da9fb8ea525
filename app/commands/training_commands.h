// The commands that compute gradients. They are given engines that are ready: clipsweep itself
// has the fused one; clipsweep-train, which loads LibTorch, has the reference engine too, and
// `bench`.
#pragma once

#include <map>
#include <string>

#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/io/json.h"
#include "command_line.h"

namespace clipsweep {

// The engines of a sweep, ready, and what sweep.json says of them.
struct TrainingEngines {
  EngineChoices choices;
  EngineFactory make;                      // the one that is chosen for the layout's cell
  std::map<EngineName, std::string> simd;  // the instruction set, as run.json records it
  Json software;                           // the versions of what they are made of

  // `fused, AVX2`: engine and instruction set of the runs with this cell.
  std::string description(Cell cell) const;
};

TrainingEngines fused_training_engines(const EngineChoices& choices);

// Each is given the command line and the settings it resolves to, and returns the exit code.
int run_sweep(const CommandLine& line, const ExperimentConfig& config,
              const TrainingEngines& engines, int argc, const char* const* argv);
int run_trace(const CommandLine& line, const ExperimentConfig& config,
              const TrainingEngines& engines);

}  // namespace clipsweep

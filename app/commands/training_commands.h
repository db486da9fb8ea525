// The commands that compute gradients. clipsweep itself has the fused engine; clipsweep-train,
// which loads LibTorch, has the reference engine as well.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/io/json.h"
#include "command_line.h"

namespace clipsweep {

// The engines of a sweep, and what sweep.json records about them.
struct TrainingEngines {
  EngineChoices choices;
  EngineFactory make;                      // makes the engine chosen for the layout's cell
  std::map<EngineName, std::string> simd;  // the instruction set, as run.json records it
  Json software;                           // the versions of their libraries

  // `fused, AVX2`: engine and instruction set of the runs with this cell.
  std::string description(Cell cell) const;
};

TrainingEngines fused_training_engines(const EngineChoices& choices);

// Makes the engines that the settings ask for. In clipsweep it does not return if they need
// LibTorch: clipsweep-train then replaces the process.
using MakeEngines = std::function<TrainingEngines(const ExperimentConfig&)>;

// Each returns the exit code. The arguments are those of the process, for sweep.json.
int run_sweep(const SweepCommand& command, const std::vector<std::string>& arguments,
              const MakeEngines& make_engines);
int run_trace(const TraceCommand& command, const MakeEngines& make_engines);
int run_cliff(const CliffCommand& command, const MakeEngines& make_engines);

}  // namespace clipsweep

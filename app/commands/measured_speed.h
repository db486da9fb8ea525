// How fast this machine computes the steps of a plan: measured in a second, then read from a cache
// for an hour.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/engine/engine_choice.h"
#include "clipsweep/training/speed_estimate.h"

namespace clipsweep {

struct MeasuredSpeed {
  SpeedMeasurements measurements;
  std::string measured;  // when, in UTC
  // Why nothing was measured: the engine's program is not installed. Empty if it was.
  std::string problem = {};
};

// The arguments are those of `clipsweep plan`: clipsweep-train measures with them if an engine
// needs LibTorch.
MeasuredSpeed measured_speed(const ExperimentConfig& config, const SweepPlan& plan,
                             const EngineChoices& choices,
                             const std::vector<std::string>& arguments);

}  // namespace clipsweep

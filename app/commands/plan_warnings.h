// What makes a sweep unable to answer: said by `plan`, and by `sweep` before it trains.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/training/speed_estimate.h"

namespace clipsweep {

// Too few seeds for a verdict, no arm without clipping, or none with it. Each says what to do.
std::vector<std::string> plan_warnings(const SweepPlan& plan);

// Thresholds that are more than ten times the largest gradient of the measured first steps: even a
// spike would not reach them.
std::vector<std::string> threshold_warnings(const SweepPlan& plan,
                                            const SpeedMeasurements& measurements);

// If the logs need more bytes than are free where the folder is, or will be.
std::vector<std::string> disk_warnings(const fs::path& folder, double bytes);

}  // namespace clipsweep

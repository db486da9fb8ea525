#include "commands/plan_warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "clipsweep/analysis/number_text.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/event_record.h"
#include "clipsweep/statistics/interval.h"

namespace clipsweep {
namespace {

bool is_plain(const RunSpec& run) { return run.clip.mode == ClipMode::kNone; }

// The largest seen in the first steps of any measured run.
struct LargestGradient {
  double norm = 0;
  double element = 0;
  std::uint64_t steps = 0;
};

LargestGradient largest_of(const SpeedMeasurements& measurements) {
  LargestGradient largest;
  for (const auto& [cell, measurement] : measurements) {
    largest.norm = std::max(largest.norm, measurement.largest_norm);
    largest.element = std::max(largest.element, measurement.largest_element);
    largest.steps = std::max(largest.steps, measurement.steps);
  }
  return largest;
}

// What the threshold of a mode is compared with; nothing for modes that need other numbers.
struct Quantity {
  double largest;
  const char* name;
};

std::optional<Quantity> compared_quantity(ClipMode mode, const LargestGradient& largest) {
  switch (mode) {
    case ClipMode::kValue:
      return Quantity{largest.element, "element"};
    case ClipMode::kGlobalNorm:
    case ClipMode::kTensorNorm:
    case ClipMode::kSkip:
    case ClipMode::kCarry:
      return Quantity{largest.norm, "norm"};
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<std::string> plan_warnings(const SweepPlan& plan) {
  std::set<std::uint64_t> seeds;
  for (const auto& run : plan.runs) seeds.insert(run.seed);
  const auto plain = std::count_if(plan.runs.begin(), plan.runs.end(), is_plain);
  const bool has_noise_floor = std::any_of(plan.runs.begin(), plan.runs.end(),
                                           [](const RunSpec& run) { return run.perturbed; });
  std::vector<std::string> warnings;
  if (plain == 0)
    warnings.push_back(
        "no arm is without clipping, so there is nothing to compare with; add none to --clip or "
        "--mode");
  if (plain == std::ptrdiff_t(plan.runs.size()) && !has_noise_floor)
    warnings.push_back(
        "no arm clips, so there is nothing to compare; add a mode, for example --clip "
        "none,global-norm:1");
  if (seeds.size() < kMinPairsForVerdict)
    warnings.push_back(fmt::format(
        "{} {} too few for a verdict, which needs {}; give more with --seeds, such as "
        "--seeds 10",
        counted(seeds.size(), "seed"), seeds.size() == 1 ? "is" : "are", kMinPairsForVerdict));
  return warnings;
}

std::vector<std::string> threshold_warnings(const SweepPlan& plan,
                                            const SpeedMeasurements& measurements) {
  const LargestGradient largest = largest_of(measurements);
  if (!(largest.norm > 0)) return {};
  std::map<ClipMode, std::vector<std::string>> unreached;
  for (const auto& run : plan.runs) {
    const auto quantity = compared_quantity(run.clip.mode, largest);
    const double threshold = run.clip.threshold;
    if (!quantity || std::isinf(threshold) || threshold <= kSpikeFactor * quantity->largest)
      continue;
    auto& names = unreached[run.clip.mode];
    const std::string name = to_text(run.clip);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::vector<std::string> warnings;
  for (const auto& [mode, names] : unreached) {
    const Quantity quantity = *compared_quantity(mode, largest);
    warnings.push_back(fmt::format(
        "{} may never act: the largest {} of a gradient in the first {} is {}", join(names),
        quantity.name, counted(largest.steps, "step"), norm_text(quantity.largest, 3)));
  }
  return warnings;
}

std::vector<std::string> disk_warnings(const fs::path& folder, double bytes) {
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!error && !existing.empty() && !fs::exists(existing, error) &&
         existing != existing.parent_path())
    existing = existing.parent_path();
  const auto space = fs::space(existing, error);
  if (error || bytes <= static_cast<double>(space.available)) return {};
  return {fmt::format(
      "{}: the sweep needs about {}, but {} are free; --compress or --log-every 10 makes it "
      "smaller",
      existing.string(), bytes_text(bytes), bytes_text(static_cast<double>(space.available)))};
}

}  // namespace clipsweep

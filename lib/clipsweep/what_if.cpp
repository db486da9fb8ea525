#include "clipsweep/what_if.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace clipsweep {
namespace {

double share_above(const std::vector<double>& sorted, double threshold) {
  const auto first = std::upper_bound(sorted.begin(), sorted.end(), threshold);
  return static_cast<double>(sorted.end() - first) / static_cast<double>(sorted.size());
}

}  // namespace

std::vector<double> what_if_thresholds(const std::vector<ClipRule>& rules) {
  std::set<double> thresholds = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100};
  for (const auto& rule : rules) {
    const bool fits = rule.mode == ClipMode::kValue || rule.mode == ClipMode::kGlobalNorm ||
                      rule.mode == ClipMode::kTensorNorm;
    if (fits && std::isfinite(rule.threshold)) thresholds.insert(rule.threshold);
  }
  return {thresholds.begin(), thresholds.end()};
}

std::vector<WhatIf> what_if(LoggedNorms norms, const std::vector<double>& thresholds) {
  std::vector<WhatIf> rows;
  if (norms.norms.empty()) return rows;
  for (auto* values : {&norms.largest_elements, &norms.norms, &norms.largest_tensor_norms})
    std::sort(values->begin(), values->end());
  for (const double threshold : thresholds)
    rows.push_back({threshold, share_above(norms.largest_elements, threshold),
                    share_above(norms.norms, threshold),
                    share_above(norms.largest_tensor_norms, threshold)});
  return rows;
}

}  // namespace clipsweep

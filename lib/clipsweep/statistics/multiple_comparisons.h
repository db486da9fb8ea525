// Claims about the best of several arms, which was chosen because it looked best: corrected
// p-values, simultaneous intervals, and an estimate without the bias of the choice.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "clipsweep/statistics/mean_inference.h"

namespace clipsweep {

// The p-values after Holm's (1979) correction for multiple comparisons, in the same order.
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

// Values of K arms at the same n seeds, [K][n]; nothing where an arm has none at a seed.
using ArmValues = std::vector<std::vector<std::optional<double>>>;

// The interval and the p-value of the mean of one arm that was chosen among all K: the interval is
// one of K that contain all K true means at once in 95 %, whichever is looked at. By the largest t
// of the K arms in each resample of the seeds (max-T; Westfall & Young, 1993), which follows the
// correlation of arms that share their seeds and their baseline; limited as in `infer_mean`, the
// upper limit being twice Student's after Bonferroni's correction. The same as `infer_mean` for one
// arm, and never narrower. Nothing where `infer_mean` of the chosen arm has nothing.
std::optional<MeanInference> infer_chosen_mean(const ArmValues& differences, std::size_t chosen);

// The same for several of the K arms, in their order; the resamples are drawn once.
std::vector<std::optional<MeanInference>> infer_chosen_means(
    const ArmValues& differences, const std::vector<std::size_t>& chosen);

// What the best of the arms gains over the best of the baselines on seeds that had no part in the
// choice. Of many splits of the seeds into halves, one half chooses the arm and the baseline with
// the highest mean, and the other measures their difference; the mean over the splits. If all arms
// are equal, its expectation is zero; the plain difference of the best is above it. It is
// conservative where arms differ, because half of the seeds choose worse than all. Nothing with
// fewer than two seeds at which every arm and baseline has a value.
std::optional<double> split_seed_gain(const ArmValues& arms, const ArmValues& baselines);

// Arms that are chosen by other values than they are judged by, such as those on a validation set.
struct SplitValues {
  ArmValues judged;
  ArmValues choice;  // of the same arms at the same seeds
};

// The same: one half of the seeds chooses by `choice`, the other measures `judged`.
std::optional<double> split_seed_gain(const SplitValues& arms, const SplitValues& baselines);

}  // namespace clipsweep

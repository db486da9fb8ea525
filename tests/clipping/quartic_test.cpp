// What theory says about clipping on (L0, L1)-smooth functions (Zhang et al., 2020): without it,
// gradient descent must be slow enough for the steepest point it starts from.
#include "support/quartic.h"

#include <gtest/gtest.h>

namespace clipsweep {
namespace {

constexpr long kMost = 20'000;
constexpr long kFew = 1'000;  // for descents that need fewer than 40

TEST(Quartic, IsSmoothInTheSenseOfL0AndL1) {
  for (const double l1 : {1.0, 30.0})
    for (double x = 0; x < 20; x += 0.01) {
      const Quartic f{2, l1};
      EXPECT_LE(f.curvature(x), 2 + l1 * std::abs(f.derivative(x))) << x;
    }
}

// The largest stable rate at the start is 2 / f''(5), which falls with L1^2.
TEST(Quartic, UnclippedDescentSlowsDownWithTheSquareOfL1) {
  const auto gentle = tuned_descent({1, 4}, ClipMode::kNone, kMost);
  const auto steep = tuned_descent({1, 16}, ClipMode::kNone, kMost);
  ASSERT_TRUE(gentle && steep);
  EXPECT_GT(steep->mean_iterations, 10 * gentle->mean_iterations);
}

// A clipped step is as long as the step at the threshold, however steep the function is.
TEST(Quartic, ClippedDescentHardlyDependsOnL1) {
  for (const ClipMode mode : {ClipMode::kGlobalNorm, ClipMode::kValue, ClipMode::kSmooth}) {
    const auto gentle = tuned_descent({1, 4}, mode, kFew);
    const auto steep = tuned_descent({1, 64}, mode, kFew);
    ASSERT_TRUE(gentle && steep) << to_text(mode);
    EXPECT_LT(steep->mean_iterations, 5 * gentle->mean_iterations) << to_text(mode);
    EXPECT_LT(steep->mean_iterations, 40) << to_text(mode);
  }
}

// With one parameter all norms are the absolute value.
TEST(Quartic, ModesByValueAndByNormAreTheSameInOneDimension) {
  const Quartic f{1, 16};
  const auto by_norm = iterations(f, {ClipMode::kGlobalNorm, 0.5}, 1, 5, kMost);
  ASSERT_TRUE(by_norm);
  EXPECT_EQ(iterations(f, {ClipMode::kValue, 0.5}, 1, 5, kMost), by_norm);
  EXPECT_EQ(iterations(f, {ClipMode::kTensorNorm, 0.5}, 1, 5, kMost), by_norm);
}

}  // namespace
}  // namespace clipsweep

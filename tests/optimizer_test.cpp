#include "clipsweep/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace clipsweep {
namespace {

using Row = std::vector<float>;

TEST(ProposeStep, IsPlainGradientDescent) {
  SgdStep step;
  propose_step({0.5, 0, 0}, Row{1, 2}, Row{2, -4}, Row{9, 9}, step);
  EXPECT_EQ(step.update, (Row{1, -2}));
  EXPECT_EQ(step.weights, (Row{0, 4}));
}

// Worked by hand from v <- m v + (g + d w), w <- w - r v with m = 0.5, d = 0.25, r = 1.
TEST(ProposeStep, AddsDecayThenMomentum) {
  SgdStep step;
  propose_step({1, 0.5, 0.25}, Row{4}, Row{2}, Row{8}, step);
  EXPECT_EQ(step.velocity, Row{0.5F * 8 + (2 + 0.25F * 4)});
  EXPECT_EQ(step.weights, Row{4 - 7});
}

TEST(ProposeStep, WithoutMomentumAnInfiniteVelocityIsForgotten) {
  SgdStep step;
  propose_step({1, 0, 0}, Row{std::numeric_limits<float>::infinity()}, Row{1}, Row{NAN}, step);
  EXPECT_EQ(step.update, Row{1});
}

}  // namespace
}  // namespace clipsweep

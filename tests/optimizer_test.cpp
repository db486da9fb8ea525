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

// w <- w - r (g + l sign(w)) with l = 0.25, r = 1; the sign of 0 is 0.
TEST(ProposeStep, AddsTheSignsOfTheWeightsForL1) {
  SgdStep step;
  SgdSettings settings;
  settings.learning_rate = 1;
  settings.l1 = 0.25;
  propose_step(settings, Row{4, -4, 0}, Row{1, 1, 1}, Row(3), step);
  EXPECT_EQ(step.weights, (Row{4 - 1.25F, -4 - 0.75F, -1}));
}

// As in SGDW: w - r v - r d w with r = 0.5, d = 0.25, and nothing of it in the velocity.
TEST(ProposeStep, DecoupledDecayStaysOutOfTheVelocity) {
  SgdStep step;
  SgdSettings settings;
  settings.learning_rate = 0.5;
  settings.momentum = 0.5;
  settings.decoupled_weight_decay = 0.25;
  propose_step(settings, Row{4}, Row{2}, Row{8}, step);
  EXPECT_EQ(step.velocity, Row{6});
  EXPECT_EQ(step.update, Row{0.5F * 6 + 0.5F * 0.25F * 4});
  EXPECT_EQ(step.weights, Row{4 - 3.5F});
}

TEST(ProposeStep, WithoutMomentumAnInfiniteVelocityIsForgotten) {
  SgdStep step;
  propose_step({1, 0, 0}, Row{std::numeric_limits<float>::infinity()}, Row{1}, Row{NAN}, step);
  EXPECT_EQ(step.update, Row{1});
}

}  // namespace
}  // namespace clipsweep

// On quadratic losses, whose gradient is H w and whose Hessian is known.
#include "clipsweep/model/local_smoothness.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

using Row = std::vector<float>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// H = diag(1, 4).
Row gradient_at(const Row& weights) { return {weights[0], 4 * weights[1]}; }

TEST(LocalSmoothness, IsTheCurvatureAlongAnAxis) {
  const Row from = {1, 2}, along_first = {3, 2}, along_second = {1, 2.5};
  const Row gradient = gradient_at(from);
  EXPECT_EQ(smoothness_between({from, gradient}, {along_first, gradient_at(along_first)}), 1.0);
  EXPECT_EQ(smoothness_between({from, gradient}, {along_second, gradient_at(along_second)}), 4.0);
  EXPECT_EQ(curvature_between({from, gradient}, {along_second, gradient_at(along_second)}), 4.0);
}

TEST(LocalSmoothness, IsALengthAndTheCurvatureItsPartAlongTheStep) {
  const Row from = {0, 0}, to = {1, 1};
  const Row before = gradient_at(from), after = gradient_at(to);
  EXPECT_DOUBLE_EQ(smoothness_between({from, before}, {to, after}).value(), std::sqrt(17.0 / 2));
  EXPECT_DOUBLE_EQ(curvature_between({from, before}, {to, after}).value(), 5.0 / 2);
}

TEST(LocalSmoothness, HasASignOnlyInTheCurvature) {
  const Row from = {0}, to = {2}, before = {0}, after = {-6};
  EXPECT_EQ(smoothness_between({from, before}, {to, after}), 3.0);
  EXPECT_EQ(curvature_between({from, before}, {to, after}), -3.0);
}

TEST(LocalSmoothness, IsNothingWithoutAStepOrAFiniteGradient) {
  const Row from = {1, 2}, to = {1, 3}, gradient = {1, 1};
  EXPECT_FALSE(smoothness_between({from, gradient}, {from, gradient}));
  EXPECT_FALSE(curvature_between({from, gradient}, {from, gradient}));
  for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
    const Row broken = {1, bad};
    EXPECT_FALSE(smoothness_between({from, gradient}, {to, broken}));
    EXPECT_FALSE(curvature_between({from, broken}, {to, gradient}));
  }
}

TEST(Midpoint, LiesBetweenNumbersWhoseSumOverflows) {
  const Row from = {1, 3e38F}, to = {4, 3.2e38F};
  Row point(2);
  midpoint(from, to, point);
  EXPECT_FLOAT_EQ(point[0], 2.5F);
  EXPECT_FLOAT_EQ(point[1], 3.1e38F);
}

TEST(SmallStep, GoesDownTheGradientByAShareOfTheWeights) {
  const Row weights = {3, 4};
  for (const float size : {1e-20F, 1.0F, 1e20F}) {
    const Row gradient = {0, 2 * size};
    Row point(2);
    small_step({weights, gradient}, point);
    EXPECT_EQ(point[0], 3);
    EXPECT_NEAR(point[1], 4 - kSmallStep * 5, 5e-7);  // |w| is 5
  }
}

TEST(SmallStep, MeasuresTheCurvatureOfAQuadratic) {
  const Row weights = {3, 4}, gradient = gradient_at(weights);
  Row point(2);
  small_step({weights, gradient}, point);
  const auto curvature = curvature_between({weights, gradient}, {point, gradient_at(point)});
  // g'Hg / g'g with g = (3, 16): (9 + 4 * 256) / (9 + 256)
  EXPECT_NEAR(curvature.value(), 1033.0 / 265, 1e-2);
}

TEST(SmallStep, IsNoneWhereTheGradientHasNoDirection) {
  const Row weights = {3, 4};
  for (const Row& gradient : {Row{0, 0}, Row{1, kInfinity}, Row{std::nanf(""), 1}}) {
    Row point(2);
    small_step({weights, gradient}, point);
    EXPECT_EQ(point, weights);
  }
}

TEST(SmallStep, LeavesAModelWhoseWeightsAreZero) {
  const Row weights = {0, 0}, gradient = {0, -3};
  Row point(2);
  small_step({weights, gradient}, point);
  EXPECT_FLOAT_EQ(point[1], static_cast<float>(kSmallStep));
}

}  // namespace
}  // namespace clipsweep

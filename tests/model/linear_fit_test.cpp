#include "clipsweep/model/linear_fit.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace clipsweep {
namespace {

using Points = std::vector<std::pair<double, double>>;

LinearFit fit_of(const Points& points) {
  LinearFit fit;
  for (const auto& [x, y] : points) fit.add(x, y);
  return fit;
}

// Anscombe's first quartet, whose line is y = 3.0 + 0.5 x with r = 0.816 (Anscombe, 1973).
const Points kAnscombe = {{10, 8.04}, {8, 6.95}, {13, 7.58},  {9, 8.81}, {11, 8.33}, {14, 9.96},
                          {6, 7.24},  {4, 4.26}, {12, 10.84}, {7, 4.82}, {5, 5.68}};

TEST(LinearFit, IsTheLeastSquaresLine) {
  const LinearFit fit = fit_of(kAnscombe);
  EXPECT_EQ(fit.points, 11U);
  EXPECT_NEAR(fit.slope().value(), 0.5000909, 1e-7);  // numpy.polyfit and corrcoef
  EXPECT_NEAR(fit.intercept().value(), 3.0000909, 1e-7);
  EXPECT_NEAR(fit.correlation().value(), 0.8164205, 1e-7);
}

TEST(LinearFit, OfPartsIsThatOfAllPoints) {
  const LinearFit whole = fit_of(kAnscombe);
  LinearFit merged;
  merged.add(fit_of({kAnscombe.begin(), kAnscombe.begin() + 4}));
  merged.add(LinearFit{});
  merged.add(fit_of({kAnscombe.begin() + 4, kAnscombe.end()}));
  EXPECT_EQ(merged.points, whole.points);
  EXPECT_NEAR(merged.slope().value(), whole.slope().value(), 1e-12);
  EXPECT_NEAR(merged.correlation().value(), whole.correlation().value(), 1e-12);
}

TEST(LinearFit, LosesNoDigitsFarFromZero) {
  const LinearFit fit = fit_of({{1e9 + 1, 2}, {1e9 + 2, 4}, {1e9 + 3, 6}, {1e9 + 4, 8}});
  EXPECT_DOUBLE_EQ(fit.slope().value(), 2);
  EXPECT_DOUBLE_EQ(fit.correlation().value(), 1);
}

TEST(LinearFit, HasNoLineWithoutThreePointsThatDiffer) {
  EXPECT_FALSE(fit_of({}).slope());
  EXPECT_FALSE(fit_of({{1, 2}, {3, 4}}).slope());
  EXPECT_FALSE(fit_of({{1, 2}, {1, 3}, {1, 4}}).intercept());
  const LinearFit level = fit_of({{1, 2}, {2, 2}, {3, 2}});
  EXPECT_EQ(level.slope(), 0.0);
  EXPECT_FALSE(level.correlation());
}

}  // namespace
}  // namespace clipsweep

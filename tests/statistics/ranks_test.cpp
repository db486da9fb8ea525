#include "clipsweep/statistics/ranks.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "support/special_values.h"

namespace clipsweep {
namespace {

TEST(SignedRank, AgreesWithAnIndependentProgram) {
  // scipy.stats.wilcoxon([6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75]): exact
  // (Darwin's maize, the example of scipy's documentation)
  EXPECT_NEAR(signed_rank_p_value({6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75}),
              0.041259765625, 1e-12);
}

TEST(SignedRank, AgreesWithCountsByHand) {
  EXPECT_DOUBLE_EQ(signed_rank_p_value({1, 2, 3, 4, 5}), 2.0 / 32);
  // Sizes 1, 1, 1: all signs are equal in 1 of 8 ways on each side.
  EXPECT_DOUBLE_EQ(signed_rank_p_value({1, 1, 1}), 2.0 / 8);
  // Ranks 1.5, 1.5, 3, the 3 negative. Sums of up to 3: {}, 1.5, 1.5, 3 and 1.5 + 1.5, 5 ways of 8.
  EXPECT_DOUBLE_EQ(signed_rank_p_value({1, 1, -2}), 1);
}

TEST(SignedRank, LeavesOutZerosAndRanksInfinityLast) {
  EXPECT_EQ(signed_rank_p_value({}), 1);
  EXPECT_EQ(signed_rank_p_value({0, 0}), 1);
  EXPECT_EQ(signed_rank_p_value({0, 1, 2, 3, 4, 5}), signed_rank_p_value({1, 2, 3, 4, 5}));
  EXPECT_EQ(signed_rank_p_value({1, -2, kInfinity, kInfinity}), signed_rank_p_value({1, -2, 9, 9}));
  EXPECT_THROW(signed_rank_p_value({1, kNotANumber}), std::logic_error);
}

TEST(SignedRank, ApproximatesAboveFiftyDifferences) {
  // scipy.stats.wilcoxon(d, method="approx", correction=False) of (-1)^i (i + 20), i = 0 to 59,
  // but positive for i >= 50
  std::vector<double> differences;
  for (int i = 0; i < 60; ++i) differences.push_back((i % 2 == 0 || i >= 50 ? 1 : -1) * (i + 20));
  EXPECT_NEAR(signed_rank_p_value(differences), 0.05107789118547695, 1e-12);
}

}  // namespace
}  // namespace clipsweep

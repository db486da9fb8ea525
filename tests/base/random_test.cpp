#include "clipsweep/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace clipsweep {
namespace {

std::vector<double> normals(std::uint64_t key, std::uint64_t number, std::size_t count) {
  std::vector<double> numbers(count);
  NormalStream(key, number).fill(Span<double>(numbers));
  return numbers;
}

// Kolmogorov and Smirnov's distance between the empirical distribution and the normal one: below
// 1.95 / sqrt(n) with a probability of 99.9 %.
TEST(NormalStream, IsNormal) {
  auto numbers = normals(1, 0, 1'000'000);
  std::sort(numbers.begin(), numbers.end());
  double distance = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double expected = std::erfc(-numbers[i] / std::sqrt(2.0)) / 2;
    distance = std::max(distance, std::fabs(expected - (double(i) + 0.5) / double(numbers.size())));
  }
  EXPECT_LT(distance, 1.95 / 1000);
}

// 2.58e-4 of all numbers are beyond 3.654, where the ziggurat ends: 2,580 of 10 million, plus or
// minus 3 times their square root.
TEST(NormalStream, HasBothTails) {
  const auto numbers = normals(2, 0, 10'000'000);
  const auto above = std::count_if(numbers.begin(), numbers.end(),
                                   [](double x) { return x > 3.6541528853610088; });
  const auto below = std::count_if(numbers.begin(), numbers.end(),
                                   [](double x) { return x < -3.6541528853610088; });
  EXPECT_NEAR(static_cast<double>(above), 1290, 108);
  EXPECT_NEAR(static_cast<double>(below), 1290, 108);
}

TEST(NormalStream, EachKeyAndNumberHasItsOwnStream) {
  EXPECT_EQ(normals(1, 2, 10), normals(1, 2, 10));
  EXPECT_NE(normals(1, 2, 10), normals(1, 3, 10));
  EXPECT_NE(normals(1, 2, 10), normals(2, 2, 10));
  EXPECT_NE(normals(1, 2, 10), normals(2, 1, 10));
}

// All versions and machines draw the same numbers: these are from version 0.1.0.
TEST(NormalStream, IsTheSameEverywhere) {
  const auto numbers = normals(0, 0, 3);
  EXPECT_NEAR(numbers[0], 0.46500324814555, 1e-12);
  EXPECT_NEAR(numbers[1], 0.786548376425433, 1e-12);
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/model/spectral_radius.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace clipsweep {
namespace {

using Numbers = std::vector<float>;

// Integers without a pattern that matters for eigenvalues, divided by 64.
Numbers scrambled(int size) {
  Numbers matrix;
  for (int i = 0; i < size; ++i)
    for (int j = 0; j < size; ++j)
      matrix.push_back(static_cast<float>((i * i * 7 + j * j * 3 + i * j) % 101 - 50) / 64);
  return matrix;
}

// Uniform numbers in [-1/2, 1/2) by a linear congruential generator (Numerical Recipes).
Numbers random_matrix(int size) {
  Numbers matrix;
  std::uint32_t state = 1;
  for (int i = 0; i < size * size; ++i) {
    state = state * 1664525U + 1013904223U;
    matrix.push_back(static_cast<float>(state >> 8) / 0x1p24F - 0.5F);
  }
  return matrix;
}

// The numbers are those of numpy 2.4.6: np.abs(np.linalg.eigvals(m)).max(), in float64.
TEST(SpectralRadius, AgreesWithNumpy) {
  EXPECT_NEAR(spectral_radius(Numbers{1, 2, 3, 4}, 2), 5.372281323269014, 1e-14);
  EXPECT_NEAR(spectral_radius(Numbers{1, 2, 3, 4, 5, 6, 7, 8, 10}, 3), 16.707493316124744, 1e-13);
  EXPECT_NEAR(spectral_radius(scrambled(50), 50), 3.5110616005489383, 1e-12);
}

// From 192 rows on only the largest eigenvalues are searched for. numpy 2.4.6 again.
TEST(SpectralRadius, OfLargeMatricesAgreesWithNumpy) {
  EXPECT_NEAR(spectral_radius(random_matrix(192), 192) / 4.104414013587064, 1, 1e-12);
  EXPECT_NEAR(spectral_radius(random_matrix(256), 256) / 5.079033567942929, 1, 1e-12);
}

TEST(SpectralRadius, OfALargeMatrixIsTheSameEachTimeAndAtEachScale) {
  Numbers matrix = random_matrix(200);
  const double radius = spectral_radius(matrix, 200);
  EXPECT_EQ(spectral_radius(matrix, 200), radius);
  for (float& number : matrix) number *= 0x1p-100F;
  EXPECT_EQ(spectral_radius(matrix, 200), radius * 0x1p-100);
}

// Arnoldi's method finds other eigenvalues of these, or none.
TEST(SpectralRadius, OfLargeMatricesWithAPatternIsExact) {
  constexpr int kSize = 256;
  const auto matrix_of = [](const auto& number) {
    Numbers matrix;
    for (int i = 0; i < kSize; ++i)
      for (int j = 0; j < kSize; ++j) matrix.push_back(number(i, j));
    return matrix;
  };
  const auto radius_of = [&](const auto& number) {
    return spectral_radius(matrix_of(number), kSize);
  };
  EXPECT_EQ(radius_of([](int, int) { return 0.0F; }), 0);
  EXPECT_EQ(radius_of([](int i, int j) { return i == j ? 1.0F : 0.0F; }), 1);
  EXPECT_NEAR(radius_of([](int, int) { return 0.25F; }), 64, 1e-11);
  EXPECT_EQ(radius_of([](int i, int j) { return i < j ? 0.25F : 0.0F; }), 0);
  EXPECT_NEAR(radius_of([](int i, int j) { return j == (i + 1) % kSize ? 1.0F : 0.0F; }), 1, 1e-12);
  EXPECT_NEAR(
      radius_of([](int i, int j) { return i == j ? 1 - 0.001F * static_cast<float>(i) : 0.0F; }), 1,
      1e-12);
}

TEST(SpectralRadius, IsTheAbsoluteValueOfComplexEigenvalues) {
  // numpy 2.4.6: 0.375 +- 2.446i
  EXPECT_NEAR(spectral_radius(Numbers{0.5F, -2, 3, 0.25F}, 2), 2.4748737341529163, 1e-14);
}

TEST(SpectralRadius, IsNotTheNorm) {
  EXPECT_EQ(spectral_radius(Numbers{-3}, 1), 3);
  EXPECT_EQ(spectral_radius(Numbers{0, 100, 0, 0}, 2), 0);
  EXPECT_EQ(spectral_radius(Numbers{2, 100, 0, -3}, 2), 3);
}

TEST(SpectralRadius, IsNanIfAnElementIsNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(std::isnan(spectral_radius(Numbers{1, NAN, 0, 1}, 2)));
  EXPECT_TRUE(std::isnan(spectral_radius(Numbers{1, -infinity, 0, 1}, 2)));
}

// 3.4e38 is near the largest float32 number; the radius exceeds it.
TEST(SpectralRadius, DoesNotOverflow) {
  const float large = 3.4e38F;
  EXPECT_NEAR(spectral_radius(Numbers{large, large, large, large}, 2) / large, 2, 1e-14);
}

TEST(SpectralRadii, AreOneForEachGate) {
  const auto radii = spectral_radii(Numbers{1, 0, 0, 1, 2, 0, 0, 0, 0, -1, 1, 0}, 2);
  EXPECT_EQ(radii, (std::vector<double>{1, 2, 1}));
}

TEST(SpectralRadius, RefusesAMatrixThatIsNotSquare) {
  EXPECT_THROW(spectral_radius(Numbers{1, 2, 3}, 2), std::logic_error);
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/model/gradient_norms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/special_values.h"

namespace clipsweep {
namespace {

TEST(EuclideanNorm, IsCorrectForEveryLength) {
  for (std::size_t size = 0; size < 40; ++size)
    EXPECT_DOUBLE_EQ(euclidean_norm(std::vector<float>(size, 2)),
                     2 * std::sqrt(static_cast<double>(size)));
}

TEST(EuclideanNorm, CoversTheRangeOfFloat32) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_DOUBLE_EQ(euclidean_norm(std::vector<float>(4, largest)), 2.0 * largest);
  const float smallest = std::numeric_limits<float>::denorm_min();
  EXPECT_DOUBLE_EQ(euclidean_norm(std::vector<float>(4, smallest)), 2.0 * smallest);
}

TEST(EuclideanNorm, IsNonfiniteExactlyIfAnElementIs) {
  for (std::size_t place = 0; place < 19; ++place) {
    std::vector<float> values(19, 1);
    values[place] = kNotANumber;
    EXPECT_TRUE(std::isnan(euclidean_norm(values)));
    values[place] = -kInfinity;
    EXPECT_TRUE(std::isinf(euclidean_norm(values)));
  }
}

TEST(MeasureNorms, GlobalNormIsTheNormOfTheTensorsNorms) {
  const auto layout = lstm_layout(2, 1, 2);  // 8, 4, 4, 2, 2 elements
  const std::vector<float> row(layout.size(), 3);
  GradientNorms norms;
  measure_norms(row, layout, norms);
  ASSERT_EQ(norms.tensors.size(), 5U);
  EXPECT_DOUBLE_EQ(norms.tensors[0], 3 * std::sqrt(8.0));
  EXPECT_DOUBLE_EQ(norms.tensors[4], 3 * std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(norms.global, 3 * std::sqrt(20.0));
}

TEST(GateNorms, AreOverTheRowsOfEachGateInAllRecurrentTensors) {
  for (const Cell cell : {Cell::kLstm, Cell::kGru, Cell::kRnnTanh}) {
    const auto layout = layout_of({cell, 2, 3, 5, 4, Target::kClass, 0});
    std::vector<float> row(layout.size());
    std::vector<double> squares(static_cast<std::size_t>(gates_of(cell)));
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = static_cast<float>(i % 17) - 8;
      const auto& tensor = layout.tensor_at(i);
      const auto columns = tensor.size() / static_cast<std::size_t>(tensor.shape[0]);
      if (is_output(tensor)) continue;
      squares[(i - tensor.offset) / columns / 5] += static_cast<double>(row[i]) * row[i];  // H = 5
    }
    const auto norms = gate_norms(row, layout);
    ASSERT_EQ(norms.size(), squares.size());
    for (std::size_t gate = 0; gate < norms.size(); ++gate)
      EXPECT_DOUBLE_EQ(norms[gate], std::sqrt(squares[gate]));
  }
}

TEST(DotProduct, IsCorrectForEveryLength) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::vector<float> threes(size, 3);
    EXPECT_EQ(dot_product(threes, std::vector<float>(size, -2)), -6 * static_cast<double>(size));
  }
  const float largest = std::numeric_limits<float>::max();
  EXPECT_EQ(dot_product(std::vector<float>{largest}, std::vector<float>{largest}),
            static_cast<double>(largest) * static_cast<double>(largest));
}

// 16,777,217 is not a float32: the product is rounded once, from double.
TEST(Multiply, RoundsEachProductOnce) {
  for (std::size_t size = 0; size < 20; ++size) {
    std::vector<float> values(size, 16'777'216);
    EXPECT_EQ(multiply(Span<float>(values), 16'777'217.0 / 16'777'216), 0U) << size;
    EXPECT_EQ(values, std::vector<float>(size, 16'777'216)) << size;
    EXPECT_EQ(multiply(Span<float>(values), 0.1), size);
    EXPECT_EQ(values, std::vector<float>(size, static_cast<float>(16'777'216 * 0.1))) << size;
  }
}

TEST(Multiply, CountsWhatChanges) {
  for (const std::size_t place : {0, 8}) {
    std::vector<float> values(9, 0.0F);
    values[place] = kNotANumber;
    EXPECT_EQ(multiply(Span<float>(values), 0.5), 1U) << place;
    EXPECT_TRUE(std::isnan(values[place])) << place;
    values[place] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(multiply(Span<float>(values), 0.5), 0U) << place;
    EXPECT_EQ(multiply(Span<float>(values), 0.0), 1U) << place;  // Inf * 0 is NaN
  }
}

TEST(LargestMagnitude, IsNanIfAnyElementIs) {
  EXPECT_EQ(largest_magnitude(std::vector<float>{1, -3, 2}), 3);
  EXPECT_EQ(largest_magnitude(std::vector<float>{1, -kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(largest_magnitude(std::vector<float>{kInfinity, kNotANumber, 1})));
  EXPECT_EQ(index_of_largest(std::vector<float>{1, -3, 2}), 1U);
}

TEST(FindNonfinite, CountsEachKindAndReturnsTheFirst) {
  EXPECT_FALSE(find_nonfinite(std::vector<float>{0, -1, std::numeric_limits<float>::max(),
                                                 std::numeric_limits<float>::denorm_min()}));
  const auto found =
      find_nonfinite(std::vector<float>{0, kInfinity, kNotANumber, -kInfinity, kInfinity});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->first, 1U);
  EXPECT_EQ(found->nan, 1U);
  EXPECT_EQ(found->positive_inf, 2U);
  EXPECT_EQ(found->negative_inf, 1U);
}

}  // namespace
}  // namespace clipsweep

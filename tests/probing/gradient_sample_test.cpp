#include "clipsweep/probing/gradient_sample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/model/wide_norms.h"
#include "clipsweep/probing/count_sketch.h"

namespace clipsweep {
namespace {

std::vector<float> normal_row(std::size_t size, float mean, NormalStream& random) {
  std::vector<float> row(size);
  random.fill(Span<float>(row));
  for (float& element : row) element += mean;
  return row;
}

TEST(CountSketch, KeepsInnerProductsWithinItsError) {
  NormalStream random(0, 0);
  const auto a = normal_row(50'000, 0.5F, random);
  const auto b = normal_row(50'000, 0.5F, random);
  std::vector<float> sketch_of_a(kMaxSketchSize), sketch_of_b(kMaxSketchSize);
  add_sketch(a, sketch_of_a);
  add_sketch(b, sketch_of_b);
  const double norms = wide_norm(Span<const float>(a)) * wide_norm(Span<const float>(b));
  EXPECT_NEAR(dot_product(sketch_of_a, sketch_of_b) / norms, dot_product(a, b) / norms,
              4 * std::sqrt(2.0 / kMaxSketchSize));
}

TEST(SketchSize, IsChosenWhereGradientsDoNotFitIntoTheMemory) {
  EXPECT_FALSE(sketch_size(1670, 100, 10));
  EXPECT_FALSE(sketch_size(83'886, 100, 10));  // 2 x 100 x 83,886 x 4 bytes: just below 64 MiB
  EXPECT_EQ(sketch_size(83'887, 100, 10), kMaxSketchSize);
  EXPECT_EQ(sketch_size(10'000'000, 1000, 100), 128U);  // 101 x 1000 x 128 x 4 bytes: 49 MiB
}

class GradientSampleTest : public testing::Test {
 protected:
  ProbeRecord record_of(const ParameterLayout& layout, std::size_t batches,
                        std::size_t broken = 0) {
    const std::vector<float> weights(layout.size(), 0.1F);
    GradientSample sample(layout, rules_, weights, batches);
    NormalStream random(0, 0);
    for (std::size_t k = 0; k < batches; ++k) {
      auto gradient = normal_row(layout.size(), 0.2F, random);
      if (k < broken) gradient[3] = std::numeric_limits<float>::quiet_NaN();
      sample.add(gradient);
    }
    return sample.record(7);
  }

  std::vector<ClipRule> rules_ = {{ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 20}};
};

TEST_F(GradientSampleTest, LeavesOutGradientsThatAreNotFinite) {
  const auto layout = lstm_layout(2, 3, 2);
  const auto record = record_of(layout, 40, 15);
  EXPECT_EQ(record.batches, 25U);
  EXPECT_EQ(record.nonfinite, 15U);
  ASSERT_TRUE(record.gradients);
  EXPECT_EQ(record.rules.size(), 2U);
  const auto too_few = record_of(layout, 40, 21);
  EXPECT_EQ(too_few.batches, 19U);
  EXPECT_FALSE(too_few.gradients);
  EXPECT_TRUE(too_few.rules.empty());
}

TEST_F(GradientSampleTest, IsReadBackFromItsJson) {
  for (const std::size_t broken : {0, 15, 30}) {
    const Json json = to_json(record_of(lstm_layout(2, 3, 2), 40, broken));
    EXPECT_EQ(to_json(probe_record_from_json(parse_json(to_line(json), "probe"))), json);
  }
}

TEST_F(GradientSampleTest, RefusesAPredictionThatItsCriterionDoesNotMake) {
  Json json = to_json(record_of(lstm_layout(2, 3, 2), 40));
  Json& prediction = json["rules"][0]["prediction"];
  prediction = prediction == "helps" ? "hurts" : "helps";
  EXPECT_THROW(probe_record_from_json(json), DataError);
}

// Earlier versions predicted help however small it was.
TEST_F(GradientSampleTest, ReadsThePredictionsOfEarlierVersions) {
  Json json = to_json(record_of(lstm_layout(2, 3, 2), 40));
  Json& rule = json["rules"][0];
  rule["clipped_share"] = 0.1;
  rule["comparison_criterion"] = {{"value", 1.02}, {"interval", {1.01, 1.03}}};
  for (const char* name : {"negligible", "helps"}) {
    rule["prediction"] = name;
    const auto record = probe_record_from_json(json);
    EXPECT_EQ(to_json(record)["rules"][0]["prediction"], "negligible") << name;
  }
  for (const char* name : {"hurts", "unclear", "inactive"}) {
    rule["prediction"] = name;
    EXPECT_THROW(probe_record_from_json(json), DataError) << name;
  }
}

// 91,266 parameters: beyond 64 MiB with 100 batches.
TEST_F(GradientSampleTest, OfALargeModelIsCloseToWhatTheGradientsWereDrawnFrom) {
  const auto layout = lstm_layout(28, 136, 10);
  const auto record = record_of(layout, 100);
  const auto parameters = static_cast<double>(layout.size());
  ASSERT_EQ(record.sketch_size, kMaxSketchSize);
  const auto& gradients = *record.gradients;
  EXPECT_NEAR(gradients.norm_mean, std::sqrt(1.04 * parameters), 2);
  EXPECT_NEAR(gradients.noise_variance / parameters, 1, 0.05);
  EXPECT_NEAR(*gradients.expected_gradient_norm / std::sqrt(0.04 * parameters), 1, 0.05);
  const auto& by_norm = record.rules[1].statistics;
  EXPECT_EQ(by_norm.clipped_share, 1);
  const double scale = 20 / std::sqrt(1.04 * parameters);
  EXPECT_NEAR(*by_norm.descent_reduction / scale, 1, 0.02);
  EXPECT_NEAR(*by_norm.variance_reduction / (scale * scale), 1, 0.02);
}

TEST(ProbedRules, AreThoseOfModesWithoutMemoryAndWithFiniteThresholds) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto probed = probed_rules({{ClipMode::kNone},
                                    {ClipMode::kValue, 0.5},
                                    {ClipMode::kValue, inf},
                                    {ClipMode::kAutoclip, 10},
                                    {ClipMode::kBackprop, 1},
                                    {ClipMode::kAgc, 0.01},
                                    {ClipMode::kCarry, 1},
                                    {ClipMode::kSmooth, 1},
                                    {ClipMode::kSkip, 2},
                                    {ClipMode::kUpdateNorm, 1},
                                    {ClipMode::kRandomStep, 1}});
  ASSERT_EQ(probed.size(), 4U);
  EXPECT_EQ(to_text(probed[0]), "value:0.5");
  EXPECT_EQ(to_text(probed[1]), "agc:0.01");
  EXPECT_EQ(to_text(probed[2]), "smooth:1");
  EXPECT_EQ(to_text(probed[3]), "skip:2");
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/advice/threshold_advice.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "clipsweep/advice/advice_json.h"
#include "clipsweep/advice/advice_text.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/text.h"
#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/validation/schemas.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

NormLog log_of(std::vector<double> norms) {
  NormLog log;
  log.where = "log";
  log.format = "numbers";
  log.norms = std::move(norms);
  for (std::size_t i = 1; i <= log.norms.size(); ++i) log.steps.push_back(static_cast<double>(i));
  return log;
}

// 1, 2, ... n
std::vector<double> counting(int n) {
  std::vector<double> norms;
  for (int i = 1; i <= n; ++i) norms.push_back(i);
  return norms;
}

// exp of normal numbers with this deviation
std::vector<double> lognormal(std::size_t n, double deviation) {
  std::vector<float> normal(n);
  NormalStream(7, 1).fill(Span<float>(normal));
  std::vector<double> norms;
  for (const float number : normal) norms.push_back(std::exp(deviation * double(number)));
  return norms;
}

const RuleEffect& effect_at(const ThresholdAdvice& advice, double threshold) {
  for (const auto& effect : advice.thresholds)
    if (effect.rule.threshold == threshold) return effect;
  throw std::logic_error("no such threshold");
}

TEST(ThresholdAdvice, CountsAThresholdAsClippingDoes) {
  const auto advice = advise(log_of({1, 2, 4, 8}), {2, 8});
  // Clipped only above the limit; 2/4 and 2/8 are the scales.
  EXPECT_EQ(effect_at(advice, 2).clipped, 2U);
  EXPECT_EQ(effect_at(advice, 2).clipped_share, 0.5);
  EXPECT_DOUBLE_EQ(effect_at(advice, 2).mean_scale, (1 + 1 + 0.5 + 0.25) / 4);
  EXPECT_EQ(effect_at(advice, 8).clipped, 0U);
  EXPECT_EQ(effect_at(advice, 8).mean_scale, 1);
  EXPECT_EQ(advise(log_of({1, 2}), {kInf}).thresholds.front().mean_scale, 1);
}

TEST(ThresholdAdvice, ReadsAThresholdAsSummariesDo) {
  const auto advice = advise(log_of(counting(100)), {100, 90, 89, 11, 10});
  EXPECT_EQ(effect_at(advice, 100).behaviour, ClippingBehaviour::kNeverActed);
  EXPECT_EQ(effect_at(advice, 90).behaviour, ClippingBehaviour::kSafetyNet);
  EXPECT_EQ(effect_at(advice, 89).behaviour, ClippingBehaviour::kActsOften);
  EXPECT_EQ(effect_at(advice, 11).behaviour, ClippingBehaviour::kActsOften);
  EXPECT_EQ(effect_at(advice, 10).behaviour, ClippingBehaviour::kStepSizeLimiter);
}

TEST(ThresholdAdvice, CountsNonfiniteNormsApart) {
  const auto advice = advise(log_of({1, kNan, 3, kInf, kInf}), {2});
  EXPECT_EQ(advice.steps, 5U);
  EXPECT_EQ(advice.finite, 2U);
  EXPECT_EQ(advice.nan.first, std::vector<double>{2});
  EXPECT_EQ(advice.infinite.count, 2U);
  EXPECT_EQ(advice.infinite.first, (std::vector<double>{4, 5}));
  EXPECT_EQ(advice.mean, 2);
  EXPECT_EQ(effect_at(advice, 2).clipped_share, 0.5);
  EXPECT_THROW(advise(log_of({kNan, kInf})), DataError);
}

TEST(ThresholdAdvice, TellsDrift) {
  EXPECT_EQ(advise(log_of(counting(100))).drift->direction, DriftDirection::kRises);
  EXPECT_DOUBLE_EQ(*advise(log_of(counting(100))).drift->ratio, 90.5 / 10.5);
  auto falling = counting(100);
  std::reverse(falling.begin(), falling.end());
  EXPECT_EQ(advise(log_of(falling)).drift->direction, DriftDirection::kFalls);
  EXPECT_EQ(advise(log_of(lognormal(1000, 1))).drift->direction, DriftDirection::kSteady);
  EXPECT_FALSE(advise(log_of(counting(4))).drift);
}

TEST(ThresholdAdvice, ListsTheLargestSpikes) {
  std::vector<double> norms(200, 1.0);
  norms[50] = 11;
  norms[150] = 100;
  norms[160] = 10;  // not above 10 times the median
  auto log = log_of(norms);
  log.losses.assign(200, 3.0);
  const auto advice = advise(log);
  ASSERT_EQ(advice.spikes, 2U);
  EXPECT_EQ(advice.largest_spikes[0].step, 151);
  EXPECT_EQ(advice.largest_spikes[0].median, 1);
  EXPECT_EQ(advice.largest_spikes[0].loss, 3);
  EXPECT_EQ(advice.largest_spikes[1].step, 51);
}

// By the formula that Seetharaman et al. (2020) give, with numpy's percentile.
TEST(ThresholdAdvice, ReplaysAutoClip) {
  const auto advice = advise(log_of({4, 1, 3}));
  const RuleEffect& autoclip = advice.adaptive.front();
  // The 10th percentiles of {4}, {1, 4}, {1, 3, 4} are 4, 1.3 and 1.4.
  EXPECT_EQ(autoclip.rule.mode, ClipMode::kAutoclip);
  EXPECT_EQ(autoclip.clipped, 1U);
  EXPECT_DOUBLE_EQ(autoclip.mean_scale, (1 + 1 + 1.4 / 3) / 3);
  EXPECT_DOUBLE_EQ(*autoclip.last_limit, 1.4);
}

TEST(ThresholdAdvice, ReplaysZClip) {
  // A warm-up of 25 norms of 1 and 3, then an outlier.
  std::vector<double> norms;
  for (int i = 0; i < 24; ++i) norms.push_back(i % 2 == 0 ? 1 : 3);
  norms.push_back(2);
  norms.push_back(20);
  const auto advice = advise(log_of(norms));
  const RuleEffect& zclip = advice.adaptive.back();
  const double deviation = std::sqrt(24.0 / 25);  // around a mean of 2
  const double z = (20 - 2) / deviation;
  EXPECT_EQ(zclip.clipped, 1U);
  EXPECT_NEAR(zclip.mean_scale, (25 + (2 + deviation * 2.5 * 2.5 / z) / 20) / 26, 1e-12);
  EXPECT_NEAR(*zclip.last_limit, 2 + 2.5 * deviation, 1e-12);
}

TEST(ThresholdAdvice, SuggestsThreeThresholdsInTwoDigits) {
  for (const double deviation : {0.3, 1.0, 3.0}) {
    const auto advice = advise(log_of(lognormal(20000, deviation)));
    ASSERT_EQ(advice.suggestions.size(), 3U);
    EXPECT_EQ(advice.suggestions[0].effect.behaviour, ClippingBehaviour::kSafetyNet);
    EXPECT_NEAR(advice.suggestions[0].effect.clipped_share, 0.01, 0.005);
    EXPECT_NEAR(advice.suggestions[1].effect.clipped_share, 0.1, 0.05);
    EXPECT_EQ(advice.suggestions[2].effect.behaviour, ClippingBehaviour::kStepSizeLimiter);
    for (const auto& suggestion : advice.suggestions) {
      const double threshold = suggestion.effect.rule.threshold;
      EXPECT_EQ(threshold, *parse_number(fmt::format("{:.1e}", threshold)));
    }
  }
}

// Norms between 1 and 1.02: in two digits every threshold would clip all of them or none.
TEST(ThresholdAdvice, SuggestsMoreDigitsWhereNormsAreClose) {
  std::vector<double> norms;
  for (int i = 0; i < 1000; ++i) norms.push_back(1 + 2e-5 * i);
  const auto advice = advise(log_of(norms));
  EXPECT_NEAR(advice.suggestions[0].effect.clipped_share, 0.01, 0.005);
  EXPECT_NEAR(advice.suggestions[1].effect.clipped_share, 0.1, 0.05);
  EXPECT_GE(advice.suggestions[2].effect.clipped_share, 0.9);
}

TEST(ThresholdAdvice, NoticesNormsAfterClipping) {
  auto norms = lognormal(2000, 0.5);
  EXPECT_FALSE(advise(log_of(norms)).pile_up);
  std::vector<double> rounded = norms;
  for (double& norm : rounded) norm = std::round(norm * 10) / 10;
  EXPECT_FALSE(advise(log_of(rounded)).pile_up);
  std::size_t clipped = 0;
  for (double& norm : norms)
    if (norm > 2) {
      norm = 2 * norm / (norm + 1e-6);  // as PyTorch clips
      ++clipped;
    }
  const auto pile_up = advise(log_of(norms)).pile_up;
  ASSERT_TRUE(pile_up);
  EXPECT_EQ(pile_up->count, clipped);
  EXPECT_NEAR(pile_up->norm, 2, 1e-5);
}

TEST(ThresholdAdvice, SaysWhatMakesALogLessReliable) {
  const auto first_caution = [](const NormLog& log) {
    return caution_sentences(log, advise(log)).front();
  };
  auto log = log_of(counting(200));
  EXPECT_TRUE(holds(first_caution(log), "Clipping would have changed the norms"));
  for (double& step : log.steps) step *= 10;
  EXPECT_TRUE(holds(first_caution(log), "about one in 10 steps"));
  log.steps[100] = 5;
  EXPECT_TRUE(holds(first_caution(log), "The step does not grow at 1 place"));
  EXPECT_TRUE(holds(first_caution(log_of(counting(99))), "99 finite norms are few"));
}

TEST(ThresholdAdvice, CoversTheRangeOfTheNorms) {
  const auto thresholds_for = [](const std::vector<double>& norms) {
    std::vector<double> thresholds;
    for (const auto& effect : advise(log_of(norms)).thresholds)
      thresholds.push_back(effect.rule.threshold);
    return thresholds;
  };
  EXPECT_EQ(thresholds_for({3, 40}), (std::vector<double>{2, 5, 10, 20, 50}));
  EXPECT_EQ(thresholds_for({0, 0}), (std::vector<double>{1}));
  for (const auto& norms : std::vector<std::vector<double>>{
           {5e-324, 1.7e308}, {1e-300, 1e-299}, {0, 1e5}, {1e308, 1.7e308}}) {
    const auto thresholds = thresholds_for(norms);
    EXPECT_FALSE(thresholds.empty());
    EXPECT_LE(thresholds.size(), 24U);
    EXPECT_TRUE(std::is_sorted(thresholds.begin(), thresholds.end()));
  }
}

TEST(ThresholdAdvice, KeepsStretchesForAPlot) {
  auto norms = counting(2500);
  norms[7] = kNan;
  norms[9] = kInf;
  const auto advice = advise(log_of(norms));
  ASSERT_EQ(advice.stretches.size(), 1000U);
  EXPECT_EQ(advice.stretches.front().first_step, 1);
  EXPECT_EQ(advice.stretches.back().last_step, 2500);
  EXPECT_EQ(advice.stretches.back().maximum, 2500);
}

// Whatever the norms are, text has no line beyond the terminal, and JSON no bare NaN.
TEST(ThresholdAdvice, PrintsAnyLog) {
  for (const auto& norms : std::vector<std::vector<double>>{{0},
                                                            {0, 0, 0, 0, 0, 0},
                                                            {1},
                                                            {kNan, 5},
                                                            {5e-324, 1.7e308, 1.7e308},
                                                            std::vector<double>(300, 1.25),
                                                            lognormal(500, 30),
                                                            counting(7)}) {
    auto log = log_of(norms);
    log.losses.assign(norms.size(), kNan);
    const auto advice = advise(log);
    const Json json = parse_json(to_line(to_json(log, advice)), "the answer");
    EXPECT_EQ(json["steps"], norms.size());
    EXPECT_EQ(schema_violations("advice", json), std::vector<std::string>{});
    const std::string text = advice_text(log, advice);
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != text.npos; end = text.find('\n', begin)) {
      EXPECT_LE(end - begin, 80U) << text.substr(begin, end - begin);
      begin = end + 1;
    }
    EXPECT_EQ(begin, text.size());
  }
}

}  // namespace
}  // namespace clipsweep

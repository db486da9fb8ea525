#include "clipsweep/analysis/conclusions.h"

#include <gtest/gtest.h>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/base/random.h"
#include "support/sample_sweep.h"

namespace clipsweep {
namespace {

// The three parts of the answer, each on a line of its own.
std::string answer_to(const SampleSweep& sweep) {
  const Answer answer = answer_of(sweep.summary());
  return answer.does_it_help + "\n" + answer.where + "\n" + answer.what_to_use;
}

// Five seeds of arms with these mean accuracies, in the order of the plan. Clipping acted on one
// step of each run; `noise` is multiplied with a different number for each seed and arm.
void complete_arms(SampleSweep& sweep, const std::vector<double>& accuracies, double noise = 1) {
  for (std::size_t arm = 0; arm < accuracies.size(); ++arm)
    for (std::size_t seed = 0; seed < 5; ++seed) {
      const double deviation = noise * small_and_uneven((3 * arm + seed * (arm + 1)) % 10);
      sweep.complete_clipped(5 * arm + seed, accuracies[arm] + deviation);
    }
}

// ---- Nothing to compare ----

TEST(Answer, NoOutcome) { EXPECT_EQ(answer_to(SampleSweep(5)), ""); }

TEST(Answer, NoArmClips) {
  SampleSweep sweep(5);
  sweep.config().clips = {{ClipMode::kNone}};
  sweep.plan();
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, NoArmWithoutClipping) {
  SampleSweep sweep(5);
  sweep.config().clips = {{ClipMode::kValue, 0.5}};
  sweep.plan();
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, NoRunWithClipping) {
  SampleSweep sweep(5);
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, NoRunWithoutClipping) {
  SampleSweep sweep(5);
  for (std::size_t run = 5; run < 10; ++run) sweep.complete_clipped(run, 0.6);
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, ClippingNeverActed) {
  SampleSweep sweep(5);
  for (std::size_t run = 0; run < 10; ++run) sweep.complete(run, 0.6, 1);
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, TooFewSeeds) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); });
  for (std::size_t seed = 4; seed < 10; ++seed) sweep.runs().records[seed].reset();
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, OneSeed) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.6, 1);
  sweep.complete_clipped(1, 0.7);
  EXPECT_EQ(answer_to(sweep), "");
}

// ---- One learning rate ----

TEST(Answer, Better) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); })),
            "");
}

TEST(Answer, Worse) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return -0.02 + small_and_uneven(seed); })),
            "");
}

TEST(Answer, NoDifference) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return 5 * small_and_uneven(seed); })), "");
}

TEST(Answer, NoDifferenceButLessSpread) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) {
              return 0.9 * (0.645 - 0.6 - 0.01 * static_cast<double>(seed * 7 % 10));
            })),
            "");
}

// All 40 arms have the baseline's mean: the best is significant on its own, but not after
// correction.
TEST(Answer, SignificantOnlyBeforeCorrection) {
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone}};
  for (int arm = 1; arm <= 40; ++arm) sweep.config().clips.push_back({ClipMode::kValue, 0.1 * arm});
  sweep.plan();
  RandomStream random(2, "arms");
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run)
    sweep.complete_clipped(run, run < 10 ? 0.6 : 0.6 + 0.01 * random.normal());
  EXPECT_EQ(answer_to(sweep), "");
}

// Five equal differences may be chance: p = 2 x 0.5^5 = 0.0625.
TEST(Answer, EqualDifferencesOfTooFewSeeds) {
  SampleSweep sweep(5);
  complete_arms(sweep, {0.25, 1}, 0);
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, WorseButDivergesLess) {
  SampleSweep sweep(5);
  for (std::size_t run = 0; run < 5; ++run) {
    sweep.end(run, Outcome::kDiverged);
    sweep.complete_clipped(run + 5, 0.08 - 0.01 * static_cast<double>(run % 3));
  }
  EXPECT_EQ(answer_to(sweep), "");
}

// ---- Several arms ----

TEST(Answer, TwoModesAtOneLearningRate) {
  SampleSweep sweep(5);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 1}};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.65, 0.7});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, BetterAtSeveralLearningRates) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1, 1};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.5, 0.2, 0.65, 0.66, 0.3});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, WorseAtSeveralLearningRates) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.6, 0.5});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, ClippingIsUsableAtMoreLearningRates) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1, 1};
  sweep.plan();
  complete_arms(sweep, {0.3, 0.7, 0.4, 0.69, 0.7, 0.69});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, NoReasonToClipAtSeveralLearningRates) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.7, 0.6});
  EXPECT_EQ(answer_to(sweep), "");
}

// Every arm has a diverged run, so none is usable.
TEST(Answer, NoRateIsUsable) {
  SampleSweep sweep(5);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.7, 0.6});
  for (std::size_t arm = 0; arm < 4; ++arm) sweep.end(5 * arm, Outcome::kDiverged);
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, TooFewSeedsAtSeveralLearningRates) {
  SampleSweep sweep(1);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  for (std::size_t run = 0; run < 4; ++run) sweep.complete_clipped(run, 0.6);
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, WithRegularization) {
  SampleSweep sweep(5);
  sweep.config().weight_decays = {0, 0.001};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.7, 0.6, 0.8});
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, LeavesTheNoiseFloorOut) {
  SampleSweep sweep(5);
  sweep.config().noise_floor = true;
  sweep.plan();
  complete_arms(sweep, {0.6, 0.7, 0.9});  // the last arm is the perturbed baseline
  EXPECT_EQ(answer_to(sweep), "");
}

TEST(Answer, HasALineForEachCell) {
  SampleSweep sweep(5);
  sweep.config().cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.9, 0.3, 0.3});
  EXPECT_EQ(answer_to(sweep), "");
}

// The second cell has no runs yet, although the sweep has some.
TEST(Answer, OfACellWithoutRuns) {
  SampleSweep sweep(5);
  sweep.config().cells = {{Cell::kGru}, {Cell::kLstm}};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.9});
  EXPECT_EQ(answer_to(sweep), "");
}

}  // namespace
}  // namespace clipsweep

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

// Six seeds of arms with these mean accuracies, in the order of the plan. Clipping acted on one
// step of each run; `noise` is multiplied with a different number for each seed and arm.
void complete_arms(SampleSweep& sweep, const std::vector<double>& accuracies, double noise = 1) {
  for (std::size_t arm = 0; arm < accuracies.size(); ++arm)
    for (std::size_t seed = 0; seed < 6; ++seed) {
      const double deviation = noise * small_and_uneven((3 * arm + seed * (arm + 1)) % 10);
      sweep.complete_clipped(6 * arm + seed, accuracies[arm] + deviation);
    }
}

// ---- Nothing to compare ----

TEST(Answer, NoOutcome) {
  EXPECT_EQ(answer_to(SampleSweep(6)),
            "No run has completed or diverged yet.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, NoArmClips) {
  SampleSweep sweep(6);
  sweep.config().clips = {{ClipMode::kNone}};
  sweep.plan();
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep),
            "Nothing to compare: no arm clips.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, NoArmWithoutClipping) {
  SampleSweep sweep(6);
  sweep.config().clips = {{ClipMode::kValue, 0.5}};
  sweep.plan();
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep),
            "Nothing to compare: every arm clips. Add none to the modes.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, NoRunWithClipping) {
  SampleSweep sweep(6);
  complete_arms(sweep, {0.6});
  EXPECT_EQ(answer_to(sweep),
            "Nothing to compare yet: no run with clipping has completed or diverged.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, NoRunWithoutClipping) {
  SampleSweep sweep(6);
  for (std::size_t run = 6; run < 12; ++run) sweep.complete_clipped(run, 0.6);
  EXPECT_EQ(answer_to(sweep),
            "Nothing to compare yet: no run without clipping has completed or diverged.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, ClippingNeverActed) {
  SampleSweep sweep(6);
  for (std::size_t run = 0; run < 12; ++run) sweep.complete(run, 0.6, 1);
  EXPECT_EQ(answer_to(sweep),
            "Nothing to compare: clipping never acted.\n"
            "Nothing was compared.\n"
            "No recommendation yet: it needs arms with and without clipping, with at least 6 "
            "seeds each.");
}

TEST(Answer, TooFewSeeds) {
  SampleSweep sweep = sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); });
  for (std::size_t seed = 4; seed < 10; ++seed) sweep.runs().records[seed].reset();
  EXPECT_EQ(answer_to(sweep),
            "No verdict yet: at least 6 common seeds are needed, and there are 4 so far. "
            "value:0.5 at lr 0.01 reaches 66.5 % test accuracy; the best arm without clipping "
            "(none at lr 0.01) reaches 63.0 %.\n"
            "There are too few seeds to tell.\n"
            "It is too early to say. Add seeds, for example --seeds 10.");
}

TEST(Answer, OneSeed) {
  SampleSweep sweep(1);
  sweep.complete(0, 0.6, 1);
  sweep.complete_clipped(1, 0.7);
  EXPECT_EQ(answer_to(sweep),
            "No verdict yet: at least 6 common seeds are needed, and there is 1 so far. "
            "value:0.5 at lr 0.01 reaches 70.0 % test accuracy; the best arm without clipping "
            "(none at lr 0.01) reaches 60.0 %.\n"
            "There are too few seeds to tell.\n"
            "It is too early to say. Add seeds, for example --seeds 10.");
}

// ---- One learning rate ----

TEST(Answer, Better) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return 0.02 + small_and_uneven(seed); })),
            "Yes: value:0.5 at lr 0.01 reaches 66.5 % test accuracy; the best arm without "
            "clipping (none at lr 0.01) reaches 64.5 %. The difference is +2.0 points [+1.6, "
            "+2.4], better in 10 of 10 seeds (p = 0.002).\n"
            "For value:0.5 at lr 0.01, the training loss of the last epoch changes by -0.020 "
            "[-0.024, -0.016]. The standard deviation between seeds is 2.8 instead of 3.0 "
            "points, and the worst seed reaches 61.1 instead of 60.0 %.\n"
            "Use value:0.5 at lr 0.01. Only one learning rate was tried; results may differ at "
            "others.");
}

TEST(Answer, Worse) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return -0.02 + small_and_uneven(seed); })),
            "No, it harms: value:0.5 at lr 0.01 reaches 62.5 % test accuracy; the best arm "
            "without clipping (none at lr 0.01) reaches 64.5 %. The difference is -2.0 points "
            "[-2.4, -1.6], better in 0 of 10 seeds (p = 0.002).\n"
            "For value:0.5 at lr 0.01, the training loss of the last epoch changes by +0.020 "
            "[+0.016, +0.024]. The standard deviation between seeds is 2.8 instead of 3.0 "
            "points, and the worst seed reaches 57.1 instead of 60.0 %.\n"
            "Use none at lr 0.01. Only one learning rate was tried; results may differ at "
            "others.");
}

TEST(Answer, NoDifference) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) { return 5 * small_and_uneven(seed); })),
            "No difference seen between the best settings: value:0.5 at lr 0.01 reaches 64.5 % "
            "test accuracy; the best arm without clipping (none at lr 0.01) reaches 64.5 %. "
            "The difference is 0.0 points [-2.2, +2.2], better in 5 of 10 seeds. Detecting a "
            "difference of 1 point takes about 74 seeds.\n"
            "For value:0.5 at lr 0.01, the training loss of the last epoch changes by 0.000 "
            "[-0.022, +0.022]. The standard deviation between seeds is 3.2 instead of 3.0 "
            "points, and the worst seed reaches 55.5 instead of 60.0 %.\n"
            "Use none at lr 0.01, the simpler choice, or add seeds; nothing here favours "
            "clipping. Only one learning rate was tried; results may differ at others.");
}

TEST(Answer, NoDifferenceButLessSpread) {
  EXPECT_EQ(answer_to(sweep_with_gain([](auto seed) {
              return 0.9 * (0.645 - 0.6 - 0.01 * static_cast<double>(seed * 7 % 10));
            })),

            "No difference seen between the best settings: value:0.5 at lr 0.01 reaches 64.5 % "
            "test accuracy; the best arm without clipping (none at lr 0.01) reaches 64.5 %. "
            "The difference is 0.0 points [-2.0, +2.0], better in 5 of 10 seeds. Detecting a "
            "difference of 1 point takes about 61 seeds.\n"
            "For value:0.5 at lr 0.01, the training loss of the last epoch changes by 0.000 "
            "[-0.020, +0.020]. The standard deviation between seeds is 0.3 instead of 3.0 "
            "points, and the worst seed reaches 64.1 instead of 60.0 %.\n"
            "Use value:0.5 at lr 0.01: no gain on average is seen, but the seeds spread less "
            "(SD 0.3 instead of 3.0 points; worst seed 64.1 instead of 60.0 %). Only one "
            "learning rate was tried; results may differ at others.");
}

// All 40 arms have the baseline's mean: the best is significant on its own, but not after
// correction.
TEST(Answer, SignificantOnlyBeforeCorrection) {
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone}};
  for (int arm = 1; arm <= 40; ++arm) sweep.config().clips.push_back({ClipMode::kValue, 0.5 * arm});
  sweep.plan();
  RandomStream random(2, "arms");
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run)
    sweep.complete_clipped(run, run < 10 ? 0.6 : 0.6 + 0.01 * random.normal());
  EXPECT_EQ(answer_to(sweep),
            "No difference seen between the best settings: value:14 at lr 0.01 reaches 60.8 % "
            "test accuracy; the best arm without clipping (none at lr 0.01) reaches 60.0 %. The "
            "difference is +0.8 points [+0.3, +1.2], better in 8 of 10 seeds. This is "
            "significant on its own, but not after correction for 40 arms (p = 0.19).\n"
            "At equal learning rates, clipping is better in 1 of 40 comparisons (0 after Holm's "
            "correction) and worse in 2. The largest gain is +0.8 points [+0.3, +1.2], for "
            "value:14 at lr 0.01. For value:14 at lr 0.01, the training loss of the last epoch "
            "changes by 0.000 [0.000, 0.000]. The standard deviation between seeds is 0.6 "
            "instead of 0.0 points, and the worst seed reaches 59.9 instead of 60.0 %.\n"
            "Use none at lr 0.01, the simpler choice, or add seeds; nothing here favours "
            "clipping. Only one learning rate was tried; results may differ at others.");
}

// Five differences cannot show anything, however large: the p-value of equal signs is 0.0625.
TEST(Answer, FiveSeedsAreTooFew) {
  SampleSweep sweep(6);
  complete_arms(sweep, {0.25, 1}, 0);
  sweep.runs().records[0].reset();
  EXPECT_EQ(answer_to(sweep),
            "No verdict yet: at least 6 common seeds are needed, and there are 5 so far. "
            "value:0.5 at lr 0.01 reaches 100.0 % test accuracy; the best arm without clipping "
            "(none at lr 0.01) reaches 25.0 %.\n"
            "There are too few seeds to tell.\n"
            "It is too early to say. Add seeds, for example --seeds 10.");
}

TEST(Answer, WorseButDivergesLess) {
  SampleSweep sweep(6);
  for (std::size_t run = 0; run < 6; ++run) {
    sweep.end(run, Outcome::kDiverged);
    sweep.complete_clipped(run + 6, 0.08 - 0.01 * static_cast<double>(run % 3));
  }
  EXPECT_EQ(answer_to(sweep),
            "No, it harms: value:0.5 at lr 0.01 reaches 7.0 % test accuracy; the best arm "
            "without clipping (none at lr 0.01) reaches 10.0 %. The difference is -3.0 points "
            "[-4.2, -1.8], better in 0 of 6 seeds (p = 0.031).\n"
            "For value:0.5 at lr 0.01, the standard deviation between seeds is 0.9 instead of "
            "0.0 points, and the worst seed reaches 6.0 instead of 10.0 %.\n"
            "Use value:0.5 at lr 0.01: it gains no accuracy, but 0 of 6 runs diverged, against "
            "6 of 6 runs with none at lr 0.01. Only one learning rate was tried; results may "
            "differ at others.");
}

// ---- Several arms ----

TEST(Answer, TwoModesAtOneLearningRate) {
  SampleSweep sweep(6);
  sweep.config().clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 1}};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.65, 0.7});
  EXPECT_EQ(answer_to(sweep),
            "Yes: global-norm:1 at lr 0.01 reaches 70.2 % test accuracy; the best arm without "
            "clipping (none at lr 0.01) reaches 59.9 %. The difference is +10.3 points [+9.4, "
            "+11.4], better in 6 of 6 seeds (p = 0.031 after correction for 2 arms).\n"
            "At equal learning rates, clipping is better in 2 of 2 comparisons (0 after Holm's "
            "correction) and worse in 0. The largest gain is +10.3 points [+9.4, +11.4], for "
            "global-norm:1 at lr 0.01. For global-norm:1 at lr 0.01, the training loss of the "
            "last epoch changes by 0.000 [0.000, 0.000]. The standard deviation between seeds "
            "is 0.4 instead of 0.6 points, and the worst seed reaches 69.7 instead of 59.1 %.\n"
            "Use global-norm:1 at lr 0.01. Only one learning rate was tried; results may differ "
            "at others.");
}

TEST(Answer, BetterAtSeveralLearningRates) {
  SampleSweep sweep(6);
  sweep.config().learning_rates = {0.01, 0.1, 1};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.5, 0.2, 0.65, 0.66, 0.3});
  EXPECT_EQ(answer_to(sweep),
            "Yes: value:0.5 at lr 0.1 reaches 65.8 % test accuracy; the best arm without "
            "clipping (none at lr 0.01) reaches 59.9 %. The difference is +5.9 points [+4.7, "
            "+7.0], better in 6 of 6 seeds (p = 0.031 after correction for 3 arms).\n"
            "At equal learning rates, clipping is better in 3 of 3 comparisons (0 after Holm's "
            "correction) and worse in 0. The largest gain is +15.6 points [+14.5, +17.5], for "
            "value:0.5 at lr 0.1. Usable learning rates (mean accuracy within 3 points of the "
            "best arm, no run diverged): no rate without clipping; 0.01, 0.1 with value.\n"
            "Use value:0.5 at lr 0.1. The same clipping is usable at learning rates 0.01, 0.1.");
}

TEST(Answer, WorseAtSeveralLearningRates) {
  SampleSweep sweep(6);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.6, 0.5});
  EXPECT_EQ(answer_to(sweep),
            "No, it harms: value:0.5 at lr 0.01 reaches 60.2 % test accuracy; the best arm "
            "without clipping (none at lr 0.01) reaches 69.9 %. The difference is -9.7 points "
            "[-10.6, -8.6], better in 0 of 6 seeds (p = 0.031 after correction for 2 arms).\n"
            "At equal learning rates, clipping is better in 0 of 2 comparisons and worse in 2. "
            "Usable learning rates (mean accuracy within 3 points of the best arm, no run "
            "diverged): 0.01 without clipping; no rate with value.\n"
            "Use none at lr 0.01. This is the smallest learning rate tried; try smaller ones.");
}

TEST(Answer, ClippingIsUsableAtMoreLearningRates) {
  SampleSweep sweep(6);
  sweep.config().learning_rates = {0.01, 0.1, 1};
  sweep.plan();
  complete_arms(sweep, {0.3, 0.7, 0.4, 0.69, 0.7, 0.69});
  EXPECT_EQ(answer_to(sweep),
            "No difference seen between the best settings: value:0.5 at lr 0.1 reaches 69.8 % "
            "test accuracy; the best arm without clipping (none at lr 0.1) reaches 70.2 %. The "
            "difference is -0.4 points [-1.5, +1.5], better in 2 of 6 seeds. Detecting a "
            "difference of 1 point takes about 11 seeds.\n"
            "At equal learning rates, clipping is better in 2 of 3 comparisons (0 after Holm's "
            "correction) and worse in 0. The largest gain is +39.2 points [+37.2, +40.3], for "
            "value:0.5 at lr 0.01. Usable learning rates (mean accuracy within 3 points of the "
            "best arm, no run diverged): 0.1 without clipping; 0.01 to 1 with value.\n"
            "Use none at lr 0.1 if this learning rate is well tuned. value:0.5 costs no "
            "measurable accuracy there and is usable at learning rates 0.01 to 1, while "
            "training without clipping is usable only at 0.1: cheap insurance against a badly "
            "chosen learning rate.");
}

TEST(Answer, NoReasonToClipAtSeveralLearningRates) {
  SampleSweep sweep(6);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.7, 0.6});
  EXPECT_EQ(answer_to(sweep),
            "No difference seen between the best settings: value:0.5 at lr 0.01 reaches 70.2 % "
            "test accuracy; the best arm without clipping (none at lr 0.01) reaches 69.9 %. The "
            "difference is +0.3 points [-0.6, +1.4], better in 3 of 6 seeds. Detecting a "
            "difference of 1 point takes about 8 seeds.\n"
            "At equal learning rates, clipping is better in 0 of 2 comparisons and worse in 0. "
            "Usable learning rates (mean accuracy within 3 points of the best arm, no run "
            "diverged): 0.01 without clipping; 0.01 with value.\n"
            "Use none at lr 0.01, the simpler choice, or add seeds; nothing here favours "
            "clipping. This is the smallest learning rate tried; try smaller ones.");
}

// Every arm has a diverged run, so none is usable.
TEST(Answer, NoRateIsUsable) {
  SampleSweep sweep(6);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.6, 0.7, 0.6});
  for (std::size_t arm = 0; arm < 4; ++arm) sweep.end(6 * arm, Outcome::kDiverged);
  EXPECT_EQ(answer_to(sweep),
            "No difference seen between the best settings: value:0.5 at lr 0.01 reaches 60.1 % "
            "test accuracy; the best arm without clipping (none at lr 0.01) reaches 60.1 %. The "
            "difference is 0.0 points [-0.6, +0.6], better in 2 of 6 seeds. Detecting a "
            "difference of 1 point takes about 6 seeds.\n"
            "At equal learning rates, clipping is better in 0 of 2 comparisons and worse in 0. "
            "Usable learning rates (mean accuracy within 3 points of the best arm, no run "
            "diverged): no rate without clipping; no rate with value.\n"
            "Use none at lr 0.01, the simpler choice, or add seeds; nothing here favours "
            "clipping. This is the smallest learning rate tried; try smaller ones.");
}

TEST(Answer, TooFewSeedsAtSeveralLearningRates) {
  SampleSweep sweep(1);
  sweep.config().learning_rates = {0.01, 0.1};
  sweep.plan();
  for (std::size_t run = 0; run < 4; ++run) sweep.complete_clipped(run, 0.6);
  EXPECT_EQ(answer_to(sweep),
            "No verdict yet: at least 6 common seeds are needed, and there is 1 so far. "
            "value:0.5 at lr 0.01 reaches 60.0 % test accuracy; the best arm without clipping "
            "(none at lr 0.01) reaches 60.0 %.\n"
            "There are too few seeds to tell. Usable learning rates (mean accuracy within 3 "
            "points of the best arm, no run diverged): 0.01, 0.1 without clipping; 0.01, 0.1 "
            "with value.\n"
            "It is too early to say. Add seeds, for example --seeds 10.");
}

TEST(Answer, WithRegularization) {
  SampleSweep sweep(6);
  sweep.config().weight_decays = {0, 0.001};
  sweep.plan();
  complete_arms(sweep, {0.6, 0.7, 0.6, 0.8});
  EXPECT_EQ(answer_to(sweep),
            "Yes: value:0.5 with weight decay 0.001 at lr 0.01 reaches 80.2 % test accuracy; "
            "the best arm without clipping (none with weight decay 0.001 at lr 0.01) reaches "
            "70.2 %. The difference is +9.9 points [+9.3, +10.7], better in 6 of 6 seeds (p = "
            "0.031 after correction for 2 arms).\n"
            "At equal learning rates, clipping is better in 1 of 2 comparisons (0 after Holm's "
            "correction) and worse in 0. The largest gain is +9.9 points [+9.3, +10.7], for "
            "value:0.5 with weight decay 0.001 at lr 0.01. For value:0.5 with weight decay "
            "0.001 at lr 0.01, the training loss of the last epoch changes by 0.000 [0.000, "
            "0.000]. The standard deviation between seeds is 0.6 instead of 0.7 points, and the "
            "worst seed reaches 79.3 instead of 69.3 %.\n"
            "Use value:0.5 with weight decay 0.001 at lr 0.01. Only one learning rate was "
            "tried; results may differ at others.");
}

TEST(Answer, LeavesTheNoiseFloorOut) {
  SampleSweep sweep(6);
  sweep.config().noise_floor = true;
  sweep.plan();
  complete_arms(sweep, {0.6, 0.7, 0.9});  // the last arm is the perturbed baseline
  EXPECT_EQ(answer_to(sweep),
            "Yes: value:0.5 at lr 0.01 reaches 70.2 % test accuracy; the best arm without "
            "clipping (none at lr 0.01) reaches 59.9 %. The difference is +10.3 points [+9.3, "
            "+11.4], better in 6 of 6 seeds (p = 0.031).\n"
            "For value:0.5 at lr 0.01, the training loss of the last epoch changes by 0.000 "
            "[0.000, 0.000]. The standard deviation between seeds is 0.7 instead of 0.6 points, "
            "and the worst seed reaches 69.3 instead of 59.1 %.\n"
            "Use value:0.5 at lr 0.01. Only one learning rate was tried; results may differ at "
            "others.");
}

TEST(Answer, HasALineForEachCell) {
  SampleSweep sweep(6);
  sweep.config().cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.9, 0.3, 0.3});
  EXPECT_EQ(answer_to(sweep),
            "rnn-relu:identity: Yes: value:0.5 at lr 0.01 reaches 90.2 % test accuracy; the "
            "best arm without clipping (none at lr 0.01) reaches 69.9 %. The difference is "
            "+20.3 points [+19.3, +21.4], better in 6 of 6 seeds (p = 0.031).\n"
            "lstm: No difference seen between the best settings: value:0.5 at lr 0.01 reaches "
            "30.2 % test accuracy; the best arm without clipping (none at lr 0.01) reaches 30.2 "
            "%. The difference is 0.0 points [-0.8, +0.6], better in 3 of 6 seeds. Detecting a "
            "difference of 1 point takes about 6 seeds.\n"
            "rnn-relu:identity: For value:0.5 at lr 0.01, the training loss of the last epoch "
            "changes by 0.000 [0.000, 0.000]. The standard deviation between seeds is 0.7 "
            "instead of 0.6 points, and the worst seed reaches 89.3 instead of 69.1 %.\n"
            "lstm: For value:0.5 at lr 0.01, the training loss of the last epoch changes by "
            "0.000 [0.000, 0.000]. The standard deviation between seeds is 0.6 instead of 0.4 "
            "points, and the worst seed reaches 29.3 instead of 29.7 %.\n"
            "rnn-relu:identity: Use value:0.5 at lr 0.01. Only one learning rate was tried; "
            "results may differ at others.\n"
            "lstm: Use none at lr 0.01, the simpler choice, or add seeds; nothing here favours "
            "clipping. Only one learning rate was tried; results may differ at others.");
}

// The second cell has no runs yet, although the sweep has some.
TEST(Answer, OfACellWithoutRuns) {
  SampleSweep sweep(6);
  sweep.config().cells = {{Cell::kGru}, {Cell::kLstm}};
  sweep.plan();
  complete_arms(sweep, {0.7, 0.9});
  EXPECT_EQ(answer_to(sweep),
            "gru: Yes: value:0.5 at lr 0.01 reaches 90.2 % test accuracy; the best arm without "
            "clipping (none at lr 0.01) reaches 69.9 %. The difference is +20.3 points [+19.3, "
            "+21.4], better in 6 of 6 seeds (p = 0.031).\n"
            "lstm: Nothing to compare yet: no run with clipping has completed or diverged.\n"
            "gru: For value:0.5 at lr 0.01, the training loss of the last epoch changes by "
            "0.000 [0.000, 0.000]. The standard deviation between seeds is 0.7 instead of 0.6 "
            "points, and the worst seed reaches 89.3 instead of 69.1 %.\n"
            "lstm: Nothing was compared.\n"
            "gru: Use value:0.5 at lr 0.01. Only one learning rate was tried; results may "
            "differ at others.\n"
            "lstm: No recommendation yet: it needs arms with and without clipping, with at "
            "least 6 seeds each.");
}

}  // namespace
}  // namespace clipsweep

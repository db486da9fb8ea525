// The answer to each kind of sweep, against tests/golden/answers.txt, which is meant to be read
// aloud: is each one true, and is it what you would tell a colleague? After a deliberate change,
// CLIPSWEEP_WRITE_GOLDEN=1 core_tests --gtest_filter='Answer*' writes the file again.
#include "clipsweep/analysis/conclusions.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "clipsweep/analysis/conclusion_text.h"
#include "clipsweep/base/random.h"
#include "support/sample_sweep.h"

namespace clipsweep {
namespace {

// ---- Sweeps ----

// Six seeds of arms with these mean accuracies, in the order of the plan. Clipping acted on one
// step of each run; `noise` is multiplied with a different number for each seed and arm.
void complete_arms(SampleSweep& sweep, const std::vector<double>& accuracies, double noise = 1) {
  const std::size_t seeds = sweep.config().seeds.size();
  for (std::size_t arm = 0; arm < accuracies.size(); ++arm)
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      const double deviation = noise * small_and_uneven((3 * arm + seed * (arm + 1)) % 10);
      sweep.complete_clipped(seeds * arm + seed, accuracies[arm] + deviation);
    }
}

SampleSweep sweep_of_arms(std::uint64_t seeds, const std::vector<double>& accuracies,
                          const std::function<void(ExperimentConfig&)>& change = {},
                          double noise = 1) {
  SampleSweep sweep(seeds);
  if (change) change(sweep.config());
  sweep.plan();
  complete_arms(sweep, accuracies, noise);
  return sweep;
}

void rates(ExperimentConfig& config, std::vector<double> learning_rates) {
  config.learning_rates = std::move(learning_rates);
}

void two_modes(ExperimentConfig& config) {
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}, {ClipMode::kGlobalNorm, 1}};
}

void diverge(SampleSweep& sweep, std::size_t run, Phase phase, std::uint64_t step) {
  RunRecord& record = sweep.end(run, Outcome::kDiverged);
  Event event;
  event.kind = EventKind::kInf;
  event.phase = phase;
  event.step = step;
  record.events = {event};
}

// Runs that solve the task, and runs that keep it solved, of each arm.
SampleSweep sweep_of_solvers(std::uint64_t seeds, const std::vector<std::pair<int, int>>& arms,
                             const std::function<void(ExperimentConfig&)>& change = {}) {
  SampleSweep sweep = sweep_of_arms(seeds, std::vector<double>(arms.size(), 0.25), change);
  sweep.runs().basis.chance_accuracy = 0.1;
  sweep.runs().basis.solved_accuracy = 0.99;
  for (std::size_t arm = 0; arm < arms.size(); ++arm)
    for (int run = 0; run < arms[arm].first; ++run) {
      const bool is_kept = run < arms[arm].second;
      sweep.complete_clipped(seeds * arm + static_cast<std::size_t>(run), is_kept ? 1 : 0.3)
          .solved_at_step = 1000;
    }
  return sweep;
}

// The median seed gains little, and the first ones collapse without clipping.
SampleSweep sweep_with_collapses(std::uint64_t seeds, std::size_t collapses) {
  SampleSweep sweep = sweep_of_arms(seeds, {0.7, 0.705});
  for (std::size_t seed = 0; seed < collapses; ++seed) sweep.complete_clipped(seed, 0.4);
  return sweep;
}

SampleSweep sweep_of_thresholds_without_effect() {
  SampleSweep sweep(10);
  sweep.config().clips = {{ClipMode::kNone}};
  for (int arm = 1; arm <= 40; ++arm) sweep.config().clips.push_back({ClipMode::kValue, 0.5 * arm});
  sweep.plan();
  RandomStream random(2, "arms");
  for (std::size_t run = 0; run < sweep.runs().plan.size(); ++run)
    sweep.complete_clipped(run, run < 10 ? 0.6 : 0.6 + 0.01 * random.normal());
  return sweep;
}

struct AnswerCase {
  const char* name;
  std::function<SampleSweep()> make;
};

const std::vector<AnswerCase>& answer_cases() {
  static const std::vector<AnswerCase> cases = {
      // ---- Nothing to compare ----
      {"no run has ended", [] { return SampleSweep(6); }},
      {"no arm clips",
       [] { return sweep_of_arms(6, {0.6}, [](auto& c) { c.clips = {{ClipMode::kNone}}; }); }},
      {"every arm clips",
       [] {
         return sweep_of_arms(6, {0.6}, [](auto& c) { c.clips = {{ClipMode::kValue, 0.5}}; });
       }},
      {"no run with clipping has ended", [] { return sweep_of_arms(6, {0.6}); }},
      {"no run without clipping has ended",
       [] {
         SampleSweep sweep(6);
         for (std::size_t run = 6; run < 12; ++run) sweep.complete_clipped(run, 0.6);
         return sweep;
       }},
      {"clipping never acted",
       [] {
         SampleSweep sweep(6);
         for (std::size_t run = 0; run < 12; ++run) {
           RunTotals& totals = sweep.complete(run, 0.6, 1).totals;
           totals.grad_norm_raw = {1.0, 2.0, 3.0, 4.5};
           totals.what_if.add_step(0.7, 4.5, 3);
         }
         return sweep;
       }},
      {"clipping never acted, norms unknown",
       [] {
         SampleSweep sweep(6);
         for (std::size_t run = 0; run < 12; ++run) sweep.complete(run, 0.6, 1);
         return sweep;
       }},
      // ---- Nothing learnt, everything diverged ----
      {"all at chance",
       [] {
         return sweep_of_arms(6, {0.1, 0.1}, {}, 0.1);
       }},
      {"better than none, but below chance",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0, 0.349});
         sweep.runs().basis.chance_accuracy = 0.36;
         return sweep;
       }},
      {"two classes: half is chance",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.48, 0.505}, {}, 0.2);
         sweep.runs().basis.chance_accuracy = 0.5;
         return sweep;
       }},
      {"every run diverged in the update",
       [] {
         SampleSweep sweep(5);
         for (std::size_t run = 0; run < 10; ++run)
           diverge(sweep, run, Phase::kUpdate, 2 + run % 3);
         return sweep;
       }},
      {"every run diverged in the first forward pass",
       [] {
         SampleSweep sweep(5);
         for (std::size_t run = 0; run < 10; ++run) diverge(sweep, run, Phase::kLoss, 1);
         return sweep;
       }},
      {"every run diverged in a later forward pass",
       [] {
         SampleSweep sweep(5);
         for (std::size_t run = 0; run < 10; ++run) diverge(sweep, run, Phase::kLoss, 7);
         return sweep;
       }},
      // ---- Divergence on one side ----
      {"diverges only without clipping",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.6, 0.6});
         for (std::size_t run = 0; run < 7; ++run)
           diverge(sweep, run, Phase::kGradient, 12 + 40 * run);
         return sweep;
       }},
      {"diverges only with clipping",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.6, 0.6});
         for (std::size_t run = 10; run < 16; ++run) diverge(sweep, run, Phase::kUpdate, run);
         return sweep;
       }},
      {"one run of each side diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.6, 0.6});
         diverge(sweep, 0, Phase::kGradient, 5);
         diverge(sweep, 10, Phase::kLoss, 9);
         return sweep;
       }},
      {"all of one side diverged, the other learnt nothing",
       [] {
         SampleSweep sweep(6);
         for (std::size_t run = 0; run < 6; ++run) {
           diverge(sweep, run, Phase::kGradient, 3);
           sweep.complete_clipped(run + 6, 0.08 - 0.01 * static_cast<double>(run % 3));
         }
         return sweep;
       }},
      {"diverged at the highest rate only",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.7, 0.5, 0.7, 0.7}, [](auto& c) {
           rates(c, {0.1, 1});
         });
         for (std::size_t run = 6; run < 12; ++run) diverge(sweep, run, Phase::kUpdate, 4);
         return sweep;
       }},
      {"stalled runs count as diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.6, 0.6});
         for (std::size_t run = 0; run < 6; ++run) {
           RunTotals& totals = sweep.complete_clipped(run, 0.6).totals;
           totals.steps = totals.skipped_steps = 50;
           totals.trailing_skipped_steps = 50;
         }
         return sweep;
       }},
      {"all runs without clipping diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.6, 0.7, 0.6, 0.65}, [](auto& c) {
           rates(c, {0.1, 1});
         });
         for (std::size_t run = 0; run < 12; ++run) diverge(sweep, run, Phase::kGradient, 3 + run);
         return sweep;
       }},
      {"all runs with clipping diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.6, 0.7});
         for (std::size_t run = 6; run < 12; ++run) {
           diverge(sweep, run, Phase::kUpdate, 3);
           sweep.runs().records[run]->totals.clipped_steps = 1;
         }
         return sweep;
       }},
      {"diverged runs count as chance, but are not the best",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.3, 0.3, 0.5, 0.45}, [](auto& c) {
           rates(c, {0.1, 1});
         });
         sweep.runs().basis.chance_accuracy = 0.36;
         for (std::size_t run = 6; run < 12; ++run) diverge(sweep, run, Phase::kUpdate, 3);
         return sweep;
       }},
      {"the best arms differ little, but only the clipped one is usable",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.7, 0.68}, {}, 3);
         diverge(sweep, 0, Phase::kGradient, 3);
         return sweep;
       }},
      {"chosen on a validation set",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.6, 0.7, 0.65}, two_modes);
         sweep.runs().basis.validation = ValidationBasis{0.1, 1000};
         const double validation[] = {0.6, 0.65, 0.7};
         for (std::size_t run = 0; run < 18; ++run)
           sweep.runs().records[run]->epochs[0].validation = Evaluation{1, validation[run / 6]};
         return sweep;
       }},
      {"a lower loss whose interval ends near zero",
       [] {
         SampleSweep sweep =
             sweep_with_gain([](auto s) { return 0.002 + 2 * small_and_uneven(s); });
         for (std::size_t seed = 0; seed < 10; ++seed)
           sweep.runs().records[10 + seed]->epochs[0].train_loss =
               1 - 0.0052 - 1.1 * small_and_uneven(seed);
         return sweep;
       }},
      // ---- Too few seeds ----
      {"two seeds, both towards clipping",
       [] {
         return sweep_of_arms(2, {0.6, 0.7});
       }},
      {"one seed",
       [] {
         SampleSweep sweep(1);
         sweep.complete(0, 0.6, 1);
         sweep.complete_clipped(1, 0.7);
         return sweep;
       }},
      {"four of ten seeds, interrupted",
       [] {
         SampleSweep sweep = sweep_with_gain([](auto s) { return 0.02 + small_and_uneven(s); });
         for (std::size_t run = 4; run < 10; ++run) sweep.runs().records[run].reset();
         return sweep;
       }},
      {"five seeds that all gain much",
       [] {
         return sweep_of_arms(5, {0.157, 0.43}, {}, 5);
       }},
      {"five seeds that disagree",
       [] {
         return sweep_of_arms(5, {0.6, 0.601});
       }},
      {"five seeds at several rates",
       [] {
         return sweep_of_arms(5, {0.6, 0.6, 0.6, 0.6}, [](auto& c) { rates(c, {0.01, 0.1}); });
       }},
      // ---- One learning rate ----
      {"better", [] { return sweep_with_gain([](auto s) { return 0.02 + small_and_uneven(s); }); }},
      {"worse", [] { return sweep_with_gain([](auto s) { return -0.02 + small_and_uneven(s); }); }},
      {"worse by much",
       [] {
         return sweep_of_arms(10, {0.7, 0.4});
       }},
      {"no difference, estimated equal",
       [] { return sweep_with_gain([](auto s) { return 5 * small_and_uneven(s); }); }},
      {"no difference, estimated better",
       [] { return sweep_with_gain([](auto s) { return 0.012 + 5 * small_and_uneven(s); }); }},
      {"no difference, estimated worse",
       [] { return sweep_with_gain([](auto s) { return -0.012 + 5 * small_and_uneven(s); }); }},
      {"no difference of a point",
       [] { return sweep_with_gain([](auto s) { return 0.5 * small_and_uneven(s); }); }},
      {"no difference in accuracy, but in the loss",
       [] {
         SampleSweep sweep =
             sweep_with_gain([](auto s) { return 0.002 + 2 * small_and_uneven(s); });
         for (std::size_t seed = 0; seed < 10; ++seed)
           sweep.runs().records[10 + seed]->epochs[0].train_loss = 0.9 + small_and_uneven(seed);
         return sweep;
       }},
      {"no difference, but less spread",
       [] {
         return sweep_with_gain([](auto seed) {
           return 0.9 * (0.645 - 0.6 - 0.01 * static_cast<double>(seed * 7 % 10));
         });
       }},
      {"a tiny loss whose interval ends near zero",
       [] { return sweep_with_gain([](auto s) { return -0.0073 + 1.15 * small_and_uneven(s); }); }},
      {"few seeds carry the mean", [] { return sweep_with_collapses(10, 3); }},
      {"few seeds carry the mean, thirty seeds", [] { return sweep_with_collapses(30, 4); }},
      // ---- Several arms ----
      {"two modes",
       [] {
         return sweep_of_arms(6, {0.6, 0.65, 0.7}, two_modes);
       }},
      {"two modes, one harms",
       [] {
         return sweep_of_arms(10, {0.7, 0.6, 0.7}, two_modes);
       }},
      {"forty thresholds without effect", sweep_of_thresholds_without_effect},
      {"better at several rates",
       [] {
         return sweep_of_arms(6, {0.6, 0.5, 0.2, 0.65, 0.66, 0.3}, [](auto& c) {
           rates(c, {0.01, 0.1, 1});
         });
       }},
      {"worse at several rates",
       [] {
         return sweep_of_arms(6, {0.7, 0.6, 0.6, 0.5}, [](auto& c) { rates(c, {0.01, 0.1}); });
       }},
      {"usable at more rates",
       [] {
         return sweep_of_arms(6, {0.3, 0.7, 0.4, 0.69, 0.7, 0.69}, [](auto& c) {
           rates(c, {0.01, 0.1, 1});
         });
       }},
      {"no difference at several rates",
       [] {
         return sweep_of_arms(6, {0.7, 0.6, 0.7, 0.6}, [](auto& c) { rates(c, {0.01, 0.1}); });
       }},
      {"a run of every arm diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(6, {0.7, 0.6, 0.7, 0.6}, [](auto& c) {
           rates(c, {0.01, 0.1});
         });
         for (std::size_t arm = 0; arm < 4; ++arm) diverge(sweep, 6 * arm, Phase::kGradient, 3);
         return sweep;
       }},
      {"a usable arm before a better one that diverged",
       [] {
         SampleSweep sweep = sweep_of_arms(10, {0.6, 0.69, 0.75}, two_modes);
         diverge(sweep, 20, Phase::kGradient, 3);
         return sweep;
       }},
      {"with weight decay",
       [] {
         return sweep_of_arms(6, {0.6, 0.7, 0.6, 0.8}, [](auto& c) {
           c.weight_decays = {0, 0.001};
         });
       }},
      {"weight decay is best without clipping",
       [] {
         return sweep_of_arms(10, {0.6, 0.6, 0.7, 0.7}, [](auto& c) {
           c.weight_decays = {0, 0.001};
         });
       }},
      {"the noise floor is left out",
       [] {
         return sweep_of_arms(6, {0.6, 0.7, 0.9}, [](auto& c) { c.noise_floor = true; });
       }},
      // ---- Tasks that can be solved ----
      {"solved only with clipping, five seeds",
       [] {
         return sweep_of_solvers(5, {{0, 0}, {5, 5}});
       }},
      {"solved only with clipping, the others are NaN",
       [] {
         SampleSweep sweep = sweep_of_solvers(5, {{0, 0}, {5, 5}});
         for (std::size_t run = 0; run < 5; ++run) diverge(sweep, run, Phase::kLoss, 40 + run);
         return sweep;
       }},
      {"solved only with clipping, ten seeds",
       [] {
         return sweep_of_solvers(10, {{2, 0}, {10, 9}});
       }},
      {"solved by both, lost again without clipping",
       [] {
         return sweep_of_solvers(10, {{10, 1}, {10, 10}});
       }},
      {"solved more often without clipping",
       [] {
         return sweep_of_solvers(10, {{10, 10}, {4, 2}});
       }},
      {"solved by all",
       [] {
         return sweep_of_solvers(6, {{6, 6}, {6, 6}});
       }},
      {"solved more often with clipping, not settled",
       [] {
         return sweep_of_solvers(10, {{5, 5}, {8, 8}});
       }},
      {"solved more often with clipping, two seeds",
       [] {
         return sweep_of_solvers(2, {{1, 1}, {2, 2}});
       }},
      {"solved by all, two seeds",
       [] {
         return sweep_of_solvers(2, {{2, 2}, {2, 2}});
       }},
      {"solved by none",
       [] {
         return sweep_of_solvers(6, {{0, 0}, {0, 0}});
       }},
      {"solved at other rates",
       [] {
         return sweep_of_solvers(
             5, {{0, 0}, {2, 0}, {2, 1}, {0, 0}, {1, 1}, {2, 2}, {4, 4}, {5, 5}}, [](auto& c) {
               rates(c, {3e-4, 1e-3, 3e-3, 0.01});
             });
       }},
      // ---- Several cells ----
      {"a line for each cell",
       [] {
         return sweep_of_arms(6, {0.7, 0.9, 0.3, 0.3}, [](auto& c) {
           c.cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
         });
       }},
      {"a cell without runs",
       [] {
         return sweep_of_arms(6, {0.7, 0.9}, [](auto& c) {
           c.cells = {{Cell::kGru}, {Cell::kLstm}};
         });
       }},
  };
  return cases;
}

// ---- Golden answers ----

const std::string kGoldenFile = std::string(CLIPSWEEP_SOURCE_FOLDER) + "/tests/golden/answers.txt";

// The three parts of the answer, each on a line of its own.
std::string answer_to(const Summary& summary) {
  const Answer answer = answer_of(summary);
  return answer.does_it_help + "\n" + answer.where + "\n" + answer.what_to_use + "\n";
}

// The file has `## name`, the answer, and an empty line for each.
std::map<std::string, std::string> golden_answers() {
  std::map<std::string, std::string> answers;
  std::ifstream file(kGoldenFile);
  std::string line;
  std::string name;
  while (std::getline(file, line)) {
    if (line.rfind("## ", 0) == 0)
      name = line.substr(3);
    else if (!line.empty())
      answers[name] += line + "\n";
  }
  return answers;
}

// ---- What no answer does ----

// Whether a run of the arm diverged, or the arm has learnt nothing.
bool is_bad(const ArmSummary& arm) {
  return arm.diverged > 0 || !arm.better_than_chance.value_or(false);
}

void expect_sound(const Summary& summary, const std::string& name) {
  const Conclusion conclusion = conclude(summary);
  const ArmSummary* recommended = conclusion.advice.recommended;
  if (!recommended) return;
  const auto any_arm = [&](const auto& qualifies) {
    return std::any_of(summary.arms.begin(), summary.arms.end(), [&](const ArmSummary& arm) {
      return !arm.perturbed && !arm.seeds.empty() && (!arm.clips() || arm.acted()) &&
             qualifies(arm);
    });
  };
  EXPECT_FALSE(recommended->perturbed) << name;
  if (any_arm([](const auto& arm) { return arm.usable; })) {
    EXPECT_TRUE(recommended->usable) << name << "\n" << answer_to(summary);
    EXPECT_FALSE(is_bad(*recommended)) << name;
  } else {
    EXPECT_TRUE(recommended->better_than_chance.value_or(false)) << name;
  }
}

TEST(Answer, IsTheGoldenOneOfEachKindOfSweep) {
  if (std::getenv("CLIPSWEEP_WRITE_GOLDEN")) {
    std::ofstream file(kGoldenFile);
    for (const auto& [name, make] : answer_cases())
      file << "## " << name << "\n" << answer_to(make().summary()) << "\n";
    GTEST_SKIP() << "wrote " << kGoldenFile;
  }
  const auto golden = golden_answers();
  ASSERT_GE(answer_cases().size(), 40U);
  EXPECT_EQ(golden.size(), answer_cases().size());
  for (const auto& [name, make] : answer_cases()) {
    ASSERT_EQ(golden.count(name), 1U) << name;
    const Summary summary = make().summary();
    EXPECT_EQ(answer_to(summary), golden.at(name)) << name;
    for (const auto& setup : summary.setups) expect_sound(part_of(summary, setup), name);
  }
}

// Random arms: diverging, at chance, collapsing, solving, or learning.
SampleSweep random_sweep(std::uint64_t number) {
  RandomStream random(number, "random sweep");
  SampleSweep sweep(1 + random.below(12));
  ExperimentConfig& config = sweep.config();
  config.clips = {{ClipMode::kNone}};
  for (std::uint64_t i = random.below(4); i-- > 0;)
    config.clips.push_back({ClipMode::kValue, 0.5 * static_cast<double>(i + 1)});
  if (random.below(2) == 0) config.learning_rates = {0.01, 0.1, 1};
  if (random.below(4) == 0) config.weight_decays = {0, 0.001};
  config.noise_floor = random.below(4) == 0;
  sweep.plan();
  const bool can_be_solved = random.below(3) == 0;
  if (can_be_solved) sweep.runs().basis.solved_accuracy = 0.9;
  const std::size_t seeds = config.seeds.size();
  for (std::size_t arm = 0; arm * seeds < sweep.runs().plan.size(); ++arm) {
    const double level = random.below(4) == 0 ? 0.1 : 0.1 + 0.85 * random.uniform();
    const double spread = 0.05 * random.uniform();
    const std::uint64_t diverging = random.below(3) == 0 ? random.below(seeds + 1) : 0;
    for (std::size_t seed = 0; seed < seeds; ++seed) {
      const std::size_t run = arm * seeds + seed;
      if (random.below(20) == 0) continue;
      if (seed < diverging) {
        diverge(sweep, run, static_cast<Phase>(random.below(4)), 1 + random.below(50));
        continue;
      }
      const double accuracy = std::min(1.0, std::max(0.0, level + spread * random.normal()));
      RunRecord& record = random.below(10) == 0 ? sweep.complete(run, accuracy, 1)
                                                : sweep.complete_clipped(run, accuracy);
      if (accuracy > 0.9) record.solved_at_step = 100;
    }
  }
  return sweep;
}

// With sanitizers one sweep takes as long as twenty.
#ifdef CLIPSWEEP_SANITIZED
constexpr std::uint64_t kRandomSweeps = 50;
#else
constexpr std::uint64_t kRandomSweeps = 1000;
#endif

TEST(Answer, IsSoundForAThousandRandomSweeps) {
  std::map<AdviceCase, int> kinds;
  for (std::uint64_t number = 0; number < kRandomSweeps; ++number) {
    const Summary summary = random_sweep(number).summary();
    const std::string name = "random sweep " + std::to_string(number);
    expect_sound(summary, name);
    ++kinds[conclude(summary).advice.kind];
    const std::string answer = answer_to(summary);
    EXPECT_EQ(answer.find("nan"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("  "), std::string::npos) << answer;
  }
  // The random sweeps are not all alike.
  EXPECT_GE(kinds.size(), kRandomSweeps < 1000 ? 5U : 9U);
}

}  // namespace
}  // namespace clipsweep

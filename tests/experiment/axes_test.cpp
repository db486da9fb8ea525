#include "clipsweep/experiment/axes.h"

#include <gtest/gtest.h>

#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/config_resolution.h"
#include "clipsweep/experiment/sweep_file.h"
#include "clipsweep/experiment/sweep_parts.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

ExperimentConfig config_with(const Settings& settings) {
  std::vector<Assignment> flags;
  for (const auto& [name, text] : settings)
    flags.push_back({name, text, "flag --" + name, "--" + name + " " + text});
  return resolve_config({}, flags);
}

std::string refusal_of(const Settings& settings) {
  return message_of<ConfigError>([&] { make_plan(config_with(settings), "data"); });
}

void expect_refusal(const Settings& settings, const std::vector<std::string>& parts) {
  const std::string message = refusal_of(settings);
  for (const auto& part : parts) EXPECT_TRUE(holds(message, part));
}

// Two lengths, three sizes and two batch sizes; 2 arms x 2 learning rates x 2 seeds each.
const Settings kThreeAxes = {{"task", "temporal-order"},
                             {"batch-size", "8,16"},
                             {"hidden", "5,10,20"},
                             {"length", "20,50-60"},
                             {"clip", "none,value:0.5"},
                             {"lr", "0.01,0.1"},
                             {"seeds", "2"}};

std::string digits_of(const std::string& id) { return id.substr(id.rfind('_') + 1); }

TEST(Axes, AreCrossedInTheOrderOfTheTableAndBeforeAllOthers) {
  const auto plan = make_plan(config_with(kThreeAxes), "data");
  ASSERT_EQ(plan.runs.size(), 2U * 3 * 2 * 8);
  std::vector<std::string> setups;
  for (std::size_t i = 0; i < plan.runs.size(); i += 8) {
    setups.push_back(plan.runs[i].setup.varied.slug());
    for (std::size_t j = 1; j < 8; ++j) EXPECT_EQ(plan.runs[i + j].setup, plan.runs[i].setup);
  }
  EXPECT_EQ(setups[0], "length-20_hidden-5_batch-size-8");
  EXPECT_EQ(setups[1], "length-20_hidden-5_batch-size-16");
  EXPECT_EQ(setups[2], "length-20_hidden-10_batch-size-8");
  EXPECT_EQ(setups[11], "length-50-60_hidden-20_batch-size-16");
  EXPECT_EQ(plan.runs[0].id.substr(0, 59), "length-20_hidden-5_batch-size-8_none_lr-0.01_seed-0_" +
                                               digits_of(plan.runs[0].id).substr(0, 7));
}

TEST(Axes, EachRunHasTheHashOfTheSameRunInASweepWithOneValueEach) {
  const auto crossed = make_plan(config_with(kThreeAxes), "data");
  std::set<std::string> hashes;
  for (const auto& run : crossed.runs) hashes.insert(digits_of(run.id));
  EXPECT_EQ(hashes.size(), crossed.runs.size());
  Settings alone = kThreeAxes;
  alone[1].second = "16";
  alone[2].second = "10";
  alone[3].second = "50-60";
  for (const auto& run : make_plan(config_with(alone), "data").runs) {
    EXPECT_EQ(run.id.substr(0, 4), run.clip.mode == ClipMode::kNone ? "none" : "valu");
    EXPECT_EQ(hashes.count(digits_of(run.id)), 1U) << run.id;
  }
}

TEST(Axes, ASetupHasItsOwnTrainingSettings) {
  const auto plan = make_plan(config_with(kThreeAxes), "data");
  const RunSpec& last = plan.runs.back();
  const TrainingPlan training = training_plan(plan, last.setup);
  EXPECT_EQ(training.training.hidden, 20);
  EXPECT_EQ(training.training.batch_size, 16);
  EXPECT_EQ(training.training.length, (LengthRange{50, 60}));
  EXPECT_EQ(training.training_json["length"], "50-60");
  for (const auto& run : plan.runs) EXPECT_EQ(id_by_settings(run, settings_of(plan, run)), run.id);
}

TEST(Axes, ARunReadsBackFromItsJson) {
  for (const auto& run : make_plan(config_with(kThreeAxes), "data").runs) {
    const Json json = to_json(run);
    EXPECT_TRUE(json["length"].is_string());
    EXPECT_TRUE(json["hidden"].is_number_integer());
    const RunSpec read = run_spec_from_json(json);
    EXPECT_EQ(read.setup, run.setup);
    EXPECT_EQ(to_json(read), json);
  }
}

TEST(Axes, UntrustedValuesAreChecked) {
  Json json = to_json(make_plan(config_with(kThreeAxes), "data").runs.front());
  for (const Json& value : {Json("twenty"), Json(nullptr), Json(Json::array({20})), Json("../x")}) {
    json["length"] = value;
    EXPECT_THROW(run_spec_from_json(json), DataError) << value;
  }
}

TEST(Axes, EqualValuesCountOnce) {
  const auto config = config_with({{"hidden", "10,10"}, {"lr-decay", "0.5,5e-1,0.25"}});
  EXPECT_EQ(find_axis(config, "hidden"), nullptr);
  ASSERT_NE(find_axis(config, "learning_rate_decay"), nullptr);
  EXPECT_EQ(find_axis(config, "learning_rate_decay")->values, (std::vector<Json>{0.5, 0.25}));
  EXPECT_EQ(make_plan(config, "data").runs.size(), 40U);
}

TEST(Axes, NumbersMayBeLogspaced) {
  const auto config = config_with({{"hidden", "logspace(1,100,3)"}});
  EXPECT_EQ(find_axis(config, "hidden")->values, (std::vector<Json>{1, 10, 100}));
}

TEST(Axes, ASweepFileHasThemAsLists) {
  const auto file = parse_sweep_text(
      "task = \"adding\"\nlength = [20, \"50-60\"]\noptimizer = [\"sgd\", \"adam\"]", "s.toml");
  const auto config = resolve_config(file, {});
  ASSERT_EQ(config.axes.size(), 2U);
  EXPECT_EQ(config.axes[0].values, (std::vector<Json>{"20", "50-60"}));
  EXPECT_EQ(config.axes[1].values, (std::vector<Json>{"sgd", "adam"}));
}

TEST(Axes, AFlagReplacesTheListOfTheFile) {
  const auto file = parse_sweep_text("hidden = [2, 4]\nmomentum = [0, 0.9]", "s.toml");
  const std::vector<Assignment> flags = {{"hidden", "8", "flag --hidden", "--hidden 8"},
                                         {"optimizer", "adam", "flag --optimizer", ""}};
  const auto config = resolve_config(file, flags);
  EXPECT_TRUE(config.axes.empty());  // adam has no momentum
  EXPECT_EQ(config.training.hidden, 8);
}

TEST(Axes, ASettingThatVariesIsAListInSweepJson) {
  const Json settings = settings_json(config_with(kThreeAxes));
  EXPECT_EQ(settings["length"], (Json{"20", "50-60"}));
  EXPECT_EQ(settings["hidden"], (Json{5, 10, 20}));
  EXPECT_EQ(settings["layers"], 1);
}

TEST(Axes, InvalidCombinationsAreRefusedWithTheirValues) {
  expect_refusal({{"task", "adding,fashion-mnist"}, {"length", "20,50"}},
                 {"fashion-mnist has images of a fixed size", "(in the combination task "});
  expect_refusal({{"optimizer", "sgd,adam"}, {"momentum", "0.5,0.9"}},
                 {"momentum has no effect with --optimizer adam",
                  "(in the combination optimizer adam, momentum 0.5)"});
  expect_refusal({{"length", "20,50"}}, {"has images of a fixed size"});
}

// Whichever of the two comes first: a file has its keys in the order of the alphabet.
TEST(Axes, ADecayIsThatOfTheScheduleStep) {
  for (const bool decay_first : {false, true}) {
    Settings settings = {{"lr-schedule", "constant,step,cosine"}};
    settings.insert(decay_first ? settings.begin() : settings.end(), {"lr-decay", "0.5"});
    const auto combinations = training_combinations(config_with(settings));
    ASSERT_EQ(combinations.size(), 3U);
    const auto schedule = [&](std::size_t i) {
      return schedule_of(combinations[i].training.optimizer);
    };
    EXPECT_EQ(schedule(0), LearningRateSchedule::kConstant);
    EXPECT_EQ(schedule(1), LearningRateSchedule::kStep);
    EXPECT_EQ(schedule(2), LearningRateSchedule::kCosine);
    EXPECT_EQ(combinations[0].varied.slug(), "lr-schedule-constant");
    EXPECT_EQ(combinations[0].training.optimizer.learning_rate_decay, 1);
    EXPECT_EQ(combinations[1].training.optimizer.learning_rate_decay, 0.5);
  }
  const auto alone = make_plan(config_with({{"seeds", "1"}, {"clip", "none"}}), "data");
  const auto crossed = make_plan(config_with({{"seeds", "1"},
                                              {"clip", "none"},
                                              {"lr-schedule", "constant,step"},
                                              {"lr-decay", "0.5"}}),
                                 "data");
  EXPECT_EQ(digits_of(crossed.runs[0].id), digits_of(alone.runs[0].id));
}

TEST(Axes, ADecayWithoutStepIsRefused) {
  expect_refusal({{"lr-schedule", "constant,cosine"}, {"lr-decay", "0.5"}},
                 {"no effect with --lr-schedule constant, cosine; it applies to step"});
  expect_refusal({{"lr-schedule", "constant,step"}, {"lr-decay", "1,0.5"}},
                 {"a list of learning_rate_decay", "give one factor"});
  expect_refusal({{"lr-schedule", "constant,step"}}, {"step has no effect while the decay factor"});
}

TEST(Axes, AListOfForgetBiasesNeedsAForgetGateInEachCell) {
  expect_refusal({{"cell", "lstm,gru"}, {"forget-bias", "1,2"}},
                 {"a list of forget_bias gives equal runs with --cell gru"});
}

TEST(Axes, TheSettingsOfASetupHaveTheDecayOfItsSchedule) {
  const auto config = config_with({{"lr-schedule", "constant,step"}, {"lr-decay", "0.5"}});
  const Json sweep = settings_json(config);
  for (const auto& [training, varied] : training_combinations(config)) {
    const Json settings = settings_of_setup(sweep, varied);
    EXPECT_EQ(settings["learning_rate_schedule"], to_text(schedule_of(training.optimizer)));
    EXPECT_EQ(settings["learning_rate_decay"], training.optimizer.learning_rate_decay);
  }
}

TEST(Axes, BadListsAreRefused) {
  expect_refusal({{"hidden", "10,"}}, {"the list ends with a comma"});
  expect_refusal({{"hidden", "10,0"}}, {"--hidden 10,0", "\"0\": "});
  expect_refusal({{"epochs", "1,2"}}, {"--epochs 1,2", "whole number"});
  expect_refusal({{"task", "adding,coppy"}}, {"copy"});
}

TEST(Axes, AtMostAHundredThousandRunsAreCrossed) {
  expect_refusal({{"hidden", "1,2"}, {"seeds", "30000"}},
                 {"1.2e+05 runs", "(hidden)", "at most 100,000"});
  expect_refusal({{"momentum", "logspace(1e-3,0.9,2000)"}, {"lr-decay", "logspace(1e-3,0.9,2000)"}},
                 {"combinations", "at most 100,000 runs"});
}

TEST(Axes, PartsOfASweepAreDisjointAndWeighSetupsByTheirCost) {
  const auto plan =
      make_plan(config_with({{"task", "adding"}, {"length", "10,90"}, {"seeds", "9"}}), "data");
  std::set<const RunSpec*> seen;
  std::vector<std::size_t> sizes;
  for (const auto& part : all_parts(plan.runs, 2)) {
    sizes.push_back(part.size());
    for (const auto* run : part) EXPECT_TRUE(seen.insert(run).second);
  }
  EXPECT_EQ(seen.size(), plan.runs.size());
  // Both parts have runs of both lengths: of 9 seeds, one has 4 and the other 5, with 4 runs each.
  EXPECT_NEAR(static_cast<double>(sizes[0]), static_cast<double>(sizes[1]), 4);
}

TEST(Axes, AnAxisOfOneValueIsNamedAndKeepsTheHash) {
  ExperimentConfig config = config_with({{"task", "adding"}, {"length", "20"}, {"seeds", "1"}});
  const auto plain = make_plan(config, "data").runs.front();
  add_axis(config, {"length", {"20"}, {"20"}});
  const auto named = make_plan(config, "data").runs.front();
  EXPECT_EQ(named.id, "length-20_" + plain.id);
  EXPECT_EQ(full_id(plain), plain.id);
  RunSpec with_former_id = named;
  with_former_id.id = plain.id;
  EXPECT_EQ(full_id(with_former_id), named.id);
  EXPECT_EQ(settings_json(config)["length"], "20");
}

}  // namespace
}  // namespace clipsweep

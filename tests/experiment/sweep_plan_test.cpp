#include "clipsweep/experiment/sweep_plan.h"

#include <gtest/gtest.h>

#include <limits>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

ExperimentConfig small_grid() {
  ExperimentConfig config;
  config.clips = {{ClipMode::kNone}, {ClipMode::kGlobalNorm, 1}};
  config.learning_rates = {0.01, 0.1};
  config.seeds = {0, 1, 2};
  return config;
}

TEST(MakePlan, CrossesAllAxes) {
  const auto plan = make_plan(small_grid(), "data");
  EXPECT_EQ(plan.runs.size(), 12U);
  EXPECT_EQ(plan.runs.front().id.substr(0, 20), "none_lr-0.01_seed-0_");
  EXPECT_EQ(arm_name(plan.runs.back()), "global-norm-1_lr-0.1");
}

TEST(MakePlan, MergesEqualRuns) {
  auto config = small_grid();
  config.seeds = {0, 1, 0};
  config.learning_rates = {0.1, 1e-1};
  EXPECT_EQ(make_plan(config, "data").runs.size(), 4U);
}

TEST(MakePlan, AnIdDependsOnlyOnWhatDeterminesTheNumbers) {
  const auto id = [](const ExperimentConfig& config, const char* data = "data") {
    return make_plan(config, data).runs.front().id;
  };
  const std::string before = id(small_grid());
  auto config = small_grid();
  config.workers = 7;
  config.engine = "reference";
  config.log_every = 10;
  config.data_folder = "/elsewhere";
  config.seeds = {0};
  EXPECT_EQ(id(config), before);
  EXPECT_NE(id(small_grid(), "other data"), before);
  config.training.hidden = 11;
  EXPECT_NE(id(config), before);
  config.training = {};
  config.training.on_nonfinite = NonfinitePolicy::kSkip;
  EXPECT_NE(id(config), before);
}

// Scripts and earlier sweeps rely on IDs: this one is from version 0.1.0.
TEST(MakePlan, IdsStayTheSameOverVersions) {
  EXPECT_EQ(make_plan(small_grid(), "data").runs.front().id, "none_lr-0.01_seed-0_4d037482");
}

// The digits are those that version 0.1.0 gives the run with --lr-decay 0.5 --lr-decay-every 2,
// which had no schedule beside them.
TEST(MakePlan, TheScheduleThatADecayImpliesIsNotPartOfTheId) {
  auto config = small_grid();
  config.training.optimizer.learning_rate_decay = 0.5;
  config.training.optimizer.learning_rate_decay_every = 2;
  const std::string id = "none_lr-0.01_seed-0_1cf4245e";
  const auto implied = make_plan(config, "data");
  EXPECT_EQ(implied.runs.front().id, id);
  EXPECT_EQ(training_plan(implied).training_json["learning_rate_schedule"], "step");
  config.training.optimizer.learning_rate_schedule = LearningRateSchedule::kStep;
  EXPECT_EQ(make_plan(config, "data").runs.front().id, id);
  const auto settings = settings_of(implied, implied.runs.front());
  EXPECT_EQ(id_by_settings(implied.runs.front(), settings), id);
  config.training.optimizer.learning_rate_schedule = LearningRateSchedule::kCosine;
  EXPECT_NE(make_plan(config, "data").runs.front().id, id);
}

// The digits of `none` are those of a sweep without it (IdsStayTheSameOverVersions).
TEST(MakePlan, ADecayOfTheThresholdsIsPartOfTheArmsThatHaveOne) {
  auto config = small_grid();
  config.clip_options.threshold_decay = 0.5;
  const auto plan = make_plan(config, "data");
  EXPECT_EQ(plan.runs.front().id, "none_lr-0.01_seed-0_4d037482");
  EXPECT_EQ(arm_name(plan.runs.back()), "global-norm-1_decay-by-0.5_lr-0.1");
  EXPECT_EQ(to_json(plan.runs.back())["threshold_decay"], 0.5);
  EXPECT_EQ(run_spec_from_json(to_json(plan.runs.back())).clip, plan.runs.back().clip);
}

TEST(IdBySettings, EqualsTheIdInThePlan) {
  auto config = small_grid();
  config.cells = {{Cell::kLstm, std::nullopt}, {Cell::kRnnTanh, std::nullopt}};
  config.init = parse_initial_scheme("torch");
  config.training.batch_size = 16;
  config.noise_floor = true;
  const auto plan = make_plan(config, "data");
  for (const auto& run : plan.runs) EXPECT_EQ(id_by_settings(run, settings_of(plan, run)), run.id);
}

TEST(IdBySettings, DependsOnEachSettingAndTheData) {
  const auto plan = make_plan(small_grid(), "data");
  const RunSpec& run = plan.runs.front();
  Json settings = settings_of(plan, run);
  settings["batch_size"] = 33;
  EXPECT_NE(id_by_settings(run, settings), run.id);
  settings = settings_of(plan, run);
  settings["data_sha256"] = "other";
  EXPECT_NE(id_by_settings(run, settings), run.id);
}

TEST(IdBySettings, AcceptsSettingsOfEarlierVersionsButNotOfLaterOnes) {
  const auto plan = make_plan(small_grid(), "data");
  const RunSpec& run = plan.runs.front();
  Json settings = settings_of(plan, run);
  settings.erase("nesterov");
  settings.erase("cell");
  settings["weight_decay"] = 0;  // before it became an axis
  EXPECT_EQ(id_by_settings(run, settings), run.id);
  settings["weight_decay"] = 0.1;
  EXPECT_NE(id_by_settings(run, settings), run.id);
  settings["of_a_later_version"] = 1;
  EXPECT_EQ(id_by_settings(run, settings), std::nullopt);
}

TEST(MakePlan, CrossesCellsToo) {
  auto config = small_grid();
  config.cells = {{Cell::kRnnRelu, InitialScheme{InitialKind::kIdentity}}, {Cell::kLstm}};
  const auto plan = make_plan(config, "data");
  ASSERT_EQ(plan.runs.size(), 24U);
  EXPECT_EQ(arm_name(plan.runs.front()), "rnn-relu-identity_none_lr-0.01");
  EXPECT_EQ(to_json(plan.runs.front())["cell"], "rnn-relu");
  EXPECT_EQ(to_json(plan.runs.front())["init"], "identity");
  EXPECT_EQ(settings_of(plan, plan.runs.front())["init"], "identity");
  // A run's ID does not depend on the other cells of the sweep.
  EXPECT_EQ(plan.runs[12].id, "none_lr-0.01_seed-0_4d037482");
  for (const auto& run : plan.runs) {
    const RunSpec read = run_spec_from_json(to_json(run));
    EXPECT_EQ(read.setup, run.setup);
    EXPECT_EQ(read.id, run.id);
  }
}

TEST(MakePlan, ASchemeForAllCellsEqualsTheSameSchemeForEach) {
  auto named = small_grid();
  named.cells = {{Cell::kRnnTanh, InitialScheme{InitialKind::kSparse}}};
  auto shared = small_grid();
  shared.cells = {{Cell::kRnnTanh}};
  shared.init = {InitialKind::kSparse};
  EXPECT_EQ(make_plan(named, "data").runs.front().id, make_plan(shared, "data").runs.front().id);
  shared.cells.push_back(named.cells.front());
  EXPECT_EQ(make_plan(shared, "data").runs.size(), 12U);  // without duplicates
}

TEST(MakePlan, NamesSettingsThatAreNotTheDefaultInTheId) {
  auto config = small_grid();
  config.clips = {{ClipMode::kNone}, {ClipMode::kGlobalNorm, 1}, {ClipMode::kAgc, 0.1}};
  config.learning_rates = {0.01};
  config.seeds = {0};
  config.output_thresholds = {5};
  config.clip_options.norm_type = std::numeric_limits<double>::infinity();
  config.clip_options.epsilon = 1e-6;
  config.clip_options.agc_clips_output = false;
  config.weight_decays = {0, 0.001};
  config.decoupled_weight_decays = {0.5};
  config.l1_penalties = {1e-5};
  std::vector<std::string> names;
  for (const auto& run : make_plan(config, "data").runs) names.push_back(arm_name(run));
  EXPECT_EQ(names, (std::vector<std::string>{
                       "none_lr-0.01_decoupled-wd-0.5_l1-1e-05",
                       "none_lr-0.01_wd-0.001_decoupled-wd-0.5_l1-1e-05",
                       "global-norm-1_out-5_norm-inf_eps-1e-06_lr-0.01_decoupled-wd-0.5_l1-1e-05",
                       "global-norm-1_out-5_norm-inf_eps-1e-06_lr-0.01_wd-0.001_decoupled-wd-0.5_"
                       "l1-1e-05",
                       "agc-0.1_output-leave_lr-0.01_decoupled-wd-0.5_l1-1e-05",
                       "agc-0.1_output-leave_lr-0.01_wd-0.001_decoupled-wd-0.5_l1-1e-05"}));
}

// An option of one mode must not give the runs of another a new ID.
TEST(MakePlan, AnOptionChangesOnlyTheIdsOfModesThatUseIt) {
  auto config = small_grid();
  const auto before = make_plan(config, "data").runs;
  config.clip_options.norm_type = 1;
  config.clip_options.zclip_decay = 0.5;
  const auto after = make_plan(config, "data").runs;
  EXPECT_EQ(after.front().id, before.front().id);  // none
  EXPECT_NE(after.back().id, before.back().id);    // global-norm
}

TEST(MakePlan, RefusesMoreRunsThanASweepMayHave) {
  auto config = small_grid();
  config.seeds.assign(500'000, 1);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { make_plan(config, ""); }), "2e+06 runs"));
}

TEST(RunSpecJson, ReadsBackWhatItWrote) {
  auto config = small_grid();
  config.clips = {{ClipMode::kNone},        {ClipMode::kScale, 1}, {ClipMode::kValue, 1},
                  {ClipMode::kAutoclip, 0}, {ClipMode::kZclip, 2}, {ClipMode::kAdagc, 2}};
  config.output_thresholds = {0.5, std::numeric_limits<double>::infinity()};
  config.clip_options = {1, 1e-6, false, 5, 7, 0.5, 3, 0.25, 4, 2, 0.5, 2};
  config.weight_decays = {0, 0.5};
  config.l1_penalties = {0.25};
  for (const auto& run : make_plan(config, "data").runs) {
    EXPECT_EQ(to_json(run_spec_from_json(to_json(run))), to_json(run));
    const RunSpec read = run_spec_from_json(to_json(run));
    EXPECT_EQ(read.id, run.id);
    EXPECT_TRUE(read.clip == run.clip);
    EXPECT_EQ(read.learning_rate, run.learning_rate);
    EXPECT_EQ(read.seed, run.seed);
  }
}

TEST(RunSpecJson, RefusesAThresholdThatItsModeDoesNotAccept) {
  Json json = to_json(make_plan(small_grid(), "data").runs.back());
  for (const double threshold : {0.0, -1.0}) {
    json["threshold"] = threshold;
    EXPECT_THROW(run_spec_from_json(json), DataError);
  }
}

TEST(RunSpecJson, RefusesIdsOutsideTheFolder) {
  Json json = to_json(make_plan(small_grid(), "data").runs.front());
  for (const char* id : {"../x", "a/b", "", ".", "..", "a b", "x\n"}) {
    json["id"] = id;
    EXPECT_THROW(run_spec_from_json(json), DataError) << id;
  }
}

TEST(RunSpecJson, RefusesNumbersThatNoPlanContains) {
  for (const char* number : {"0", "-1", "\"NaN\"", "\"Infinity\""})
    for (const char* key : {"learning_rate", "weight_decay", "l1"}) {
      Json json = to_json(make_plan(small_grid(), "data").runs.front());
      json[key] = Json::parse(number);
      EXPECT_THROW(run_spec_from_json(json), DataError) << key << " " << number;
    }
}

TEST(FindRun, AcceptsIdHashAndBeginning) {
  const auto runs = make_plan(small_grid(), "data").runs;
  const RunSpec& wanted = runs[7];
  EXPECT_EQ(&find_run(runs, wanted.id), &wanted);
  EXPECT_EQ(&find_run(runs, wanted.id.substr(wanted.id.size() - 8)), &wanted);
  EXPECT_EQ(&find_run(runs, wanted.id.substr(0, wanted.id.size() - 4)), &wanted);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { find_run(runs, "none"); }),
                    "is the beginning of 6 runs"));
  auto config = small_grid();
  config.seeds = {10, 11, 1};
  const auto many = make_plan(config, "data").runs;
  EXPECT_EQ(find_run(many, "none_lr-0.01_seed-1").seed, 1U);
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { find_run(runs, "xyz"); }), "no run \"xyz\""));
}

}  // namespace
}  // namespace clipsweep

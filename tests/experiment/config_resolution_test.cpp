#include "clipsweep/experiment/config_resolution.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/experiment/sweep_file.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

using Flags = std::vector<std::pair<std::string, std::string>>;

std::vector<Assignment> flags_of(const Flags& flags) {
  std::vector<Assignment> assignments;
  for (const auto& [name, text] : flags)
    assignments.push_back({name, text, "flag --" + name, "--" + name + " " + text});
  return assignments;
}

ExperimentConfig config_of_flags(const Flags& flags) { return resolve_config({}, flags_of(flags)); }

std::vector<std::string> rules_of(const ExperimentConfig& config) {
  std::vector<std::string> texts;
  for (const auto& rule : clip_rules(config)) texts.push_back(to_text(rule));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(ResolveConfig, DefaultIsTheClassicExample) {
  const auto config = config_of_flags({});
  EXPECT_EQ(rules_of(config), (Texts{"none", "value:0.5"}));
  EXPECT_EQ(config.seeds, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(config.learning_rates, std::vector<double>{0.01});
  EXPECT_EQ(config.training.steps(), 5000U);
}

TEST(ResolveConfig, CrossesModesWithThresholdsAndAddsPairs) {
  const auto config = config_of_flags(
      {{"mode", "none,value,global-norm"}, {"threshold", "0.5,1"}, {"clip", "value:0.5,scale:2"}});
  EXPECT_EQ(rules_of(config),
            (Texts{"none", "value:0.5", "value:1", "global-norm:0.5", "global-norm:1", "scale:2"}));
}

TEST(ResolveConfig, RefusesAGridThatIsIncomplete) {
  EXPECT_TRUE(holds(message_of<ConfigError>([] {
                      config_of_flags({{"mode", "value"}});
                    }),
                    "mode value needs a threshold"));
  EXPECT_TRUE(holds(message_of<ConfigError>([] {
                      config_of_flags({{"threshold", "1"}});
                    }),
                    "a threshold without a mode"));
  EXPECT_TRUE(holds(message_of<ConfigError>([] {
                      config_of_flags({{"mode", "none"}, {"threshold", "1"}});
                    }),
                    "none of the listed modes takes one"));
}

TEST(ResolveConfig, NamesThePlaceOfAMistake) {
  const auto message = [](const Flags& flags) {
    return message_of<ConfigError>([&] { config_of_flags(flags); });
  };
  EXPECT_TRUE(holds(message({{"lr", "nan"}}), "--lr nan: a learning rate must be"));
  for (const char* rate : {"-1", "0", "1e400", "inf", "1e39", "1e-60"})
    EXPECT_TRUE(holds(message({{"lr", rate}}), std::string("--lr ") + rate + ": ")) << rate;
  for (const char* threshold : {"-1", "nan"})
    EXPECT_TRUE(holds(message({{"threshold", threshold}, {"mode", "value"}}),
                      std::string("--threshold ") + threshold + ": a threshold must be above 0"));
  EXPECT_TRUE(holds(message({{"threshold", "0,1"}, {"mode", "autoclip,value"}}),
                    "--threshold 0,1: mode value: a threshold must be above 0"));
  EXPECT_TRUE(holds(message({{"hidden", "0"}}), "--hidden 0: must be a whole number from 1"));
  EXPECT_TRUE(holds(message({{"hidden", "2.5"}}), "--hidden 2.5: "));
  EXPECT_TRUE(holds(message({{"momentum", "1"}}), "--momentum 1: must be a number from 0"));
  EXPECT_TRUE(holds(message({{"momentum", "nan"}}), "--momentum nan: "));
  EXPECT_TRUE(holds(message({{"weight-decay", "inf"}}), "--weight-decay inf: "));
  EXPECT_TRUE(holds(message({{"task", "mnist"}}),
                    "--task mnist: unknown task \"mnist\" (did you mean \"fashion-mnist\"?); "
                    "allowed: fashion-mnist, fashion-mnist-pixels, adding"));
  EXPECT_TRUE(holds(message({{"cell", "LSTM"}}),
                    "--cell LSTM: unknown cell \"LSTM\" (did you mean \"lstm\"?); allowed: lstm"));
  EXPECT_TRUE(holds(message({{"cell", "lsmt"}}),
                    "--cell lsmt: unknown cell \"lsmt\" (did you mean "
                    "\"lstm\"?); allowed: lstm, gru, rnn-tanh"));
  EXPECT_TRUE(holds(message({{"cell", "lstm:identity"}}), "identity is for plain cells"));
  EXPECT_TRUE(holds(message({{"cell", "lstm,"}}), "the list ends with a comma"));
  EXPECT_TRUE(holds(message({{"cell", "lstm,,gru"}}), "a list with an empty element"));
  EXPECT_TRUE(holds(message({{"cell", "rnn-relu,gru"}, {"init", "identity"}}),
                    "--init: identity is for plain cells, rnn-relu and rnn-tanh; gru has gates: "
                    "use keras, torch, gaussian:SD or sparse"));
  EXPECT_TRUE(holds(message({{"cell", "gru"}, {"forget-bias", "1"}}),
                    "--forget-bias: none of the listed cells has a forget gate"));
  EXPECT_TRUE(holds(message({{"forget-bias", "inf"}}), "--forget-bias inf: must be a finite"));
  EXPECT_TRUE(holds(message({{"layers", "17"}}), "--layers 17: must be a whole number from 1"));
  EXPECT_TRUE(
      holds(message({{"init", "torhc"}}), "--init torhc: unknown initial scheme \"torhc\""));
  EXPECT_TRUE(holds(message({{"init", "identity"}}), "--init: identity is for plain cells"));
  EXPECT_TRUE(holds(message({{"on-nonfinite", "halt"}}), "allowed: stop, skip, continue"));
  EXPECT_TRUE(holds(message({{"engine", "fussed"}}), "allowed: auto, reference, fused"));
  EXPECT_TRUE(holds(message({{"steps-per-epoch", "0"}}), "--steps-per-epoch 0: "));
}

TEST(ResolveConfig, RefusesOmegaForCellsThatItIsNotDefinedFor) {
  const auto message = [](const Flags& flags) {
    return message_of<ConfigError>([&] { config_of_flags(flags); });
  };
  EXPECT_EQ(message({{"omega", "2"}}),
            "--omega: the regularizer Omega is not defined for --cell lstm; omega applies to "
            "rnn-tanh, rnn-relu");
  EXPECT_TRUE(holds(message({{"cell", "rnn-tanh,gru"}, {"omega", "0,2"}}), "--cell gru;"));
  for (const char* number : {"-1", "nan", "inf", "1e39", "x"})
    EXPECT_TRUE(holds(message({{"cell", "rnn-tanh"}, {"omega", number}}), "a finite number from 0"))
        << number;
  EXPECT_TRUE(holds(message({{"cell", "rnn-tanh"}, {"omega", ""}}), "--omega"));
  EXPECT_EQ(config_of_flags({{"omega", "0"}}).training.omega, 0);
  EXPECT_EQ(config_of_flags({{"cell", "rnn-relu"}, {"omega", "0.5"}}).training.omega, 0.5);
}

TEST(ResolveConfig, RefusesOptionsThatTheOptimizerDoesNotUse) {
  const auto message = [](const Flags& flags) {
    return message_of<ConfigError>([&] { config_of_flags(flags); });
  };
  EXPECT_TRUE(holds(message({{"optimizer", "adm"}}), "did you mean \"adam\"?"));
  for (const char* name : {"adamw", "AdamW"})
    EXPECT_TRUE(holds(message({{"optimizer", name}}),
                      "(use adam with --decoupled-weight-decay X); allowed: sgd, adam, rmsprop"));
  EXPECT_TRUE(holds(
      message({{"optimizer", "adam"}, {"momentum", "0.9"}}),
      "--momentum: momentum has no effect with --optimizer adam; it applies to sgd, rmsprop"));
  EXPECT_TRUE(
      holds(message({{"adam-beta1", "0.9"}}), "adam_beta1 has no effect with --optimizer sgd"));
  EXPECT_TRUE(holds(message({{"optimizer", "rmsprop"}, {"nesterov", "true"}, {"momentum", "0.9"}}),
                    "it applies to sgd"));
  EXPECT_TRUE(holds(message({{"nesterov", "true"}}), "add for example --momentum 0.9"));
  EXPECT_TRUE(holds(message({{"lr-decay-every", "2"}}), "add for example --lr-decay 0.1"));
}

TEST(ResolveConfig, RefusesSchedulesWithoutEffectOrEnd) {
  const auto message = [](const Flags& flags) {
    return message_of<ConfigError>([&] { config_of_flags(flags); });
  };
  EXPECT_TRUE(holds(message({{"lr-schedule", "cosin"}}), "did you mean \"cosine\"?"));
  EXPECT_TRUE(holds(message({{"lr-schedule", "step"}}),
                    "--lr-schedule: step has no effect while the decay factor is 1; add for"));
  for (const char* schedule : {"constant", "cosine", "linear"})
    EXPECT_TRUE(holds(message({{"lr-schedule", schedule}, {"lr-decay", "0.5"}}),
                      std::string("--lr-decay: learning_rate_decay has no effect with "
                                  "--lr-schedule ") +
                          schedule + "; it applies to step"));
  EXPECT_TRUE(holds(message({{"lr-schedule", "cosine"}, {"lr-decay-every", "2"}}),
                    "learning_rate_decay_every has no effect with --lr-schedule cosine"));
  EXPECT_TRUE(holds(message({{"lr-warmup", "5001"}}),
                    "--lr-warmup: a warm-up of 5,001 steps never ends, because a run has 5,000"));
  EXPECT_EQ(config_of_flags({{"lr-warmup", "5000"}}).training.optimizer.learning_rate_warmup,
            5000U);
  EXPECT_TRUE(holds(message({{"lr-warmup", "-1"}}), "must be a whole number from 0"));
  EXPECT_TRUE(
      holds(message({{"threshold-decay-every", "2"}}), "add for example --threshold-decay 0.5"));
  EXPECT_TRUE(holds(message({{"clip", "none,autoclip:10"}, {"threshold-decay", "0.5"}}),
                    "threshold_decay has no effect on the listed modes; it applies to value"));
  EXPECT_TRUE(holds(message({{"threshold-decay", "1e-9"}}),
                    "--threshold-decay: in the last of 10 epochs nothing is left of the threshold "
                    "of value:0.5"));
}

TEST(ResolveConfig, AFlagForTheScheduleDropsTheFilesDecay) {
  const std::vector<Assignment> file = {{"lr-decay", "0.5", "sweep.toml:1", "sweep.toml:1:1"},
                                        {"lr-decay-every", "2", "sweep.toml:2", "sweep.toml:2:1"}};
  const auto config = resolve_config(file, flags_of({{"lr-schedule", "cosine"}}));
  EXPECT_EQ(schedule_of(config.training.optimizer), LearningRateSchedule::kCosine);
  EXPECT_EQ(config.training.optimizer.learning_rate_decay, 1);
  EXPECT_FALSE(is_given(config, "learning_rate_decay"));
  EXPECT_EQ(schedule_of(resolve_config(file, {}).training.optimizer), LearningRateSchedule::kStep);
}

TEST(ResolveConfig, AFlagForTheScheduleDropsTheFilesListOfDecaysUnlessItHasStep) {
  const std::vector<Assignment> list = {{"lr-decay", "1,0.5", "sweep.toml:1", "sweep.toml:1:1"}};
  EXPECT_TRUE(resolve_config(list, flags_of({{"lr-schedule", "cosine"}})).axes.empty());
  const std::vector<Assignment> one = {{"lr-decay", "0.5", "sweep.toml:1", "sweep.toml:1:1"}};
  const auto config = resolve_config(one, flags_of({{"lr-schedule", "constant,step"}}));
  EXPECT_EQ(config.training.optimizer.learning_rate_decay, 0.5);
}

TEST(ResolveConfig, RefusesImpossibleNumbersOfAnOptimizer) {
  const auto message = [](const char* optimizer, const std::string& flag, const char* value) {
    return message_of<ConfigError>([&] {
      config_of_flags({{"optimizer", optimizer}, {flag, value}});
    });
  };
  for (const char* value : {"1", "-0.1", "nan", "0.99999999999"})
    for (const char* flag : {"adam-beta1", "adam-beta2"})
      EXPECT_TRUE(holds(message("adam", flag, value), "must be a number from 0 to below 1"));
  EXPECT_TRUE(holds(message("rmsprop", "rmsprop-alpha", "1"), "--rmsprop-alpha 1: must be"));
  for (const char* value : {"0", "-1", "inf", "nan", "1e-60"})
    EXPECT_TRUE(holds(message("adam", "adam-epsilon", value), "must be a finite number above 0"));
  for (const char* value : {"0", "1.5", "nan"})
    EXPECT_TRUE(holds(message("sgd", "lr-decay", value), "must be a number above 0 and up to 1"));
  EXPECT_TRUE(
      holds(message("sgd", "lr-decay-every", "0"), "must be a whole number from 1 to 1,000,000"));
}

TEST(ResolveConfig, AFlagForTheOptimizerDropsTheFilesOptionsOfAnother) {
  const std::vector<Assignment> file = {{"momentum", "0.9", "sweep.toml:1", "sweep.toml:1:1"},
                                        {"nesterov", "true", "sweep.toml:2", "sweep.toml:2:1"}};
  const auto config = resolve_config(file, flags_of({{"optimizer", "adam"}}));
  EXPECT_EQ(config.training.optimizer.momentum, 0);
  EXPECT_FALSE(config.training.optimizer.nesterov);
  EXPECT_FALSE(is_given(config, "momentum"));
  EXPECT_EQ(resolve_config(file, flags_of({{"optimizer", "sgd"}})).training.optimizer.momentum,
            0.9);
}

TEST(ResolveConfig, CrossesTheOutputThresholdWithTheModesThatTakeIt) {
  const auto config = config_of_flags(
      {{"clip", "none,value:1,scale:2,global-norm:1"}, {"output-threshold", "3,inf"}});
  EXPECT_EQ(clip_rules(config).size(), 1U + 2 + 1 + 2);
  EXPECT_EQ(clip_rules(config)[1].output_threshold, 3);
}

TEST(ResolveConfig, ARuleThatIsNamedTwiceIsOne) {
  const auto rules = clip_rules(config_of_flags({{"mode", "none,global-norm"},
                                                 {"threshold", "0.5,1,0.5"},
                                                 {"clip", "none,value:0.5,global-norm:1"},
                                                 {"output-threshold", "3"}}));
  std::vector<std::string> slugs;
  for (const auto& rule : rules) slugs.push_back(slug_of(rule));
  EXPECT_EQ(slugs, (std::vector<std::string>{"none", "global-norm-0.5_out-3", "global-norm-1_out-3",
                                             "value-0.5_out-3"}));
}

TEST(ResolveConfig, RefusesOptionsThatNoListedModeUses) {
  const auto message = [](const Flags& flags) {
    return message_of<ConfigError>([&] { config_of_flags(flags); });
  };
  EXPECT_TRUE(holds(message({{"clip", "value:1"}, {"norm-type", "1"}}),
                    "--norm-type: norm_type has no effect on the listed modes; it applies to "
                    "global-norm, tensor-norm, scale"));
  EXPECT_TRUE(holds(message({{"norm-type", "2"}}), "has no effect on the listed modes"));
  EXPECT_TRUE(holds(message({{"clip", "scale:1"}, {"output-threshold", "1"}}),
                    "has no effect on the listed modes"));
  EXPECT_TRUE(holds(message({{"clip", "zclip:2"}, {"adagc-decay", "0.9"}}), "it applies to adagc"));
  for (const auto& [flag, value] : Flags{{"norm-type", "3"},
                                         {"norm-type", "nan"},
                                         {"clip-epsilon", "-1"},
                                         {"clip-epsilon", "inf"},
                                         {"agc-output", "skip"},
                                         {"zclip-decay", "1"},
                                         {"zclip-warmup", "0"},
                                         {"adagc-warmup", "-1"},
                                         {"adagc-warmup-norm", "0"},
                                         {"weight-decay", "-1"},
                                         {"weight-decay", "nan"},
                                         {"l1", "inf"},
                                         {"decoupled-weight-decay", "1e39"},
                                         {"output-threshold", "0"}})
    EXPECT_TRUE(holds(message({{flag, value}}), "--" + flag + " " + value + ": "));
  for (const char* clip : {"autoclip:101", "autoclip:-1", "autoclip:nan"})
    EXPECT_TRUE(holds(message({{"clip", clip}}), "a percentile from 0 to 100")) << clip;
  EXPECT_TRUE(holds(message({{"clip", "zclip:0"}}), "above 0"));
}

TEST(ResolveConfig, AnOptionIsForTheModesThatUseIt) {
  const auto config = config_of_flags({{"clip", "none,global-norm:1"}, {"norm-type", "inf"}});
  EXPECT_EQ(clip_rules(config)[1].options.norm_type, std::numeric_limits<double>::infinity());
  EXPECT_EQ(rules_of(config_of_flags({{"clip", "autoclip:0,autoclip:100,autoclip:inf"}})).size(),
            3U);
}

TEST(ResolveConfig, AFilesOptionIsUnusedIfFlagsNameOtherModes) {
  const std::vector<Assignment> file = {{"clip", "global-norm:1", "", ""},
                                        {"norm_type", "1", "s.toml:2", ""},
                                        {"output_threshold", "3", "s.toml:3", ""}};
  EXPECT_EQ(rules_of(resolve_config(file, flags_of({{"clip", "none"}}))), Texts{"none"});
}

TEST(ResolveConfig, RecordsWhereEachValueComesFrom) {
  const auto config = resolve_config({{"hidden", "20", "s.toml:1", ""}}, flags_of({{"lr", "0.1"}}));
  const std::map<std::string, std::string> origins(config.origins.begin(), config.origins.end());
  EXPECT_EQ(origins.at("hidden"), "s.toml:1");
  EXPECT_EQ(origins.at("learning_rate"), "flag --lr");
  EXPECT_EQ(origins.at("epochs"), "default");
}

TEST(ResolveConfig, AFlagForTheGridReplacesTheFilesModesAndPairs) {
  const std::vector<Assignment> pairs = {{"clip", "value:1", "", ""}};
  const std::vector<Assignment> crossed = {{"mode", "value", "", ""}, {"threshold", "0.5", "", ""}};
  EXPECT_EQ(rules_of(resolve_config(pairs, flags_of({{"mode", "none"}}))), Texts{"none"});
  EXPECT_EQ(rules_of(resolve_config(crossed, flags_of({{"clip", "scale:2"}}))), Texts{"scale:2"});
  EXPECT_EQ(rules_of(resolve_config(crossed, flags_of({{"mode", "scale"}}))), Texts{"scale:0.5"});
  EXPECT_EQ(rules_of(resolve_config(crossed, flags_of({{"threshold", "3"}}))), Texts{"value:3"});
  EXPECT_EQ(rules_of(resolve_config(crossed, flags_of({{"mode", "none"}}))), Texts{"none"});
}

class SweepFile : public ::testing::Test {
 protected:
  ExperimentConfig read(const std::string& toml) {
    write_text(folder_.path() / "sweep.toml", toml);
    return resolve_config(read_sweep_file((folder_.path() / "sweep.toml").string()), {});
  }
  std::string message(const std::string& toml) {
    return message_of<ConfigError>([&] { read(toml); });
  }
  TemporaryFolder folder_;
};

TEST_F(SweepFile, ReadsNumbersStringsAndLists) {
  const auto config = read(
      "mode = [\"none\", \"value\"]\nthreshold = [0.5, 1]\nlr = \"logspace(1e-2,1,3)\"\n"
      "seeds = 3\nbatch_size = 16\nmomentum = 0.9\n");
  EXPECT_EQ(rules_of(config), (Texts{"none", "value:0.5", "value:1"}));
  EXPECT_EQ(config.learning_rates, (std::vector<double>{0.01, 0.1, 1}));
  EXPECT_EQ(config.seeds.size(), 3U);
  EXPECT_EQ(config.training.batch_size, 16);
  EXPECT_EQ(config.training.optimizer.momentum, 0.9);
}

TEST_F(SweepFile, AListOfOneSeedIsThatSeed) {
  EXPECT_EQ(read("seeds = [7]").seeds, std::vector<std::uint64_t>{7});
  EXPECT_EQ(read("seeds = [7, 9]").seeds, (std::vector<std::uint64_t>{7, 9}));
}

TEST_F(SweepFile, NamesLineAndColumn) {
  EXPECT_TRUE(holds(message("hidden = 10\nmoed = \"none\"\n"),
                    "sweep.toml:2:1: moed = none: unknown key \"moed\" (did you mean \"mode\"?)"));
  EXPECT_TRUE(holds(message("hidden = [\n"), "sweep.toml:1:12: not valid TOML"));
  EXPECT_TRUE(holds(message("lr = nan\n"), "sweep.toml:1:1: lr = nan: a learning rate must be"));
  EXPECT_TRUE(holds(message("threshold = []\nmode = 'value'"), "empty list"));
  EXPECT_TRUE(holds(message("[grid]\nlr = 1\n"), "sweep.toml:1:2: grid must be a number"));
  EXPECT_TRUE(holds(message("hidden = true\n"), "must be a whole number"));
  EXPECT_TRUE(holds(message("lr = 0.1\nlearning_rate = 0.2\n"), "given twice"));
}

TEST_F(SweepFile, SaysThatItIsMissing) {
  EXPECT_TRUE(holds(message_of<ConfigError>([] { read_sweep_file("/nowhere/sweep.toml"); }),
                    "sweep file /nowhere/sweep.toml: cannot read: No such file"));
}

TEST(SettingTable, EveryFlagIsFoundByFlagAndKey) {
  for (const auto& setting : setting_table()) {
    EXPECT_EQ(find_setting(setting.flag), &setting);
    EXPECT_EQ(find_setting(setting.key), &setting);
  }
  EXPECT_EQ(find_setting("no-such-flag"), nullptr);
}

}  // namespace
}  // namespace clipsweep

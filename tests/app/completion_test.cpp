#include "completion.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "clipsweep/clipping/clip_modes.h"
#include "clipsweep/experiment/presets.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/model/cells.h"
#include "command_line.h"
#include "flag_hints.h"
#include "support/sample_folder.h"

namespace clipsweep {
namespace {

using Words = std::vector<std::string>;

Words offered(const Words& typed) { return offer_for(typed).words; }

std::string printed(const Words& typed) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_complete(typed), kSuccess);
  return testing::internal::GetCapturedStdout();
}

TEST(Completion, OffersTheCommands) {
  EXPECT_EQ(offered({""}), command_names());
  EXPECT_EQ(offered({"su"}), Words{"summarize"});
  EXPECT_EQ(offered({"--v"}), Words{"--version"});
  EXPECT_FALSE(contains(offered({""}), "measure"));
  EXPECT_FALSE(contains(offered({"c"}), "complete"));
  EXPECT_EQ(offered({"help", "val"}), Words{"validate"});
}

TEST(Completion, OffersTheFlagsOfACommand) {
  EXPECT_EQ(offered({"sweep", "--ce"}), Words{"--cell"});
  EXPECT_EQ(offered({"show", "-"}), (Words{"--events", "--json", "--help"}));
  EXPECT_EQ(offered({"validate", "DIR", ""}), (Words{"--json", "--help"}));
}

TEST(Completion, OffersTheNamesInTheTables) {
  Words modes;
  for (const auto& mode : clip_modes()) modes.emplace_back(mode.name);
  EXPECT_EQ(offered({"sweep", "--mode", ""}), modes);
  EXPECT_EQ(offered({"plan", "--cell", ""}), cell_names());
  EXPECT_EQ(offered({"sweep", "--task", "ad"}), Words{"adding"});
  EXPECT_EQ(offered({"sweep", "--preset", ""}), preset_names());
  EXPECT_EQ(offered({"preset", ""}), preset_names());
  EXPECT_EQ(offered({"sweep", "--retry", "d"}), Words{"diverged"});
  EXPECT_EQ(offered({"schema", "su"}), Words{"summary"});
}

// What the shell offers must be accepted.
TEST(Completion, OffersValuesThatTheSettingsRead) {
  for (const auto& setting : setting_table()) {
    for (const auto& name : setting.names) {
      if (name == "gaussian") continue;  // needs a number
      ExperimentConfig config;
      EXPECT_NO_THROW(setting.assign(config, name)) << setting.flag << " " << name;
    }
  }
}

TEST(Completion, ContinuesAList) {
  EXPECT_EQ(offered({"sweep", "--mode", "none,va"}), Words{"none,value"});
  EXPECT_EQ(offered({"sweep", "--clip", "none,val"}), Words{"none,value:0.5"});
  EXPECT_FALSE(contains(offered({"sweep", "--mode", "none,"}), "none,none"));
  EXPECT_TRUE(offer_for({"sweep", "--mode", ""}).is_list);
  EXPECT_EQ(offered({"sweep", "--optimizer", "sgd,a"}), Words{"sgd,adam"});
  EXPECT_FALSE(offer_for({"sweep", "--engine", ""}).is_list);
  EXPECT_EQ(offered({"sweep", "--clip", "value:logspace(0.1,"}), Words{});
}

TEST(Completion, ReadsAValueAfterAnEqualsSign) {
  EXPECT_EQ(offered({"sweep", "--mode=none,va"}), Words{"--mode=none,value"});
  EXPECT_EQ(offered({"sweep", "--no-such=x"}), Words{});
}

TEST(Completion, LeavesPathsToTheShell) {
  EXPECT_EQ(offer_for({"sweep", ""}).paths, OfferedPaths::kFiles);
  EXPECT_EQ(offer_for({"clip", ""}).paths, OfferedPaths::kFiles);
  EXPECT_EQ(offer_for({"show", ""}).paths, OfferedPaths::kFolders);
  EXPECT_EQ(offer_for({"sweep", "--out", ""}).paths, OfferedPaths::kFolders);
  EXPECT_EQ(printed({"show", ""}), ":folders\n");
}

TEST(Completion, OffersTheRunsOfAFolder) {
  const SampleFolder folder;
  const std::string path = folder.path().string();
  EXPECT_EQ(offered({"show", path, ""}).size(), folder.plan().runs.size());
  const std::string& id = folder.spec(1).id;
  EXPECT_EQ(offered({"show", "--events", path, id}), Words{id});
  const std::string digits = id.substr(id.size() - 8);
  EXPECT_EQ(offered({"show", path, digits.substr(0, 6)}), Words{digits});
}

// Those of the plan that the words before make; generated tasks need no data.
TEST(Completion, OffersTheRunsOfAPlan) {
  const Words settings = {"trace", "--task", "sine", "--clip", "none,value:1", "--seeds", "3"};
  const auto offered_after = [&](const Words& more) {
    Words words = settings;
    words.insert(words.end(), more.begin(), more.end());
    return offered(words);
  };
  EXPECT_EQ(offered_after({"--run", ""}).size(), 6U);
  EXPECT_EQ(offered_after({"--run", "value"}).size(), 3U);
  const std::string id = offered_after({"--steps", "3", "--run", "none_lr-0.01_seed-2"}).at(0);
  EXPECT_EQ(offered_after({"--run=none_lr-0.01_seed-2"}), Words{"--run=" + id});
  EXPECT_EQ(offered_after({"--run", id.substr(id.size() - 8, 6)}), Words{id.substr(id.size() - 8)});
  EXPECT_EQ(printed({"trace", "--task", "no-such", "--run", ""}), "");
}

TEST(Completion, OffersTheFigures) {
  EXPECT_EQ(offered({"report", "DIR", "--figure", "paired"}),
            (Words{"paired_difference", "paired_loss"}));
}

TEST(Completion, PrintsNothingIfTheWordsAreWrong) {
  for (const Words& typed : {Words{}, Words{"no-such", ""}, Words{"show", "/no/such", ""},
                             Words{"sweep", "--lr", ""}, Words{"sweep", "--mode", "no-such"}})
    EXPECT_EQ(printed(typed), "");
}

TEST(Completion, PrintsAWordALineThenWhatFollows) {
  EXPECT_EQ(printed({"sweep", "--mode", "none,a"}), "none,agc\nnone,autoclip\nnone,adagc\n:list\n");
}

}  // namespace
}  // namespace clipsweep

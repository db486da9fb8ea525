#include "clipsweep/engine/engine_choice.h"

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

TEST(EngineChoice, AutoIsTheFusedEngineOnTheCpu) {
  for (const auto& entry : cell_table()) {
    const EngineChoice choice = choose_engine("auto", "cpu", entry.cell);
    EXPECT_EQ(choice.name, EngineName::kFused);
    EXPECT_EQ(choice.reason, std::string("auto: ") + entry.name + " on the CPU");
    EXPECT_EQ(choose_engine("fused", "cpu", entry.cell).name, EngineName::kFused);
    EXPECT_EQ(choose_engine("reference", "cpu", entry.cell).name, EngineName::kReference);
    EXPECT_EQ(choose_engine("auto", "cuda", entry.cell).name, EngineName::kReference);
  }
}

TEST(EngineChoice, IsMadeForEachCell) {
  ExperimentConfig config;
  config.cells.clear();
  for (const auto& entry : cell_table()) config.cells.push_back({entry.cell});
  const EngineChoices choices = choose_engines(config);
  EXPECT_EQ(choices.size(), cell_table().size());
  for (const auto& entry : cell_table()) EXPECT_EQ(choices.at(entry.cell).name, EngineName::kFused);
  EXPECT_FALSE(needs_reference(choices));
  config.engine = "reference";
  EXPECT_TRUE(needs_reference(choose_engines(config)));
}

TEST(EngineChoice, FusedIsRefusedOnOtherDevices) {
  const std::string message =
      message_of<ConfigError>([] { choose_engine("fused", "cuda", Cell::kLstm); });
  EXPECT_TRUE(holds(message, "--engine fused runs only on the CPU; use --device cpu"));
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/engine/engine_choice.h"

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

Model model_of(Cell cell, int layers, Target target) { return {cell, layers, 1, 1, 1, target}; }

bool is_fused(const CellEntry& entry) { return entry.engines == CellEngines::kReferenceAndFused; }

TEST(EngineChoice, AutoIsTheFusedEngineForSupportedModels) {
  for (const auto& entry : cell_table()) {
    if (!is_fused(entry)) continue;
    for (const Target target : {Target::kClass, Target::kNumber}) {
      const Model model = model_of(entry.cell, 1, target);
      EXPECT_TRUE(fused_engine_supports(model));
      EXPECT_EQ(choose_engine("auto", "cpu", model).name, EngineName::kFused);
      EXPECT_EQ(choose_engine("fused", "cpu", model).name, EngineName::kFused);
      EXPECT_EQ(choose_engine("reference", "cpu", model).name, EngineName::kReference);
      EXPECT_EQ(choose_engine("auto", "cuda", model).name, EngineName::kReference);
    }
  }
}

TEST(EngineChoice, AutoSaysWhatTheFusedEngineDoesNotSupport) {
  const auto reason_of = [](const Model& model) {
    EXPECT_FALSE(fused_engine_supports(model));
    const EngineChoice choice = choose_engine("auto", "cpu", model);
    EXPECT_EQ(choice.name, EngineName::kReference);
    return choice.reason;
  };
  for (const auto& entry : cell_table())
    if (!is_fused(entry)) {
      EXPECT_EQ(reason_of(model_of(entry.cell, 1, Target::kClass)),
                std::string("auto: the fused engine does not support ") + entry.name);
    }
  EXPECT_EQ(reason_of(model_of(Cell::kLstm, 2, Target::kClass)),
            "auto: the fused engine does not support 2 layers");
  EXPECT_EQ(reason_of(model_of(Cell::kRnnTanh, 1, Target::kClassEachStep)),
            "auto: the fused engine does not support a class at each time step");
}

TEST(EngineChoice, EachCellHasItsOwn) {
  ExperimentConfig config;
  config.cells.clear();
  for (const auto& entry : cell_table()) config.cells.push_back({entry.cell});
  const EngineChoices choices = choose_engines(config);
  for (const auto& entry : cell_table())
    EXPECT_EQ(choices.at(entry.cell).name,
              is_fused(entry) ? EngineName::kFused : EngineName::kReference);
  config.cells = {{Cell::kRnnTanh}, {Cell::kLstm}};
  EXPECT_FALSE(needs_reference(choose_engines(config)));
  config.training.layers = 2;
  EXPECT_TRUE(needs_reference(choose_engines(config)));
  EXPECT_EQ(choose_engines(config).at(Cell::kRnnTanh).reason,
            "auto: the fused engine does not support 2 layers");
  config.engine = "fused";
  EXPECT_THROW(choose_engines(config), ConfigError);
}

TEST(EngineChoice, FusedIsRefusedForUnsupportedModels) {
  const std::string message = message_of<ConfigError>(
      [] { choose_engine("fused", "cpu", model_of(Cell::kLstm, 2, Target::kClass)); });
  EXPECT_TRUE(
      holds(message, "--engine fused does not support 2 layers: it supports one layer of "));
  EXPECT_TRUE(holds(message, "rnn-tanh or rnn-relu with an output after the last time step"));
  EXPECT_THROW(choose_engine("fused", "cuda", model_of(Cell::kLstm, 1, Target::kClass)),
               ConfigError);
}

}  // namespace
}  // namespace clipsweep

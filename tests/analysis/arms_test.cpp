#include "clipsweep/analysis/arms.h"

#include <gtest/gtest.h>

#include "support/special_values.h"

namespace clipsweep {
namespace {

TEST(DisplayName, IsWhatTheUserTypes) {
  EXPECT_EQ(display_name({{}, {ClipMode::kNone}, 0.01, {}, false}), "none at lr 0.01");
  EXPECT_EQ(display_name({{}, {ClipMode::kValue, 0.5}, 1e-4, {}, false}), "value:0.5 at lr 0.0001");
  EXPECT_EQ(display_name({{}, {ClipMode::kScale, kInfinity}, 1, {}, false}), "scale:inf at lr 1");
}

TEST(DisplayName, SaysWhatVariesWhereAsked) {
  const ArmSettings plain = {{Cell::kGru}, {ClipMode::kNone}, 0.01, {}, false};
  EXPECT_EQ(display_name(plain), "none at lr 0.01");
  EXPECT_EQ(display_name(plain, SetupInName::kCell), "gru none at lr 0.01");
  const CellSetup setup = {Cell::kRnnRelu, {InitialKind::kIdentity, 0.001}};
  EXPECT_EQ(display_name({setup, {ClipMode::kValue, 2}, 0.01, {}, false}, SetupInName::kCell),
            "rnn-relu:identity:0.001 value:2 at lr 0.01");
  const VariedSettings varied({{"batch_size", "batch-size", 8}, {"length", "length", "20"}});
  const ArmSettings arm = {{{Cell::kGru}, varied}, {ClipMode::kNone}, 0.01, {}, false};
  EXPECT_EQ(display_name(arm), "none at lr 0.01");
  EXPECT_EQ(display_name(arm, SetupInName::kSettings), "none at lr 0.01, batch size 8, length 20");
  EXPECT_EQ(display_name(arm, SetupInName::kCell), "gru none at lr 0.01, batch size 8, length 20");
}

TEST(DisplayName, ListsSettingsThatAreNotTheDefault) {
  ArmSettings arm = {{}, {ClipMode::kGlobalNorm, 1, 5}, 0.1, {0.001, 0, 0.25}, false};
  arm.clip.options.norm_type = kInfinity;
  EXPECT_EQ(display_name(arm),
            "global-norm:1 with output layer 5, norm inf, weight decay 0.001, L1 0.25 at lr 0.1");
  EXPECT_EQ(clip_name(arm), "global-norm:1 with output layer 5, norm inf");
  EXPECT_EQ(regularization_name(arm.regularization), "weight decay 0.001, L1 0.25");
}

TEST(DisplayName, MarksThePerturbedBaseline) {
  const ArmSettings arm = {{}, {ClipMode::kNone}, 0.1, {}, true};
  EXPECT_EQ(display_name(arm), "none (perturbed) at lr 0.1");
  EXPECT_EQ(clip_name(arm), "none (perturbed)");
  EXPECT_EQ(regularization_name({}), "");
}

}  // namespace
}  // namespace clipsweep

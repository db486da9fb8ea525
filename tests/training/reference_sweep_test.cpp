// Complete small sweeps by the reference engine, which sweep_runner_test.cpp tests in torch_tests,
// agree with those by the fused engine.
#include "clipsweep/base/simd.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "support/small_sweep.h"

namespace clipsweep {

EngineFactory engine_under_test() {
  return [](const ParameterLayout& layout) { return make_reference_engine(layout, "cpu"); };
}

namespace {

void expect_near(const std::vector<float>& one, const std::vector<float>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], other[i], 1e-4 * other[i]) << i;
}

TEST(ReferenceSweep, AgreesWithTheFusedEngine) {
  auto config = small_config();
  config.through_time_every = 5;
  Sweep reference(config), fused(config);
  reference.train(reference.unfinished());
  fused.train(fused.unfinished(), 1, make_fused_engine);
  for (const auto& run : reference.plan().runs) {
    const auto one = reference.record(run), other = fused.record(run);
    EXPECT_EQ(one.initial_weights_sha256, other.initial_weights_sha256);
    expect_near(reference.norms_through_time(run), fused.norms_through_time(run));
    EXPECT_EQ(one.batch_order_sha256, other.batch_order_sha256);
    EXPECT_EQ(other.engine, "fused");
    EXPECT_EQ(other.simd, simd_name());
    for (std::size_t epoch = 0; epoch < 2; ++epoch) {
      EXPECT_NEAR(one.epochs[epoch].train_loss, other.epochs[epoch].train_loss, 1e-5);
      EXPECT_NEAR(one.epochs[epoch].test_loss, other.epochs[epoch].test_loss, 1e-5);
    }
  }
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/fused_engine.h"

#include <optional>

#include "clipsweep/lstm_kernels.h"
#include "clipsweep/simd.h"

namespace clipsweep {
namespace {

class FusedEngine : public GradientEngine {
 public:
  explicit FusedEngine(const ParameterLayout& layout)
      : sizes_{0, static_cast<std::size_t>(layout.model.inputs),
               static_cast<std::size_t>(layout.model.hidden),
               static_cast<std::size_t>(layout.model.outputs)} {}

  std::string name() const override { return "fused"; }
  std::string simd() const override { return simd_name(); }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result) override {
    LstmWorkspace& workspace = workspace_for(batch);
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      const SampleSums sums =
          lstm_gradients(sizes_, parameters.row(r).data(), batch, source_of(batch, r),
                         backprop_limits[r], workspace, result.gradients.row(r).data());
      // As the frameworks have it: a sum beyond float32 is Inf, whatever the mean would be.
      result.losses[r] = static_cast<float>(sums.loss) / static_cast<float>(batch.size);
      result.corrects[r] = sums.corrects;
      result.clipped_derivatives[r] = sums.clipped_derivatives;
    }
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch) override {
    LstmWorkspace& workspace = workspace_for(batch);
    EvaluationResult result;
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      const SampleSums sums = lstm_losses(sizes_, parameters.row(r).data(), batch, 0, workspace);
      result.loss_sums.push_back(sums.loss);
      result.corrects.push_back(sums.corrects);
    }
    return result;
  }

 private:
  static std::size_t source_of(const Batch& batch, std::size_t r) {
    return static_cast<std::size_t>(batch.source_of_run[r]);
  }

  // Made with the first batch; those that follow have as many time steps.
  LstmWorkspace& workspace_for(const Batch& batch) {
    const auto time_steps = static_cast<std::size_t>(batch.time_steps);
    if (!workspace_ || sizes_.time_steps != time_steps) {
      sizes_.time_steps = time_steps;
      workspace_.emplace(sizes_);
    }
    return *workspace_;
  }

  LstmSizes sizes_;
  std::optional<LstmWorkspace> workspace_;
};

}  // namespace

std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout) {
  return std::make_unique<FusedEngine>(layout);
}

}  // namespace clipsweep

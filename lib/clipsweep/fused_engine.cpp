#include "clipsweep/fused_engine.h"

#include <cmath>
#include <stdexcept>

#include "clipsweep/engine_choice.h"
#include "clipsweep/lstm_kernels.h"
#include "clipsweep/rnn_kernels.h"
#include "clipsweep/simd.h"

namespace clipsweep {
namespace {

CellKernels kernels_for(Cell cell) {
  return cell == Cell::kLstm ? lstm_kernels() : rnn_kernels(cell);
}

class FusedEngine : public GradientEngine {
 public:
  explicit FusedEngine(const Model& model)
      : model_(model), simd_(simd_name()), kernels_(kernels_for(model.cell)) {}

  std::string name() const override { return "fused"; }
  std::string simd() const override { return simd_; }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result) override {
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      const auto source = static_cast<std::size_t>(batch.source_of_run[r]);
      const SampleSums sums =
          kernels_.gradients(run_of(parameters.row(r), batch, source), backprop_limits[r],
                             result.gradients.row(r).data());
      // As the frameworks have it: a sum beyond float32 is Inf, whatever the mean would be.
      result.losses[r] = static_cast<float>(sums.loss) / static_cast<float>(batch.size);
      result.corrects[r] = sums.corrects;
      result.clipped_derivatives[r] = sums.clipped_derivatives;
    }
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch) override {
    EvaluationResult result;
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      const SampleSums sums = kernels_.losses(run_of(parameters.row(r), batch, 0));
      result.loss_sums.push_back(sums.loss);
      result.corrects.push_back(sums.corrects);
    }
    return result;
  }

  // A pass of its own: an ordinary step pays nothing for it.
  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits) override {
    std::vector<std::vector<float>> norms(parameters.rows());
    std::vector<double> squares(static_cast<std::size_t>(batch.time_steps));
    for (std::size_t r = 0; r < norms.size(); ++r) {
      const auto source = static_cast<std::size_t>(source_of_run[r]);
      kernels_.state_derivative_squares(run_of(parameters.row(r), batch, source),
                                        backprop_limits[r], squares.data());
      for (const double square : squares) norms[r].push_back(static_cast<float>(std::sqrt(square)));
    }
    return norms;
  }

 private:
  KernelRun run_of(Span<const float> parameters, const Batch& batch, std::size_t source) {
    memory_.grow_to(model_, batch);
    return {model_, parameters.data(), batch, source, memory_, stop()};
  }

  const Model model_;
  const std::string simd_;
  const CellKernels kernels_;
  KernelMemory memory_;
};

}  // namespace

std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout) {
  if (!fused_engine_knows(layout.model))
    throw std::logic_error("make_fused_engine: no kernels for this model");
  return std::make_unique<FusedEngine>(layout.model);
}

}  // namespace clipsweep

#include "clipsweep/reference_engine.h"

#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "clipsweep/error.h"
#include "clipsweep/torch_runtime.h"

namespace clipsweep {
namespace {

using at::Tensor;

// The batch is padded to a multiple of this. LibTorch's elementwise loops treat the last numel % 32
// elements of a tensor with scalar code, whose exp and tanh round differently: with whole vectors
// only, a sample's numbers do not depend on how many runs come before it.
constexpr int kTorchLanes = 32;

// The views of a parameter block [R, P], each [R, ...].
struct LstmParameters {
  Tensor weight_ih;      // [R, 4H, I]
  Tensor weight_hh;      // [R, 4H, H]
  Tensor bias;           // [R, 4H, 1]
  Tensor output_weight;  // [R, O, H]
  Tensor output_bias;    // [R, O, 1]
};

LstmParameters views_of(const Tensor& parameters, const ParameterLayout& layout) {
  std::vector<std::int64_t> sizes;
  for (const auto& tensor : layout.tensors)
    sizes.push_back(static_cast<std::int64_t>(tensor.size()));
  const auto parts = parameters.split_with_sizes(sizes, 1);
  const std::int64_t runs = parameters.size(0);
  const std::int64_t gates = 4 * layout.model.hidden;
  // Contiguous once, instead of at every time step.
  return {parts[0].reshape({runs, gates, layout.model.inputs}).contiguous(),
          parts[1].reshape({runs, gates, layout.model.hidden}).contiguous(),
          parts[2].reshape({runs, gates, 1}),
          parts[3].reshape({runs, layout.model.outputs, layout.model.hidden}),
          parts[4].reshape({runs, layout.model.outputs, 1})};
}

using StateHook = std::function<void(const Tensor&)>;

// The last hidden state [R, H, B] from inputs [R, I, T * B].
Tensor last_hidden_state(const LstmParameters& weights, const Tensor& inputs, std::int64_t batch,
                         const StateHook& on_state) {
  const std::int64_t runs = inputs.size(0);
  const std::int64_t hidden = weights.weight_hh.size(2);
  const Tensor from_inputs = torch::baddbmm(weights.bias, weights.weight_ih, inputs);
  const auto by_time = from_inputs.view({runs, 4 * hidden, -1, batch}).unbind(2);
  Tensor h = torch::zeros({runs, hidden, batch}, inputs.options());
  Tensor c = torch::zeros_like(h);
  for (const Tensor& from_input : by_time) {
    const Tensor gates = torch::baddbmm(from_input, weights.weight_hh, h);  // [R, 4H, B]
    const auto gate = gates.chunk(4, 1);                                    // i, f, g, o
    c = torch::sigmoid(gate[1]) * c + torch::sigmoid(gate[0]) * torch::tanh(gate[2]);
    h = torch::sigmoid(gate[3]) * torch::tanh(c);
    if (on_state) {
      on_state(c);
      on_state(h);
    }
  }
  return h;
}

// Repeats the first sample of each source until the batch fills whole vectors, so that the padding
// is never non-finite where the batch is not. inputs [S, T, I, B] -> [S, T, I, B'].
Tensor padded(const Tensor& samples) {
  const std::int64_t size = samples.size(-1);
  const std::int64_t missing = (kTorchLanes - size % kTorchLanes) % kTorchLanes;
  if (missing == 0) return samples;
  auto shape = samples.sizes().vec();
  shape.back() = missing;
  return torch::cat({samples, samples.narrow(-1, 0, 1).expand(shape)}, -1);
}

// Limits the error derivatives of runs that have a limit on their way back through the states, and
// counts them.
class DerivativeLimits {
 public:
  DerivativeLimits(Span<const float> limits, int batch_size, torch::Device device)
      : batch_size_(batch_size),
        limits_(torch::tensor(std::vector<float>(limits.begin(), limits.end()))
                    .view({-1, 1, 1})
                    .to(device)),
        counts_(torch::zeros({limits_.size(0)}, limits_.options().dtype(torch::kInt64))),
        any_(std::any_of(limits.begin(), limits.end(),
                         [](float limit) { return std::isfinite(limit); })) {}

  // Nothing where no run has a limit. It must not outlive this object.
  StateHook hook() {
    if (!any_) return {};
    return [this](const Tensor& state) {
      state.register_hook([this](const Tensor& derivative) { return limited(derivative); });
    };
  }

  const Tensor& counts() const { return counts_; }  // [R]

 private:
  // derivative [R, H, B']. What is within its limit keeps its bits, and so does a NaN.
  Tensor limited(const Tensor& derivative) {
    const Tensor over = derivative.abs() > limits_;
    counts_ += over.narrow(2, 0, batch_size_).sum({1, 2});
    return torch::where(over, torch::copysign(limits_, derivative), derivative);
  }

  std::int64_t batch_size_;
  Tensor limits_;  // [R, 1, 1]
  Tensor counts_;
  bool any_;
};

class ReferenceEngine : public GradientEngine {
 public:
  ReferenceEngine(const ParameterLayout& layout, torch::Device device)
      : layout_(layout), device_(device) {}

  std::string name() const override { return "reference"; }
  std::string simd() const override { return device_.is_cpu() ? torch_simd() : "cuda"; }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result) override {
    const Tensor leaf = on_device(parameters).requires_grad_();
    DerivativeLimits limits(backprop_limits, batch.size, device_);
    const auto samples = forward(leaf, batch, limits.hook());
    const Tensor losses = samples.losses.sum(1) / batch.size;
    // The sum's gradient with respect to a row is that of the row's own loss.
    const auto gradients = torch::autograd::grad({losses}, {leaf}, {torch::ones_like(losses)});
    copy_to(losses.detach(), result.losses.data());
    copy_to(samples.corrects.sum(1), result.corrects.data());
    copy_to(gradients[0], result.gradients.data());
    copy_to(limits.counts(), result.clipped_derivatives.data());
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch) override {
    const torch::NoGradGuard no_grad;
    const auto samples = forward(on_device(parameters), batch);
    EvaluationResult result;
    result.loss_sums.resize(parameters.rows());
    result.corrects.resize(parameters.rows());
    copy_to(samples.losses.sum(1, false, torch::kFloat64), result.loss_sums.data());
    copy_to(samples.corrects.sum(1), result.corrects.data());
    return result;
  }

 private:
  Tensor on_device(const Block& block) const {
    const auto sizes = {static_cast<std::int64_t>(block.rows()),
                        static_cast<std::int64_t>(block.columns())};
    return torch::from_blob(const_cast<float*>(block.data()), sizes).to(device_);
  }

  SampleResults forward(const Tensor& parameters, const Batch& batch,
                        const StateHook& on_state = {}) const {
    const auto sources = static_cast<std::int64_t>(batch.sources);
    const auto blocks = static_cast<std::int64_t>(batch.blocks());
    const auto lanes = static_cast<std::int64_t>(kLanes);
    const Tensor inputs = torch::from_blob(const_cast<float*>(batch.values.data()),
                                           {sources, blocks, batch.time_steps, batch.inputs, lanes})
                              .permute({0, 3, 2, 1, 4})
                              .reshape({sources, batch.inputs, batch.time_steps, blocks * lanes})
                              .narrow(3, 0, batch.size)
                              .contiguous();
    const Tensor labels = torch::from_blob(const_cast<std::uint8_t*>(batch.labels.data()),
                                           {sources, blocks * lanes}, torch::kUInt8)
                              .narrow(1, 0, batch.size)
                              .contiguous();
    Tensor source_of_run = torch::zeros({parameters.size(0)}, torch::kInt64);
    for (std::size_t r = 0; r < batch.source_of_run.size(); ++r)
      source_of_run[static_cast<std::int64_t>(r)] = batch.source_of_run[r];
    return lstm_cross_entropy(parameters, layout_, inputs.to(device_),
                              labels.to(device_, torch::kInt64), source_of_run.to(device_),
                              on_state);
  }

  // LibTorch has no unsigned 64-bit integers.
  template <typename Number>
  static void copy_to(const Tensor& from, Number* to) {
    using Stored = std::conditional_t<std::is_same_v<Number, std::uint64_t>, std::int64_t, Number>;
    const Tensor local = from.contiguous().cpu();
    std::copy_n(local.data_ptr<Stored>(), local.numel(), to);
  }

  const ParameterLayout layout_;
  const torch::Device device_;
};

}  // namespace

SampleResults lstm_cross_entropy(const Tensor& parameters, const ParameterLayout& layout,
                                 const Tensor& inputs, const Tensor& labels,
                                 const Tensor& source_of_run, const StateHook& on_state) {
  const std::int64_t runs = parameters.size(0);
  const std::int64_t size = inputs.size(3);
  TORCH_CHECK(parameters.dim() == 2 && parameters.size(1) == std::int64_t(layout.size()),
              "lstm_cross_entropy: parameters must be [R, ", layout.size(), "], not ",
              parameters.sizes());
  TORCH_CHECK(inputs.size(1) == layout.model.inputs, "lstm_cross_entropy: inputs must be [S, ",
              layout.model.inputs, ", T, B], not ", inputs.sizes());
  const LstmParameters weights = views_of(parameters, layout);
  const Tensor samples = padded(inputs);
  const std::int64_t width = samples.size(3);
  const bool shared = samples.size(0) == 1;
  const Tensor flat = samples.reshape({samples.size(0), layout.model.inputs, -1});
  const Tensor of_runs = shared ? flat.expand({runs, -1, -1}) : flat.index_select(0, source_of_run);
  const Tensor h = last_hidden_state(weights, of_runs, width, on_state);
  const Tensor logits =
      torch::baddbmm(weights.output_bias, weights.output_weight, h);  // [R, O, B']
  const Tensor target = padded(labels).index_select(0, source_of_run).unsqueeze(1);
  const Tensor losses = -torch::log_softmax(logits, 1).gather(1, target).squeeze(1);
  const Tensor right = (logits.argmax(1) == target.squeeze(1)) & ~losses.isnan();
  return {losses.narrow(1, 0, size), right.narrow(1, 0, size).to(torch::kInt64)};
}

std::unique_ptr<GradientEngine> make_reference_engine(const ParameterLayout& layout,
                                                      const std::string& device) {
  if (device == "cuda" && !torch::cuda::is_available())
    throw ConfigError("--device cuda: this LibTorch finds no CUDA device; use --device cpu");
  use_one_thread();
  return std::make_unique<ReferenceEngine>(layout, torch::Device(device));
}

}  // namespace clipsweep

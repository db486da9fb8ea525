#include "clipsweep/engine/reference/reference_engine.h"

#include <torch/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "clipsweep/base/error.h"
#include "clipsweep/engine/omega.h"
#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/engine/reference/reference_omega.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

using at::Tensor;

// The batch is padded to a multiple of this. LibTorch's elementwise loops process the last numel %
// 32 elements of a tensor with scalar code, whose exp and tanh round differently. With whole
// vectors only, the results for a sample do not depend on the number of runs.
constexpr int kTorchLanes = 32;

struct ModelWeights {
  std::vector<LayerWeights> layers;
  Tensor output_weight;  // [R, O, H]
  Tensor output_bias;    // [R, O, 1]
};

// Returns each tensor of a parameter block [R, P] as matrices [R, rows, columns]; a vector has one
// column. Made contiguous once, instead of at every time step.
std::vector<Tensor> matrices_of(const Tensor& parameters, const ParameterLayout& layout) {
  std::vector<std::int64_t> sizes;
  for (const auto& tensor : layout.tensors)
    sizes.push_back(static_cast<std::int64_t>(tensor.size()));
  auto matrices = parameters.split_with_sizes(sizes, 1);
  for (std::size_t i = 0; i < matrices.size(); ++i)
    matrices[i] =
        matrices[i].reshape({parameters.size(0), layout.tensors[i].shape[0], -1}).contiguous();
  return matrices;
}

// Takes the tensors in the order of the layout.
ModelWeights weights_of(const Tensor& parameters, const ParameterLayout& layout) {
  const auto matrices = matrices_of(parameters, layout);
  auto next = matrices.begin();
  ModelWeights weights;
  const bool has_two_biases = cell_entry(layout.model.cell).biases.size() == 2;
  for (int layer = 0; layer < layout.model.layers; ++layer) {
    weights.layers.push_back({next[0], next[1], next[2], {}});
    next += 3;
    if (has_two_biases) weights.layers.back().bias_hh = *next++;
  }
  weights.output_weight = next[0];
  weights.output_bias = next[1];
  return weights;
}

// Pads the batch to whole vectors with copies of the first sample of each source, so that the
// padding is finite wherever the batch is. [..., B] -> [..., B'].
Tensor padded(const Tensor& samples) {
  const std::int64_t size = samples.size(-1);
  const std::int64_t missing = (kTorchLanes - size % kTorchLanes) % kTorchLanes;
  if (missing == 0) return samples;
  auto shape = samples.sizes().vec();
  shape.back() = missing;
  return torch::cat({samples, samples.narrow(-1, 0, 1).expand(shape)}, -1);
}

// Limits the derivatives with respect to the states in backpropagation, for the runs that have a
// limit, and counts the limited ones.
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

  // Empty if no run has a limit. It must not outlive this object.
  StateHook hook() {
    if (!any_) return {};
    return [this](const Tensor& state) {
      state.register_hook([this](const Tensor& derivative) { return limited(derivative); });
    };
  }

  const Tensor& counts() const { return counts_; }  // [R]

 private:
  // derivative [R, H, B']. Values within the limit and NaNs keep their bits.
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

bool is_out_of_memory(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  const auto holds = [&](const char* words) { return message.find(words) != std::string::npos; };
  return holds("can't allocate memory") || holds("out of memory") || holds("ALLOC_FAILED");
}

// Returns the result of the call. LibTorch's errors for lack of memory become std::bad_alloc.
template <typename Call>
auto with_bad_alloc(const Call& call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    if (is_out_of_memory(error)) throw std::bad_alloc();
    throw;
  }
}

class ReferenceEngine : public GradientEngine {
 public:
  ReferenceEngine(const ParameterLayout& layout, torch::Device device)
      : layout_(layout), device_(device) {
    check_omega(layout.model);
  }

  std::string name() const override { return "reference"; }
  std::string simd() const override { return device_.is_cpu() ? torch_simd() : "cuda"; }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result,
                         const EngineContext& context) override {
    with_bad_alloc([&] { differentiate(parameters, batch, backprop_limits, result, context); });
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                            const EngineContext& context) override {
    return with_bad_alloc([&] { return evaluation(parameters, batch, context); });
  }

  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits,
                                                       const EngineContext& context) override {
    return with_bad_alloc([&] {
      return norms_through_time(parameters, batch, source_of_run, backprop_limits, context);
    });
  }

 private:
  void differentiate(const Block& parameters, const Batch& batch, Span<const float> backprop_limits,
                     StepResult& result, const EngineContext& context) const {
    const Tensor leaf = on_device(parameters).requires_grad_();
    DerivativeLimits limits(backprop_limits, batch.size, device_);
    ReferenceOmega omega(layout_);
    const bool has_omega = layout_.model.omega != 0;
    const auto samples = forward(leaf, batch, batch.source_of_run, context,
                                 has_omega ? omega.hook(limits.hook()) : limits.hook());
    const Tensor losses = samples.losses.sum(1) / batch.size;
    copy_to(losses.detach(), result.losses.data());
    if (result.last_states.rows() > 0)
      copy_to(state_rows(samples.states.last, batch), result.last_states.data());
    copy_to(samples.correct.sum(1), result.correct_counts.data());
    const Tensor gradients = gradient_of(losses, leaf);
    if (has_omega)
      copy_to(omega.add_to(gradients, leaf, batch, starts_of(batch)), result.omegas.data());
    copy_to(gradients, result.gradients.data());
    copy_to(limits.counts(), result.clipped_derivatives.data());
  }

  EvaluationResult evaluation(const Block& parameters, const Batch& batch,
                              const EngineContext& context) const {
    const torch::NoGradGuard no_grad;
    const std::vector<int> only_source(parameters.rows(), 0);
    const auto samples = forward(on_device(parameters), batch, only_source, context);
    EvaluationResult result;
    result.loss_sums.resize(parameters.rows());
    result.correct_counts.resize(parameters.rows());
    copy_to(samples.losses.sum(1, false, torch::kFloat64) * (weight_of_loss(batch, 0) / batch.size),
            result.loss_sums.data());
    copy_to(samples.correct.sum(1), result.correct_counts.data());
    return result;
  }

  std::vector<std::vector<float>> norms_through_time(const Block& parameters, const Batch& batch,
                                                     const std::vector<int>& source_of_run,
                                                     Span<const float> backprop_limits,
                                                     const EngineContext& context) const {
    const Tensor leaf = on_device(parameters).requires_grad_();
    DerivativeLimits limits(backprop_limits, batch.size, device_);
    const auto samples = forward(leaf, batch, source_of_run, context, limits.hook());
    const auto& top_states = samples.states.top;
    std::vector<std::vector<float>> norms(parameters.rows(), std::vector<float>(top_states.size()));
    for (std::size_t t = 0; t < top_states.size(); ++t)
      top_states[t].register_hook([&norms, &batch, t](const Tensor& derivative) {
        const auto run_norms = norms_of(derivative.narrow(2, 0, batch.size));
        for (std::size_t r = 0; r < norms.size(); ++r) norms[r][t] = run_norms[r];
      });
    gradient_of(samples.losses.sum(1) / batch.size, leaf);
    return norms;
  }

  Tensor on_device(const Block& block) const {
    const auto sizes = {static_cast<std::int64_t>(block.rows()),
                        static_cast<std::int64_t>(block.columns())};
    return torch::from_blob(const_cast<float*>(block.data()), sizes).to(device_);
  }

  // [R, P]. The gradient of the summed losses with respect to a row is that of the row's own loss.
  static Tensor gradient_of(const Tensor& losses, const Tensor& leaf) {
    return torch::autograd::grad({losses}, {leaf}, {torch::ones_like(losses)})[0];
  }

  // [R, H, B] -> [R]. Not by LibTorch, whose order of summation may depend on R.
  static std::vector<float> norms_of(const Tensor& derivative) {
    const Tensor local = derivative.contiguous().cpu();
    const auto size = static_cast<std::size_t>(local.size(1) * local.size(2));
    std::vector<float> norms;
    for (std::int64_t r = 0; r < local.size(0); ++r)
      norms.push_back(static_cast<float>(euclidean_norm({local[r].data_ptr<float>(), size})));
    return norms;
  }

  // source_of_run [R]
  SampleResults forward(const Tensor& parameters, const Batch& batch,
                        const std::vector<int>& source_of_run, const EngineContext& context,
                        const StateHook& on_state = {}) const {
    TORCH_CHECK(batch.target == layout_.model.target,
                "ReferenceEngine: a batch must have the model's target");
    const Tensor inputs = input_tensor(batch).transpose(1, 2).contiguous();  // [S, I, T, B]
    const Tensor sources = torch::tensor(source_of_run).to(torch::kInt64);
    return sample_results(
        parameters, layout_, inputs.to(device_), target_tensor(batch).to(device_),
        sources.to(device_), cancellable(context.cancel, on_state),
        context.begins_with_states() ? layer_states(context, batch) : std::vector<LayerState>(),
        starts_of(batch));
  }

  Tensor starts_of(const Batch& batch) const {
    const Tensor starts = start_tensor(batch);
    return starts.defined() ? starts.to(device_) : starts;
  }

  // The sizes of a block of states [R, L, states, blocks, H, kLanes].
  std::vector<std::int64_t> state_sizes(std::int64_t runs, const Batch& batch) const {
    const Model& model = layout_.model;
    return {runs,
            model.layers,
            static_cast<std::int64_t>(cell_entry(model.cell).states.size()),
            static_cast<std::int64_t>(batch.blocks()),
            model.hidden,
            static_cast<std::int64_t>(kLanes)};
  }

  // The initial states of each layer, [R, H, B].
  std::vector<LayerState> layer_states(const EngineContext& context, const Batch& batch) const {
    const Block& block = *context.initial_states;
    const Tensor all = on_device(block)
                           .view(state_sizes(static_cast<std::int64_t>(block.rows()), batch))
                           .transpose(3, 4)  // [R, L, states, H, blocks, kLanes]
                           .flatten(4)
                           .narrow(4, 0, batch.size);
    std::vector<LayerState> states;
    for (const Tensor& layer : all.unbind(1))
      states.push_back({layer.select(1, 0), layer.size(1) > 1 ? layer.select(1, 1) : Tensor()});
    return states;
  }

  // The inverse: a block of states [R, S]; those of lanes without a sample are zeros.
  Tensor state_rows(const std::vector<LayerState>& last, const Batch& batch) const {
    const bool has_cells = cell_entry(layout_.model.cell).states.size() > 1;
    const std::int64_t runs = last.front().h.size(0);
    auto sizes = state_sizes(runs, batch);
    std::swap(sizes[3], sizes[4]);
    const Tensor rows = torch::zeros(sizes, last.front().h.options().requires_grad(false));
    const Tensor by_sample = rows.view({runs, sizes[1], sizes[2], sizes[3], -1});
    for (std::size_t l = 0; l < last.size(); ++l) {
      const Tensor layer = by_sample.select(1, static_cast<std::int64_t>(l));
      const auto keep = [&](std::int64_t which, const Tensor& states) {
        layer.select(1, which)
            .narrow(2, 0, batch.size)
            .copy_(states.detach().narrow(2, 0, batch.size));
      };
      keep(0, last[l].h);
      if (has_cells) keep(1, last[l].c);
    }
    return rows.transpose(3, 4);
  }

  // Polls the flag at each state, in the forward and the backward pass.
  static StateHook cancellable(const CancelFlag& cancel, const StateHook& on_state) {
    return [&cancel, on_state](const Tensor& state) {
      throw_if_cancelled(cancel);
      if (on_state) on_state(state);
      if (state.requires_grad())
        state.register_hook([&cancel](const Tensor&) { throw_if_cancelled(cancel); });
    };
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

// Softmax cross-entropy from logits [R, O, N], with labels [R, N].
SampleResults class_results(const Tensor& logits, const Tensor& labels) {
  const Tensor losses = -torch::log_softmax(logits, 1).gather(1, labels.unsqueeze(1)).squeeze(1);
  return {losses, (logits.argmax(1) == labels) & ~losses.isnan(), {}};
}

// The same for a class at each time step, with labels [R, T, B']. `exists` [R, T, B'] says which
// time steps there are; undefined: all. A sample's loss is then the sum over its steps by the mean
// number of steps of the first `size` samples, so that the mean loss is that over all steps.
SampleResults each_step_results(const Tensor& logits, const Tensor& labels, bool scores_steps,
                                const Tensor& exists, std::int64_t size) {
  const auto steps = class_results(logits, labels.flatten(1));
  const Tensor losses = steps.losses.view(labels.sizes());
  const Tensor correct = steps.correct.view(labels.sizes());
  if (!exists.defined())
    return {losses.mean(1), scores_steps ? correct.sum(1) : correct.all(1), {}};
  const Tensor mean_steps = exists.narrow(2, 0, size).sum({1, 2}).unsqueeze(1).div(double(size));
  return {torch::where(exists, losses, torch::zeros_like(losses)).sum(1) / mean_steps,
          scores_steps ? (correct & exists).sum(1) : (correct | ~exists).all(1),
          {}};
}

// Mean squared error from outputs [R, O, B], with targets [R, O, B].
SampleResults number_results(const Tensor& outputs, const Tensor& targets, double tolerance) {
  const Tensor losses = (outputs - targets).square().mean(1);
  return {losses, losses <= tolerance, {}};
}

// [R, B'] -> [R, T, B']
Tensor existing_steps(const Tensor& starts, std::int64_t time_steps) {
  return starts.unsqueeze(1) <= torch::arange(time_steps, starts.options()).view({1, -1, 1});
}

// targets [R, ..., B'], starts [R, B'] if any -> losses and correct predictions [R, B']
SampleResults output_results(const Model& model, const ModelWeights& weights,
                             const std::vector<Tensor>& states, const Tensor& targets,
                             const Tensor& starts, std::int64_t size) {
  const bool each_step = model.target == Target::kClassEachStep;
  const Tensor h = each_step ? torch::stack(states, 2).flatten(2) : states.back();
  const Tensor outputs = torch::baddbmm(weights.output_bias, weights.output_weight, h);
  switch (model.target) {
    case Target::kClass:
      return class_results(outputs, targets);
    case Target::kClassEachStep:
      return each_step_results(outputs, targets, model.scores_steps,
                               starts.defined() ? existing_steps(starts, targets.size(1)) : starts,
                               size);
    case Target::kNumber:
      return number_results(outputs, targets, model.tolerance);
  }
  throw std::logic_error("output_results: no such target");
}

}  // namespace

SampleResults sample_results(const Tensor& parameters, const ParameterLayout& layout,
                             const Tensor& inputs, const Tensor& targets,
                             const Tensor& source_of_run, const StateHook& on_state,
                             const std::vector<LayerState>& initial, const Tensor& starts) {
  const Model& model = layout.model;
  TORCH_CHECK(parameters.dim() == 2 && parameters.size(1) == std::int64_t(layout.size()),
              "sample_results: parameters must be [R, ", layout.size(), "], not ",
              parameters.sizes());
  TORCH_CHECK(inputs.size(1) == model.inputs, "sample_results: inputs must be [S, ", model.inputs,
              ", T, B], not ", inputs.sizes());
  TORCH_CHECK(model.target != Target::kNumber || targets.size(1) == model.outputs,
              "sample_results: numbers must be [S, ", model.outputs, ", B], not ", targets.sizes());
  const ModelWeights weights = weights_of(parameters, layout);
  const Tensor samples = padded(inputs);
  const Tensor run_inputs = samples.size(0) == 1 ? samples.expand({parameters.size(0), -1, -1, -1})
                                                 : samples.index_select(0, source_of_run);
  std::vector<LayerState> initial_states;
  for (const LayerState& state : initial)
    initial_states.push_back({padded(state.h), state.c.defined() ? padded(state.c) : state.c});
  const auto of_runs = [&](const Tensor& values) {
    return values.defined() ? padded(values).index_select(0, source_of_run) : values;
  };
  const Tensor run_starts = of_runs(starts);
  auto states = states_through_time(model.cell, weights.layers, run_inputs, on_state,
                                    initial_states, run_starts);
  const std::int64_t size = inputs.size(3);
  const auto results =
      output_results(model, weights, states.top, of_runs(targets), run_starts, size);
  return {results.losses.narrow(1, 0, size), results.correct.narrow(1, 0, size).to(torch::kInt64),
          std::move(states)};
}

std::unique_ptr<GradientEngine> make_reference_engine(const ParameterLayout& layout,
                                                      const std::string& device) {
  if (device == "cuda" && !load_cuda())
    throw ConfigError("--device cuda: this LibTorch finds no CUDA device; use --device cpu");
  use_one_thread();
  return std::make_unique<ReferenceEngine>(layout, torch::Device(device));
}

}  // namespace clipsweep

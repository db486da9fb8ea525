#include "clipsweep/engine/reference/reference_omega.h"

#include <torch/autograd.h>
#include <torch/types.h>

#include <stdexcept>

#include "clipsweep/engine/omega.h"

namespace clipsweep {
namespace {

using at::Tensor;

// f'(a) from h = f(a).
Tensor slope(Activation f, const Tensor& h) {
  switch (f) {
    case Activation::kTanh:
      return 1 - h.square();
    case Activation::kRelu:
      return (h > 0).to(h.dtype());
    case Activation::kSigmoid:
      break;
  }
  throw std::logic_error("slope: no plain cell has this activation");
}

// The tensors of one run's B samples at time steps 2 to T of a layer: [T - 1, H, B] in double.
Tensor after_first(const std::vector<Tensor>& by_step, std::size_t first, std::int64_t r,
                   const Batch& batch) {
  std::vector<Tensor> steps;
  for (int t = 1; t < batch.time_steps; ++t)
    steps.push_back(by_step[first + static_cast<std::size_t>(t)][r].narrow(1, 0, batch.size));
  return torch::stack(steps).to(torch::kFloat64);
}

}  // namespace

StateHook ReferenceOmega::hook(const StateHook& before) {
  return [this, before](const Tensor& state) {
    if (before) before(state);
    const std::size_t place = states_.size();
    states_.push_back(state.detach());
    derivatives_.push_back(torch::zeros_like(state));
    state.register_hook(
        [this, place](const Tensor& derivative) { derivatives_[place] = derivative.detach(); });
  };
}

// Run by run, so that the order of summation does not depend on R.
Tensor ReferenceOmega::add_to(const Tensor& gradients, const Tensor& parameters, const Batch& batch,
                              const Tensor& starts) const {
  const Model& model = layout_.model;
  const Tensor omegas = torch::zeros({gradients.size(0)}, gradients.options().dtype(at::kDouble));
  for (std::int64_t r = 0; r < gradients.size(0); ++r) {
    const int source = batch.source_of_run[static_cast<std::size_t>(r)];
    const RunInBatch run{r, source, starts.defined() ? starts[source] : starts};
    if (omega_pairs(model, batch, source) == 0) continue;
    std::size_t layer = 0;
    for (const auto& tensor : layout_.tensors) {
      if (!is_recurrent(tensor)) continue;
      const auto part = [&](const Tensor& rows) {
        return rows[r].narrow(0, static_cast<std::int64_t>(tensor.offset),
                              static_cast<std::int64_t>(tensor.size()));
      };
      const Tensor weight_hh = part(parameters)
                                   .detach()
                                   .to(torch::kFloat64)
                                   .view({model.hidden, model.hidden})
                                   .requires_grad_();
      const Tensor omega = of_layer(weight_hh, layer++, run, batch);
      const Tensor derivative = torch::autograd::grad({omega}, {weight_hh})[0];
      part(gradients).add_((model.omega * derivative).flatten());
      omegas[r].add_(omega.detach());
    }
  }
  return omegas;
}

// A layer's part of Omega, from W_hh [H, H].
Tensor ReferenceOmega::of_layer(const Tensor& weight_hh, std::size_t layer, const RunInBatch& run,
                                const Batch& batch) const {
  const std::size_t first = layer * static_cast<std::size_t>(batch.time_steps);
  const Activation f = cell_entry(layout_.model.cell).gates.front().activation;
  const Tensor error = after_first(derivatives_, first, run.r, batch);
  const Tensor u = error * slope(f, after_first(states_, first, run.r, batch));
  const Tensor v = torch::matmul(weight_hh.t(), u);
  const Tensor error_square = error.square().sum(1);       // [T - 1, B]
  Tensor counts = ~(error_square < kVanishedErrorSquare);  // a NaN counts
  if (run.starts.defined())
    counts = counts & (run.starts.unsqueeze(0) <
                       torch::arange(1, batch.time_steps, run.starts.options()).unsqueeze(1));
  const Tensor ones = torch::ones_like(error_square);
  const Tensor ratio = v.norm(2, 1) / torch::where(counts, error_square, ones).sqrt();
  return torch::where(counts, (ratio - 1).square(), torch::zeros_like(ratio)).sum() /
         omega_pairs(layout_.model, batch, run.source);
}

}  // namespace clipsweep

// Omega (engine/omega.h) in LibTorch, in double: autograd differentiates it with respect to W_hh.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "clipsweep/engine/reference/recurrent_layers.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// Collects the states of a forward pass and, in the backward pass, the derivatives of the losses
// with respect to them.
class ReferenceOmega {
 public:
  // The layout must outlive this object.
  explicit ReferenceOmega(const ParameterLayout& layout) : layout_(layout) {}
  // Gets each h_t of the lowest layer, then of the next one; must not outlive this object. Calls
  // `before` first: what changes a derivative changes it for Omega, too.
  StateHook hook(const StateHook& before);

  // After both passes: adds the factor times the immediate derivative of Omega to the gradients
  // [R, P], in place, and returns Omega [R] in double. parameters [R, P]; starts [S, B]: the first
  // time step of each sample, undefined: 0.
  at::Tensor add_to(const at::Tensor& gradients, const at::Tensor& parameters, const Batch& batch,
                    const at::Tensor& starts) const;

 private:
  struct RunInBatch {
    std::int64_t r;
    int source;
    at::Tensor starts;  // [B], or undefined
  };

  at::Tensor of_layer(const at::Tensor& weight_hh, std::size_t layer, const RunInBatch& run,
                      const Batch& batch) const;

  const ParameterLayout& layout_;
  std::vector<at::Tensor> states_;       // [L T] of [R, H, B']
  std::vector<at::Tensor> derivatives_;  // the same
};

}  // namespace clipsweep

// Gradient clipping. Each mode is a small function over one run's gradient, in place, and its body
// is its formula. Two modes act elsewhere: `none` nowhere, `backprop` within the engine.
//
// What holds for all of them:
//   - A gradient within its limit is untouched to the last bit; over it is strictly greater.
//   - Norms and coefficients are in a wider type than the gradient (double for float32), exact
//     `limit / norm`, no epsilon unless one is asked for.
//   - A limit of +inf switches the mode off.
//   - A gradient whose norm is NaN or infinite passes the norm modes unchanged, all its tensors:
//     one Inf must not turn into zeros everywhere. `value` limits an infinite element and leaves a
//     NaN; `random-step` replaces such a gradient. None hides anything, since the search for
//     non-finite elements comes before clipping.
//   - Zero stays zero.
#pragma once

#include <cstddef>
#include <limits>

#include "clipsweep/base/random.h"
#include "clipsweep/base/span.h"
#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/clipping/clip_rule.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/model/wide_norms.h"

namespace clipsweep {

// What clipping did to one gradient.
struct ClipEffect {
  bool clipped = false;     // a limit was exceeded
  std::size_t changed = 0;  // elements whose value is now another
};

// Limits each element, in place.
//
//   g_j <- max(-limit, min(limit, g_j))        (Mikolov, 2012; Keras clipvalue)
//
// gradient [any].
template <typename Number>
ClipEffect clip_by_value(Span<Number> gradient, Number limit);

// Scales a gradient down to `limit` where its norm exceeds it, in place.
//
//   g <- g * limit / |g|   where |g| > limit   (Pascanu et al., 2013; Keras global_clipnorm)
//
// gradient [any]; norm = |g|, by any measure: for `tensor-norm` that of one parameter tensor (Keras
// clipnorm), for `tensor-rms` its root mean square (Optax clip_by_block_rms). With an epsilon, |g|
// is |g| + epsilon (PyTorch clip_grad_norm_).
template <typename Number>
ClipEffect clip_by_norm(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit,
                        Wide<Number> epsilon = 0);

// Rescales a gradient to the norm `target`, up or down, in place.
//
//   g <- g * target / |g|   where |g| > 0
//
// gradient [any]; norm = |g|.
template <typename Number>
ClipEffect rescale_to_norm(Span<Number> gradient, Wide<Number> norm, Wide<Number> target,
                           Wide<Number> epsilon = 0);

// Limits each unit's gradient to a share of the norm of its weights, in place.
//
//   g_u <- g_u * limit_u / |g_u|   where |g_u| > limit_u = share * max(|w_u|, 1e-3)
//                                              (Brock et al., 2021)
//
// gradient and weights [any], cut into units of `unit_size` one after the other.
template <typename Number>
ClipEffect clip_by_unit(Span<Number> gradient, Span<const Number> weights, std::size_t unit_size,
                        Wide<Number> share);

// Replaces a gradient by one of norm `length` in a random direction, every direction equally
// likely, in place (Goodfellow et al., 2016, section 10.11.1).
//
// gradient [any].
template <typename Number>
ClipEffect replace_by_random(Span<Number> gradient, Wide<Number> length, NormalStream random);

// What a mode may look at beside the gradient.
template <typename Number>
struct ClipContext {
  const ParameterLayout& layout;
  const RowNorms<Wide<Number>>& norms;  // of the gradient
  Span<const Number> weights;           // [P]; `agc` alone looks at them
  const ClipMemory<Number>& memory;
};

// Clips one run's gradient [P] by its rule, in place.
template <typename Number>
ClipEffect clip_gradient(const ClipRule& rule, const ClipContext<Number>& view,
                         Span<Number> gradient);

// The limit in force, for the log: what the mode compares with at this step. After its warm-up
// `adagc` has a limit for each tensor; here it is the norm of all of them, the largest that can be
// left of a gradient. +inf where nothing limits, and for `agc`, which has a limit for each unit.
template <typename Number>
double limit_in_force(const ClipRule& rule, const ClipContext<Number>& view);

}  // namespace clipsweep

// Gradient clipping. Each mode is a small function over one run's gradient, in place, and its body
// is its formula. Three modes have no function here: `none` does nothing, `backprop` acts in the
// engine, and `update-norm` is `clip_by_norm` of the optimizer's update.
//
// What holds for all of them:
//   - A gradient is clipped only if it is strictly greater than its limit; otherwise no bit
//   changes. (`scale` and `smooth` change all gradients, `carry` those after a clipped one.)
//   - Norms and coefficients are computed in a wider type than the gradient (double for float32).
//   The
//     coefficient is exactly `limit / norm`; an epsilon is added only on request.
//   - A limit of +inf switches the mode off.
//   - The norm modes leave a gradient unchanged, in all its tensors, if its norm is NaN or
//   infinite:
//     one Inf must not turn into zeros everywhere. `value` limits an infinite element and leaves a
//     NaN; `random-step` replaces such a gradient. No mode hides a NaN or Inf, because the search
//     for non-finite elements comes before clipping.
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

// The effect of clipping on one gradient.
struct ClipEffect {
  bool clipped = false;     // a limit was exceeded
  std::size_t changed = 0;  // how many elements changed their value
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
// gradient [any]; norm = |g|, by any measure: `tensor-norm` passes one parameter tensor and its
// norm (Keras clipnorm), `tensor-rms` passes its root mean square (Optax clip_by_block_rms). An
// epsilon is added to |g| (PyTorch clip_grad_norm_).
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

// Shrinks a gradient the more the longer it is, in place: its norm stays below `limit`.
//
//   g <- g * limit / (limit + |g|)             (Zhang et al., 2020; Yang et al., 2022)
//
// gradient [any]; norm = |g|.
template <typename Number>
ClipEffect clip_smoothly(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit);

// Sets a gradient to zero where its norm exceeds `limit`, in place. The trainer does not take such
// a step at all (Optax skip_large_updates).
//
//   g <- 0   where |g| > limit
//
// gradient [any]; norm = |g|.
template <typename Number>
ClipEffect clip_to_zero(Span<Number> gradient, Wide<Number> norm, Wide<Number> limit);

// Clips the sum of a gradient and of what earlier steps cut off, in place.
//
//   s = g + carried,   g <- s * min(1, limit / |s|)         (U-Clip: Elesedy & Hutter, 2023)
//
// gradient and carried [any]. Leaves the gradient as it is if |s| is not finite.
template <typename Number>
ClipEffect clip_with_carry(Span<Number> gradient, Span<const Number> carried, Wide<Number> limit);

// Limits each unit's gradient to a share of the norm of its weights, in place.
//
//   g_u <- g_u * limit_u / |g_u|   where |g_u| > limit_u = share * max(|w_u|, 1e-3)
//                                              (Brock et al., 2021)
//
// gradient and weights [any]: consecutive units of `unit_size` elements.
template <typename Number>
ClipEffect clip_by_unit(Span<Number> gradient, Span<const Number> weights, std::size_t unit_size,
                        Wide<Number> share);

// Replaces a gradient by one of norm `length` in a random direction, every direction equally
// likely, in place (Goodfellow et al., 2016, section 10.11.1).
//
// gradient [any].
template <typename Number>
ClipEffect replace_by_random(Span<Number> gradient, Wide<Number> length, NormalStream random);

// The inputs of a mode besides the gradient.
template <typename Number>
struct ClipContext {
  const ParameterLayout& layout;
  const RowNorms<Wide<Number>>& norms;  // of the gradient
  Span<const Number> weights;           // [P]; only `agc` uses them
  const ClipMemory<Number>& memory;
};

// Clips one run's gradient [P] by its rule, in place.
template <typename Number>
ClipEffect clip_gradient(const ClipRule& rule, const ClipContext<Number>& context,
                         Span<Number> gradient);

// The limit in force at this step, for the log. After its warm-up `adagc` has one limit per tensor;
// their joint norm is returned, which is the largest norm that clipping can leave. +inf if there is
// no limit, and for `agc`, which has one limit per unit.
template <typename Number>
double limit_in_force(const ClipRule& rule, const ClipContext<Number>& context);

}  // namespace clipsweep

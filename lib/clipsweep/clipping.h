// Gradient clipping. Each mode is a small function over one run's gradient, in place, and its body
// is its formula.
//
// What holds for all of them:
//   - A gradient within its limit is untouched to the last bit; over it is strictly greater.
//   - Norms and coefficients are in double, exact `limit / norm`, no epsilon.
//   - A limit of +inf switches the mode off. Limits are above 0.
//   - A gradient whose norm is NaN or infinite passes the norm modes unchanged, all its tensors:
//     one Inf must not turn into zeros everywhere. `value` limits an infinite element and leaves a
//     NaN. Neither hides anything, since the search for non-finite elements comes before clipping.
#pragma once

#include <cstddef>

#include "clipsweep/clip_rule.h"
#include "clipsweep/gradient_norms.h"
#include "clipsweep/parameters.h"
#include "clipsweep/span.h"

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
// gradient [P].
ClipEffect clip_by_value(Span<float> gradient, float limit);

// Scales a gradient down to `limit` where its norm exceeds it, in place.
//
//   g <- g * limit / |g|   where |g| > limit   (Pascanu et al., 2013; Keras global_clipnorm)
//
// gradient [any]; norm = |g|. For `tensor-norm` the gradient is that of one parameter tensor (Keras
// clipnorm).
ClipEffect clip_by_norm(Span<float> gradient, double norm, double limit);

// Rescales a gradient to the norm `target`, up or down, in place.
//
//   g <- g * target / |g|   where |g| > 0
//
// gradient [P]; norm = |g|.
ClipEffect rescale_to_norm(Span<float> gradient, double norm, double target);

// Clips one run's gradient [P] by its rule, in place. `norms` are those of the gradient.
ClipEffect clip_gradient(const ClipRule& rule, const ParameterLayout& layout,
                         const GradientNorms& norms, Span<float> gradient);

}  // namespace clipsweep

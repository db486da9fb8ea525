// The spectral radius of a recurrent matrix, which is the largest absolute value of its
// eigenvalues: the asymptotic growth per multiplication.
#pragma once

#include <vector>

#include "clipsweep/base/span.h"

namespace clipsweep {

// The spectral radius of a row-major matrix [size, size]. NaN if an element is not finite or the
// eigenvalues cannot be found.
double spectral_radius(Span<const float> matrix, std::size_t size);

// The radius of each gate's matrix [H, H] in recurrent weights [GH, H], in the order of the gates.
std::vector<double> spectral_radii(Span<const float> recurrent_weights, std::size_t hidden);

}  // namespace clipsweep

// How much a recurrent matrix stretches what is multiplied by it again and again: its largest
// eigenvalue's absolute value.
#pragma once

#include <vector>

#include "clipsweep/base/span.h"

namespace clipsweep {

// Of a matrix [size, size], row by row. NaN where an element is not finite or the
// eigenvalues cannot be found.
double spectral_radius(Span<const float> matrix, std::size_t size);

// Of each gate's matrix [H, H] in recurrent weights [GH, H], in the order of the gates.
std::vector<double> spectral_radii(Span<const float> recurrent_weights, std::size_t hidden);

}  // namespace clipsweep

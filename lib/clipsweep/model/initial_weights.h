// Initial weights, drawn from a run's seed alone. Each tensor has its own random stream, so the
// numbers are the same on every machine and in every cohort (those of `sparse` up to rounding,
// because they depend on eigenvalues).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/model/initial_scheme.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// Draws a row [P]. A kernel is any matrix; W is weight_hh [GH, H], the matrices of its G gates
// stacked.
//
//   keras     Kernels are Glorot uniform (Glorot and Bengio, 2010) with fan out GH. W as a whole is
//             orthogonal, W'W = I (Saxe et al., 2014). Biases are 0, an LSTM's forget bias is 1
//             (Jozefowicz et al., 2015).
//   torch     Everything is U(-1/sqrt(H), 1/sqrt(H)). A `bias`, which is two vectors in PyTorch, is
//             their sum.
//   identity  W = I, biases are 0, the other kernels are Glorot uniform; with an SD they are
//             N(0, SD^2), as in Le et al. (2015), who use 0.001.
//   gaussian  Kernels are N(0, SD^2), biases are 0.
//   sparse    In each kernel a unit has 15 incoming weights N(0, 1), or as many as there are; the
//             others are 0 (Martens, 2010). Each gate of W is then scaled to a spectral radius of
//             0.95 (Pascanu et al., 2013). Biases are 0.
//
// A given forget bias replaces an LSTM's; other cells ignore it. Throws ConfigError if the scheme
// is not for this cell.
std::vector<float> initial_weights(const InitialScheme& scheme, const ParameterLayout& layout,
                                   std::uint64_t seed,
                                   std::optional<double> forget_bias = std::nullopt);

// Flips the last bit of every weight that is not zero, in place: the smallest possible change. The
// runs of the noise floor start from such weights.
void flip_last_bits(Span<float> weights);

}  // namespace clipsweep

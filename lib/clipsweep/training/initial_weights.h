// Initial weights, drawn from a run's seed alone: each tensor has its own random stream, so the
// numbers are the same on every machine and in every cohort (those of `sparse` to rounding, as
// eigenvalues are).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/model/initial_scheme.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// A row [P]. A kernel is any matrix; W is weight_hh [GH, H], G gates one below the other.
//
// keras: kernels Glorot uniform (Glorot and Bengio, 2010) with fan out GH, but W orthogonal as a
//   whole, W'W = I (Saxe et al., 2014); biases 0, but 1 for an lstm's forget gate (Jozefowicz et
//   al., 2015).
// torch: everything from U(-1/sqrt(H), 1/sqrt(H)); a `bias`, which is two vectors in PyTorch, is
//   their sum.
// identity: W = I, biases 0, the other kernels Glorot uniform; with an SD those are N(0, SD^2), as
// Le
//   et al. (2015) have it with 0.001.
// gaussian: kernels N(0, SD^2), biases 0.
// sparse: each unit has 15 incoming weights N(0, 1) in each kernel (all, where there are fewer),
// the
//   others 0 (Martens, 2010); each gate of W then scaled to a spectral radius of 0.95, as Pascanu
//   et al. (2013) had it; biases 0.
//
// A forget bias, if given, replaces that of an lstm; other cells have none. Throws ConfigError
// where the cell cannot begin like this.
std::vector<float> initial_weights(const InitialScheme& scheme, const ParameterLayout& layout,
                                   std::uint64_t seed,
                                   std::optional<double> forget_bias = std::nullopt);

// Those that a run begins with: of its scheme and seed, and for the noise floor with the last bit
// of each that is not zero flipped, the smallest change there is.
std::vector<float> initial_weights_of(const RunSpec& run, const ParameterLayout& layout,
                                      std::optional<double> forget_bias = std::nullopt);

}  // namespace clipsweep

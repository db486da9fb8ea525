// Initial weights as Keras and PyTorch draw them, from a run's seed alone: each tensor has its own
// random stream, so the numbers are the same on every machine and in every cohort.
#pragma once

#include <cstdint>
#include <vector>

#include "clipsweep/experiment_config.h"
#include "clipsweep/parameters.h"
#include "clipsweep/span.h"
#include "clipsweep/sweep_plan.h"

namespace clipsweep {

// A row [P].
//
// keras: Glorot uniform (Glorot and Bengio, 2010) for lstm.weight_ih, fan out 4H, and
// output.weight,
//   lstm.weight_hh [4H, H] orthogonal as a whole, W'W = I (Saxe et al., 2014), biases 0 but 1 for
//   the forget gate (Jozefowicz et al., 2015).
// torch: everything from U(-1/sqrt(H), 1/sqrt(H)); lstm.bias is the sum of PyTorch's two bias
//   vectors.
std::vector<float> initial_weights(Initialization init, const ParameterLayout& layout,
                                   std::uint64_t seed);

// Those that a run begins with: of its seed, and for the noise floor with the last bit of each that
// is not zero flipped, the smallest change there is.
std::vector<float> initial_weights_of(const RunSpec& run, Initialization init,
                                      const ParameterLayout& layout);

}  // namespace clipsweep

// runs/ID/weights.npz: a run's final weights under PyTorch's names, so that two lines load them.
#pragma once

#include <string>

#include "clipsweep/base/span.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// The bytes of an .npz archive of the weights [P]: for each layer weight_ih_l0, weight_hh_l0,
// bias_ih_l0 and bias_hh_l0 of a module `lstm`, `gru` or `rnn`, and output.weight and output.bias.
// PyTorch's LSTM and plain cells have two biases that are only ever added up: the second one is 0.
std::string weights_npz(const ParameterLayout& layout, Span<const float> weights);

}  // namespace clipsweep

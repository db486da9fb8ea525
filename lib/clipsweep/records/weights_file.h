// runs/ID/weights.npz: a run's final weights under PyTorch's names, so that two lines load them.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/io/files.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {

// The bytes of an .npz archive of the weights [P]: for each layer weight_ih_l0, weight_hh_l0,
// bias_ih_l0 and bias_hh_l0 of a module `lstm`, `gru` or `rnn`, and output.weight and output.bias.
// PyTorch's LSTM and plain cells have two biases that are only ever added up: the second one is 0.
std::string weights_npz(const ParameterLayout& layout, Span<const float> weights);

// Reads the weights [P] of this layout from such an archive. Throws DataError that begins with the
// path if an array is missing, unknown or of another shape or type, if a second bias is not 0, or
// if the archive cannot be read.
std::vector<float> read_weights_npz(const fs::path& path, const ParameterLayout& layout);

}  // namespace clipsweep

// The LSTM of the fused engine (Hochreiter and Schmidhuber, 1997; Gers et al., 2000):
//
//   i, f, g, o = W_ih x_t + W_hh h_{t-1} + b,  c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),
//   h_t = sigmoid(o) tanh(c_t)
#pragma once

#include "clipsweep/engine/fused/recurrent_kernels.h"

namespace clipsweep {

// For the instruction set in use.
CellKernels lstm_kernels();

}  // namespace clipsweep

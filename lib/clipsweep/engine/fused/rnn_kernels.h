// The plain cells of the fused engine (Elman, 1990; with ReLU Le et al., 2015):
//
//   h_t = f(W_ih x_t + W_hh h_{t-1} + b),  f = tanh or max(0, .)
#pragma once

#include "clipsweep/engine/fused/recurrent_kernels.h"

namespace clipsweep {

// For the instruction set in use. cell: kRnnTanh or kRnnRelu.
CellKernels rnn_kernels(Cell cell);

}  // namespace clipsweep

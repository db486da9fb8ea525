#include "clipsweep/engine/fused/cell_kernels.h"

#include <stdexcept>

namespace clipsweep {

// Declared here and not in the header, so that a new cell does not recompile the others, which
// takes minutes.
CellKernels lstm_kernels();
CellKernels gru_kernels();
CellKernels rnn_tanh_kernels();
CellKernels rnn_relu_kernels();

CellKernels cell_kernels(Cell cell) {
  switch (cell) {
    case Cell::kLstm:
      return lstm_kernels();
    case Cell::kGru:
      return gru_kernels();
    case Cell::kRnnTanh:
      return rnn_tanh_kernels();
    case Cell::kRnnRelu:
      return rnn_relu_kernels();
  }
  throw std::logic_error("cell_kernels: no such cell");
}

}  // namespace clipsweep

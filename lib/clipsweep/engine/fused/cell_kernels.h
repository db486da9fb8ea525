// The kernels of the fused engine, by cell. The formula of each cell is in a file of its own;
// everything else is shared (network-inl.h).
#pragma once

#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/model/cells.h"

namespace clipsweep {

// For the instruction set in use.
CellKernels cell_kernels(Cell cell);

}  // namespace clipsweep

// The kernels of the fused engine. What depends on the cell is in a file for each kind of cell;
// everything else is compiled once.
#pragma once

#include "clipsweep/engine/fused/recurrent_kernels.h"
#include "clipsweep/model/cells.h"

namespace clipsweep {

// For models with this cell, and the instruction set in use.
CellKernels cell_kernels(Cell cell);

}  // namespace clipsweep

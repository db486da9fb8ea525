// Whether records can be those of a run of this layout. Asked of what a checkpoint says, which
// anybody may have written, before its numbers serve as places and sizes.
#pragma once

#include "clipsweep/model/parameters.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// A norm for each tensor.
bool fits(const StepRecord& record, const ParameterLayout& layout);

// Known kind, phase and action; a place within the layout; steps that fit; the cell's gates.
bool fits(const Event& event, const ParameterLayout& layout);

// The cell's gates; spectral radii of recurrent weights, each once.
bool fits(const EpochRecord& epoch, const ParameterLayout& layout);

}  // namespace clipsweep

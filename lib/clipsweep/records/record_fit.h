// Validates records read from a checkpoint (untrusted) against the layout of their run, before
// their numbers are used as indices and sizes.
#pragma once

#include "clipsweep/model/parameters.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// Has a norm for each tensor.
bool fits(const StepRecord& record, const ParameterLayout& layout);

// Has a valid kind, phase and action, a place within the layout, steps that fit and the cell's
// gates.
bool fits(const Event& event, const ParameterLayout& layout);

// Has the cell's gates, and the spectral radii of the recurrent tensors, in their order.
bool fits(const EpochRecord& epoch, const ParameterLayout& layout);

}  // namespace clipsweep

// One weights.npz: its arrays against the model of the run, and its numbers against the hash of the
// final weights in run.json.
#pragma once

#include "clipsweep/records/log_header.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// Reads the file of `problems`, if it is there, and adds to them. The header of the step log has
// the names and shapes of the model's tensors.
void check_weights(const RunRecord& record, const StepLogHeader& header, FileProblems& problems);

}  // namespace clipsweep

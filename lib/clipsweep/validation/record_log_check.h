// One run.json against the step log of the run.
#pragma once

#include "clipsweep/records/run_record.h"
#include "clipsweep/validation/problems.h"
#include "clipsweep/validation/step_log_check.h"

namespace clipsweep {

// Tensors and gates against the header, which must be there.
void check_record_against_header(const RunRecord& record, const StepLogHeader& header,
                                 FileProblems& problems);

// Totals, quantiles and means against the sums of a whole log that has every step: to the last bit,
// and up to rounding in runs of earlier versions.
void check_record_against_sums(const RunRecord& record, const StepSums& sums,
                               const ExpectedRun& expected, FileProblems& problems);

}  // namespace clipsweep

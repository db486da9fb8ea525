// The advice as one JSON object, for scripts and figures. lib/docs/advise.md describes its members.
#pragma once

#include "clipsweep/advice/norm_log.h"
#include "clipsweep/advice/threshold_advice.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

Json to_json(const NormLog& log, const ThresholdAdvice& advice);

}  // namespace clipsweep

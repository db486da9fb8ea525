// The advice as sentences and tables for the terminal.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/advice/norm_log.h"
#include "clipsweep/advice/threshold_advice.h"

namespace clipsweep {

// What makes this log less reliable, one sentence each, then what no log of norms can tell.
std::vector<std::string> caution_sentences(const NormLog& log, const ThresholdAdvice& advice);

// Why a threshold is worth a try, with what it would have done.
std::string reason_sentence(const Suggestion& suggestion);

// All of it, in lines of at most 80 columns.
std::string advice_text(const NormLog& log, const ThresholdAdvice& advice);

}  // namespace clipsweep

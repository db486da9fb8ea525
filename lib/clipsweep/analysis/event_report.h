// What happened at an event, in words: where first, how the gradient's norm got there, what
// clipping did, what became of the loss.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "clipsweep/analysis/event_context.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// By a tensor's name; what is missing is shown without row and column.
using TensorShapes = std::map<std::string, std::vector<int>>;

// `lstm.weight_ih[0, 17]`: a place in row-major order, slowest dimension first. Empty where the
// event names none.
std::string element_text(const Event& event, const TensorShapes& shapes);

// `forget gate`, for the tensors of an LSTM (gates in the order i, f, g, o) and of a GRU (r, z, n);
// empty for others.
std::string gate_text(const Event& event, const TensorShapes& shapes);

// `1,118 NaN, 2 +Inf`; empty where nothing is bad.
std::string bad_values_text(const Event& event);

// `1.2 -> 4.8 -> 131 over 6 steps`, from the last step at the usual level of the norms (at most
// twice the lowest) by the one half-way in size; `steady, 0.8 to 1.3` where they never left it.
// Empty below two norms.
std::string growth_text(const std::vector<StepRecord>& steps);

// Some lines, indented, of at most 80 columns.
std::string story_of(const Incident& incident, const RunRecord& record, const TensorShapes& shapes);

}  // namespace clipsweep

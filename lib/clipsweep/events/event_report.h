// Reports the events of a step in words: where they began, how the gradient norm grew before, what
// clipping did, and how the loss continued.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "clipsweep/events/event_context.h"
#include "clipsweep/records/run_record.h"

namespace clipsweep {

// Shapes by tensor name. Elements of tensors that are missing here are shown without row and
// column.
using TensorShapes = std::map<std::string, std::vector<int>>;

// `lstm.weight_ih[0, 17]`: the row and the column of the element. Empty if the event names no
// tensor.
std::string element_text(const Event& event, const TensorShapes& shapes);

// `forget gate`, for the tensors of an LSTM (gates in the order i, f, g, o) and of a GRU (r, z, n);
// empty for others.
std::string gate_text(const Event& event, const TensorShapes& shapes);

// `1,118 NaN, 2 +Inf`; empty if all values are finite.
std::string bad_values_text(const Event& event);

// `1.2 -> 4.8 -> 131 over 6 steps`: from the last step at the usual level of the norms (at most
// twice the lowest), through the norm closest to half-way, to the last one; `steady, 0.8 to 1.3` if
// the norms never left that level. Empty for fewer than two norms.
std::string growth_text(const std::vector<StepRecord>& steps);

// A few indented lines of at most 80 columns.
std::string event_report(const EventContext& context, const RunRecord& record,
                         const TensorShapes& shapes);

}  // namespace clipsweep

// Tasks whose sequences are generated, after the papers that the field's experiments rest on: no
// data, as many samples as one likes, and a known answer to what remembering takes.
//
//   adding            Hochreiter & Schmidhuber 1997, as in Le et al. 2015
//   temporal-order    Hochreiter & Schmidhuber 1997, as in Pascanu et al. 2013
//   copy              Hochreiter & Schmidhuber 1997, as in Arjovsky et al. 2016
//   sine              for demonstrations: learnt in a second
#pragma once

#include <memory>

#include "clipsweep/tasks/task.h"

namespace clipsweep {

// The task with this name and these settings; longest sequences of the range are bounded by memory
// alone. Throws std::logic_error if the table does not call it a generated one.
std::unique_ptr<Task> make_sequence_task(const TrainingSettings& training);

}  // namespace clipsweep

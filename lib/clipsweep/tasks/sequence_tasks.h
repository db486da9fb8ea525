// Tasks whose sequences are generated, after the papers that the field's experiments use: they need
// no data, have any number of samples, and how long they must remember is known.
//
//   adding            Hochreiter & Schmidhuber 1997, as in Le et al. 2015
//   temporal-order    Hochreiter & Schmidhuber 1997, as in Pascanu et al. 2013
//   copy              Hochreiter & Schmidhuber 1997, as in Arjovsky et al. 2016
//   sine              for demonstrations: learned in a second
#pragma once

#include <memory>

#include "clipsweep/tasks/task.h"

namespace clipsweep {

// Makes the task with this name and these settings; only memory limits the length of its sequences.
// Throws std::logic_error if the table does not list it as a generated task.
std::unique_ptr<Task> make_sequence_task(const TrainingSettings& training);

}  // namespace clipsweep

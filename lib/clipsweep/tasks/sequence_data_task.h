// The user's own labelled sequences as a task.
#pragma once

#include <memory>

#include "clipsweep/data/sequence_data.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

// Needs a training and a test set. The batches are in the order that images of the same number have
// (batches.h). A predicted number counts as correct if it is within a fifth of the standard
// deviation of the training targets; several do if their mean squared error is at most the mean of
// the squares of these fifths. Throws DataError if there are more than kMaxClasses classes.
std::unique_ptr<Task> make_sequence_data_task(SequenceData data, const TrainingSettings& training);

}  // namespace clipsweep

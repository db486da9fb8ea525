// The accuracy that needs no learning: that of the best prediction that ignores the input. It is a
// property of a task and of the set that networks are evaluated on, and the least that a trained
// network must exceed.
#pragma once

#include <cstdint>
#include <optional>

#include "clipsweep/tasks/task.h"

namespace clipsweep {

struct ChanceLevel {
  double accuracy = 0;        // 0 to 1
  std::uint64_t samples = 0;  // it was counted over, or their time steps
  // Of a symbol at each time step: the entropy of the symbol frequencies, in nats, which is the
  // least loss of a prediction that ignores the input.
  std::optional<double> symbol_entropy = {};
};

// The share of the samples of a set that the best constant output gets right:
// - a class: the share of the most frequent class
// - a class at each time step: the share of the sequences that consist of one class only, the most
//   frequent one, because a sequence is correct if all of its time steps are
// - a symbol at each time step (Model::scores_steps): the share of the most frequent symbol,
// counted
//   over the time steps
// - a number: the largest share of the targets that one number is within the tolerance of
// - several numbers: the share of the targets that their mean is within the tolerance of, which a
//   network predicts that ignores its input
// Draws or reads the whole set once.
ChanceLevel chance_level(const Task& task, const EvaluationSet& set);
// On the test set.
ChanceLevel chance_level(const Task& task);
// On the validation set; nothing without one.
std::optional<ChanceLevel> validation_chance_level(const Task& task);

}  // namespace clipsweep

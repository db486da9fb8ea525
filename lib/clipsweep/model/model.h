// What is trained: recurrent layers of one kind of cell, a dense output layer, and the target of
// its outputs. Plain data; parameters.h says how the parameters are laid out in memory.
#pragma once

#include "clipsweep/model/cells.h"

namespace clipsweep {

// What the outputs predict, and the loss of a sample.
enum class Target {
  kClass,          // one class, after the last time step: softmax cross-entropy
  kClassEachStep,  // a class at each time step: the mean of their cross-entropies; where samples
                   // differ in length, over the time steps of all samples
  kNumber,         // O numbers, after the last time step: the mean of their squared errors
};

struct Model {
  Cell cell = Cell::kLstm;
  int layers = 1;
  int inputs = 0;   // I
  int hidden = 0;   // H
  int outputs = 0;  // O
  Target target = Target::kClass;
  double tolerance = 0;  // the largest loss that counts as correct, for numbers
  // Of a class at each step: whether the accuracy is that of the time steps. Otherwise it is that
  // of sequences, which are correct if all of their time steps are.
  bool scores_steps = false;
  // Whether the inputs of a time step are one-hot: one of them is 1, the others are 0.
  bool one_hot_inputs = false;
  // The factor of the regularizer Omega (engine/omega.h), whose derivative gradients then contain.
  double omega = 0;
};

}  // namespace clipsweep

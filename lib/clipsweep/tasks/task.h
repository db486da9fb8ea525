// What is learnt: where the samples of training and test come from, batch by batch. The trainer
// does not know which task it has.
//
// A seed decides the training samples and nothing else does; the test samples are the same for all
// runs. Everything here is pure or belongs to one cohort, so that workers share a task.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// One seed's training samples without end.
class SampleStream {
 public:
  virtual ~SampleStream() = default;

  // Draws the next B samples into one source of the batch, which has the step's time steps.
  virtual void next(Batch& batch, int source) = 0;

  // Leaves out the samples of one step of so many time steps, as if they had been drawn.
  virtual void skip(int time_steps) = 0;

  // What was drawn last into this source, so that it can be replayed elsewhere: the indices [B] of
  // the samples in the training set, or the samples themselves.
  virtual Json drawn(const Batch& batch, int source) const = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  // Inputs, outputs and target of a model for this task; cell, layers and units are left open.
  virtual Model model() const = 0;

  // T of a training step (from 1): the same for all runs.
  virtual int time_steps(std::uint64_t step) const = 0;

  virtual std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const = 0;

  // SHA-256 that two seeds share only if their training samples are the same, in the same order.
  virtual std::string sample_order_sha256(std::uint64_t seed) const = 0;

  virtual std::size_t test_batches() const = 0;
  virtual std::uint64_t test_samples() const = 0;
  // The batch with this number; filled into `scratch` where the task does not keep it.
  virtual const Batch& test_batch(std::size_t number, Batch& scratch) const = 0;
};

// The model of these settings with this cell for this task.
Model model_for(const TrainingSettings& training, Cell cell, const Task& task);

}  // namespace clipsweep

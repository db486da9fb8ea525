// A task provides the training and test samples, batch by batch. The trainer treats all tasks
// alike.
//
// The training samples depend on the seed only; the test and validation samples are the same for
// all runs.
// Everything here is pure or belongs to one cohort, so workers can share a task.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"
#include "clipsweep/model/setup.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// Samples per batch of the test and of the validation set.
inline constexpr int kTestBatchSize = 250;

// An endless stream of one seed's training samples.
class SampleStream {
 public:
  virtual ~SampleStream() = default;

  // Draws the next B samples into one source of the batch, whose time steps are set.
  virtual void next(Batch& batch, int source) = 0;

  // Skips the samples of one step with this number of time steps, as if they had been drawn.
  virtual void skip(int time_steps) = 0;

  // Returns what was drawn last into this source, so that it can be replayed elsewhere: the indices
  // [B] of the samples in the training set, or the samples themselves.
  virtual Json drawn(const Batch& batch, int source) const = 0;
};

class Task {
 public:
  virtual ~Task() = default;

  // Returns inputs, outputs and target of a model for this task; cell, layers and units are not
  // set.
  virtual Model model() const = 0;

  // Returns T of a training step (counted from 1); it is the same for all runs.
  virtual int time_steps(std::uint64_t step) const = 0;

  // Whether a run's states are carried from batch to batch: the task is then one long sequence for
  // each sample of a batch, cut into pieces.
  virtual bool carries_states() const { return false; }

  // Whether the sequences of a training step (counted from 1) continue those of the step before;
  // only where states are carried.
  virtual bool continues(std::uint64_t) const { return false; }

  virtual std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const = 0;

  // Returns training samples that are drawn independently of each other, and not in the order of
  // training: each from the whole training set.
  virtual std::unique_ptr<SampleStream> independent_samples(std::uint64_t seed) const {
    return training_samples(seed);  // generated samples are independent
  }

  // Returns a SHA-256 that two seeds share only if their training samples and order are the same.
  virtual std::string sample_order_sha256(std::uint64_t seed) const = 0;

  virtual std::size_t test_batches() const = 0;
  virtual std::uint64_t test_samples() const = 0;
  // Returns the batch with this number. It is in `scratch` if the task does not store its batches.
  virtual const Batch& test_batch(std::size_t number, Batch& scratch) const = 0;

  // The same of the validation set, by which arms are chosen (--validation-share). Both are 0
  // without one.
  virtual std::size_t validation_batches() const { return 0; }
  virtual std::uint64_t validation_samples() const { return 0; }
  // Only with one.
  virtual const Batch& validation_batch(std::size_t number, Batch& scratch) const;
};

// One of the sets that networks are evaluated on.
struct EvaluationSet {
  std::size_t batches = 0;
  std::uint64_t samples = 0;
  std::function<const Batch&(std::size_t number, Batch& scratch)> batch;
};

// The task must outlive what they return.
EvaluationSet test_set_of(const Task& task);
EvaluationSet validation_set_of(const Task& task);

// The tasks that the setups of a sweep train on. They must outlive it.
class SetupTasks {
 public:
  // One task for all setups.
  SetupTasks(const Task& task) : tasks_{{"", &task}} {}
  // By VariedSettings::slug.
  explicit SetupTasks(std::map<std::string, const Task*> tasks) : tasks_(std::move(tasks)) {}

  // Throws std::out_of_range if there is no such setup.
  const Task& of(const Setup& setup) const {
    return tasks_.size() == 1 ? *tasks_.begin()->second : *tasks_.at(setup.varied.slug());
  }

 private:
  std::map<std::string, const Task*> tasks_;
};

// Returns the model for these settings, this cell and this task.
Model model_for(const TrainingSettings& training, Cell cell, const Task& task);

}  // namespace clipsweep

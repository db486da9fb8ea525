// The order of the samples and the batches gathered from it.
//
// A seed decides the order and nothing else does. The order is that of tf.data's
// `dataset.repeat().shuffle(N).batch(B)`: the endlessly repeated training set passes through a
// buffer of N samples, from which each sample is drawn at random and replaced by the next one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/base/aligned.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/span.h"
#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/image_data.h"

namespace clipsweep {

// Draws sample indices without end.
class ShuffleBuffer {
 public:
  ShuffleBuffer(std::size_t samples, std::size_t buffer_size, std::uint64_t seed);

  // The index of the next sample, in [0, samples).
  std::uint32_t next();

 private:
  std::uint32_t next_in_file_order();

  std::size_t samples_;
  std::size_t position_ = 0;
  std::vector<std::uint32_t> buffer_;
  RandomStream random_;
};

// SHA-256 of the planned order of a whole run, each index as 4 bytes, least significant first.
std::string batch_order_sha256(std::size_t samples, const TrainingSettings& training,
                               std::uint64_t seed);

// One step's samples for all runs of a cohort: S different batches, shared by the runs of a seed.
// The last block of a batch is filled up with copies of its first sample, which count for nothing:
// they are never non-finite where the batch is not.
struct Batch {
  Target target = Target::kClass;
  int sources = 0;  // S
  int size = 0;     // B
  int time_steps = 0;
  int inputs = 0;
  AlignedVector<float> values;       // [S, blocks, T, I, kLanes]
  std::vector<std::uint8_t> labels;  // [S, blocks, kLanes], or [S, blocks, T, kLanes] for a class
                                     // at each step
  AlignedVector<float> numbers;      // [S, blocks, kLanes], where numbers are the target
  std::vector<int> source_of_run;    // [R], the batch that each run sees

  std::size_t blocks() const { return (static_cast<std::size_t>(size) + kLanes - 1) / kLanes; }
};

// A batch of S sources of B samples for a model's inputs and target; time steps are still missing.
Batch make_batch(const Model& model, int sources, int size, std::vector<int> source_of_run);

// Makes room for so many time steps. What the batch held is lost.
void set_time_steps(Batch& batch, int time_steps);

// Copies the first sample of a source into the lanes that the samples leave free.
void pad_lanes(Batch& batch, int source);

// One source as JSON: `inputs` [B, T, I], and `targets` [B], or [B, T] for a class at each step.
Json samples_json(const Batch& batch, int source);

// A batch of pictures, each read row by row (T = rows, I = columns).
Batch make_batch(const ImageSet& images, int sources, int size, std::vector<int> source_of_run);

// Copies the pictures with these indices [B] into one source of the batch, pixels / 255.
void gather(const ImageSet& images, Span<const std::uint32_t> indices, int source, Batch& batch);

}  // namespace clipsweep

// The order of the samples, and the batches gathered in that order.
//
// The order depends on the seed only. It is that of tf.data's
// `dataset.repeat().shuffle(N).batch(B)`: the endlessly repeated training set passes through a
// buffer of N samples; each step draws samples from it at random and refills it with the next ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/base/aligned.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/span.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/image_data.h"

namespace clipsweep {

// A full include would recompile all kernels at every new setting.
struct TrainingSettings;

// Draws an endless sequence of sample indices.
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

// SHA-256 of the planned order of a whole run; each index is 4 bytes, least significant first.
std::string batch_order_sha256(std::size_t samples, const TrainingSettings& training,
                               std::uint64_t seed);

// The samples of one step for all runs of a cohort: S different batches. Runs of the same seed
// share one, called their source. The last block of each is padded with copies of its first sample,
// so that the padding is finite wherever the batch is. The padding does not count.
struct Batch {
  Target target = Target::kClass;
  int sources = 0;  // S
  int size = 0;     // B
  int time_steps = 0;
  int input_size = 0;                  // I
  int numbers = 1;                     // K, of a target that is numbers
  AlignedVector<float> inputs;         // [S, blocks, T, I, kLanes], or empty
  AlignedVector<std::int32_t> labels;  // [S, blocks, kLanes] for a class,
                                       // [S, blocks, T, kLanes] for a class at each step
  AlignedVector<float> targets;        // [S, blocks, K, kLanes] for numbers
  std::vector<int> source_of_run;      // [R]
  // One-hot inputs may be kept as symbols, the numbers of the inputs that are 1, instead of
  // `inputs`: [S, blocks, T, kLanes], or empty.
  bool keeps_symbols = false;
  std::vector<std::int32_t> symbols;
  // Where the samples of a batch differ in length, they end together: the time step at which each
  // one begins. Nothing before it counts, in no direction; the inputs there are zeros.
  AlignedVector<std::int32_t> starts;  // [S, blocks, kLanes]; empty: all begin at 0

  std::size_t blocks() const { return (static_cast<std::size_t>(size) + kLanes - 1) / kLanes; }

  // The time steps of all samples of a source: B T, or less where they differ in length.
  std::uint64_t steps_of(int source) const;
};

// One-hot inputs are kept as symbols from this number of inputs on. With fewer, products with zeros
// are as fast.
inline constexpr int kMinSymbols = 16;

// Makes a batch of S sources of B samples for a model's inputs and target, without time steps yet.
Batch make_batch(const Model& model, int sources, int size, std::vector<int> source_of_run);

// Sets T and makes room for the samples. The previous content is lost.
void set_time_steps(Batch& batch, int time_steps);

// Sets all inputs of a source to 0, so that one-hot inputs can be set.
void clear_inputs(Batch& batch, int source);

// Sets the one-hot input of a sample at a time step. The inputs were cleared before.
void set_symbol(Batch& batch, int source, std::size_t sample, std::size_t time_step,
                std::size_t symbol);

// The inputs [S, blocks, T, I, kLanes] of a batch with symbols.
AlignedVector<float> one_hot_inputs(const Batch& batch);

// Writes symbols [steps, kLanes] as inputs [steps, I, kLanes].
void write_one_hot(const std::int32_t* symbols, std::size_t steps, std::size_t inputs, float* to);

// Copies the first sample of a source into its unused lanes.
void pad_lanes(Batch& batch, int source);

// Returns one source as JSON: `inputs` [B, T, I] and `targets` [B], or [B, T] for a class at each
// step. Of several numbers, only the first is a target.
Json samples_json(const Batch& batch, int source);

// Makes a batch of images, each read row by row (T = rows, I = columns * channels).
Batch make_batch(const ImageSet& images, int sources, int size, std::vector<int> source_of_run);

// Copies the images with these indices [B] into one source of the batch, bytes as pixels / 255.
void gather(const ImageSet& images, Span<const std::uint32_t> indices, int source, Batch& batch);

}  // namespace clipsweep

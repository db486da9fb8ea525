#include "clipsweep/tasks/batches.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/pixel_kernel.h"

namespace clipsweep {

ShuffleBuffer::ShuffleBuffer(std::size_t samples, std::size_t buffer_size, std::uint64_t seed)
    : samples_(samples), random_(seed, "batch-order") {
  buffer_.reserve(buffer_size);
  for (std::size_t i = 0; i < buffer_size; ++i) buffer_.push_back(next_in_file_order());
}

std::uint32_t ShuffleBuffer::next_in_file_order() {
  const auto index = static_cast<std::uint32_t>(position_);
  position_ = (position_ + 1) % samples_;
  return index;
}

std::uint32_t ShuffleBuffer::next() {
  return std::exchange(buffer_[random_.below(buffer_.size())], next_in_file_order());
}

std::string batch_order_sha256(std::size_t samples, const TrainingSettings& training,
                               std::uint64_t seed) {
  ShuffleBuffer order(samples, static_cast<std::size_t>(training.shuffle_buffer), seed);
  Sha256 hash;
  std::vector<unsigned char> bytes;
  for (std::uint64_t step = 0; step < training.steps(); ++step) {
    bytes.clear();
    for (int b = 0; b < training.batch_size; ++b) {
      const std::uint32_t index = order.next();
      for (int shift = 0; shift < 32; shift += 8)
        bytes.push_back(static_cast<unsigned char>(index >> shift));
    }
    hash.add(bytes.data(), bytes.size());
  }
  return hash.finish();
}

std::uint64_t Batch::steps_of(int source) const {
  const auto samples = static_cast<std::size_t>(size);
  std::uint64_t steps =
      static_cast<std::uint64_t>(samples) * static_cast<std::uint64_t>(time_steps);
  if (starts.empty()) return steps;
  const auto* const first = starts.data() + static_cast<std::size_t>(source) * blocks() * kLanes;
  for (std::size_t b = 0; b < samples; ++b) steps -= static_cast<std::uint64_t>(first[b]);
  return steps;
}

Batch make_batch(const Model& model, int sources, int size, std::vector<int> source_of_run) {
  Batch batch;
  batch.target = model.target;
  if (model.target == Target::kNumber) batch.numbers = model.outputs;
  batch.sources = sources;
  batch.size = size;
  batch.input_size = model.inputs;
  batch.keeps_symbols = model.one_hot_inputs && model.inputs >= kMinSymbols;
  batch.source_of_run = std::move(source_of_run);
  return batch;
}

void set_time_steps(Batch& batch, int time_steps) {
  batch.time_steps = time_steps;
  batch.starts.clear();
  const auto steps = static_cast<std::size_t>(time_steps);
  const std::size_t lanes = static_cast<std::size_t>(batch.sources) * batch.blocks() * kLanes;
  batch.symbols.resize(batch.keeps_symbols ? lanes * steps : 0);
  batch.inputs.resize(
      batch.keeps_symbols ? 0 : lanes * steps * static_cast<std::size_t>(batch.input_size));
  const bool each_step = batch.target == Target::kClassEachStep;
  batch.labels.resize(batch.target == Target::kNumber ? 0 : each_step ? lanes * steps : lanes);
  batch.targets.resize(
      batch.target == Target::kNumber ? lanes * static_cast<std::size_t>(batch.numbers) : 0);
}

void clear_inputs(Batch& batch, int source) {
  const auto fill = [&](auto& inputs) {
    const auto size = static_cast<std::ptrdiff_t>(inputs.size()) / batch.sources;
    std::fill_n(inputs.begin() + source * size, size, 0);
  };
  fill(batch.inputs);
  fill(batch.symbols);
}

void set_symbol(Batch& batch, int source, std::size_t sample, std::size_t time_step,
                std::size_t symbol) {
  const std::size_t block = static_cast<std::size_t>(source) * batch.blocks() + sample / kLanes;
  const std::size_t row = block * static_cast<std::size_t>(batch.time_steps) + time_step;
  const std::size_t lane = sample % kLanes;
  if (batch.keeps_symbols)
    batch.symbols[row * kLanes + lane] = static_cast<std::int32_t>(symbol);
  else
    batch.inputs[(row * static_cast<std::size_t>(batch.input_size) + symbol) * kLanes + lane] = 1;
}

void write_one_hot(const std::int32_t* symbols, std::size_t steps, std::size_t inputs, float* to) {
  std::fill_n(to, steps * inputs * kLanes, 0.0F);
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      to[(t * inputs + static_cast<std::size_t>(symbols[t * kLanes + lane])) * kLanes + lane] = 1;
}

AlignedVector<float> one_hot_inputs(const Batch& batch) {
  const auto inputs = static_cast<std::size_t>(batch.input_size);
  AlignedVector<float> values(batch.symbols.size() * inputs);
  write_one_hot(batch.symbols.data(), batch.symbols.size() / kLanes, inputs, values.data());
  return values;
}

void pad_lanes(Batch& batch, int source) {
  const std::size_t used = static_cast<std::size_t>(batch.size) % kLanes;
  if (used == 0) return;
  // [S, blocks, rows, kLanes], whatever the rows are.
  const auto fill = [&](auto& samples) {
    const auto sources = static_cast<std::size_t>(batch.sources);
    const std::size_t block = samples.size() / sources / batch.blocks();
    const auto first = samples.data() + static_cast<std::size_t>(source) * batch.blocks() * block;
    const auto last = first + (batch.blocks() - 1) * block;
    for (std::size_t row = 0; row < block; row += kLanes)
      std::fill(last + row + used, last + row + kLanes, first[row]);
  };
  fill(batch.inputs);
  fill(batch.symbols);
  fill(batch.labels);
  fill(batch.targets);
  if (!batch.starts.empty()) fill(batch.starts);
}

Json samples_json(const Batch& batch, int source) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const auto inputs = static_cast<std::size_t>(batch.input_size);
  Json all_inputs = Json::array();
  Json targets = Json::array();
  for (std::size_t b = 0; b < static_cast<std::size_t>(batch.size); ++b) {
    const std::size_t block = static_cast<std::size_t>(source) * batch.blocks() + b / kLanes;
    const std::size_t lane = b % kLanes;
    const auto at = [&](const auto& samples, std::size_t rows, std::size_t row) {
      return samples[(block * rows + row) * kLanes + lane];
    };
    Json sequence = Json::array();
    Json classes = Json::array();
    for (std::size_t t = 0; t < steps; ++t) {
      const auto input = [&](std::size_t i) {
        if (!batch.keeps_symbols) return at(batch.inputs, steps * inputs, t * inputs + i);
        return at(batch.symbols, steps, t) == static_cast<std::int32_t>(i) ? 1.0F : 0.0F;
      };
      Json values = Json::array();
      for (std::size_t i = 0; i < inputs; ++i) values.push_back(json_number(input(i)));
      sequence.push_back(std::move(values));
      if (batch.target == Target::kClassEachStep) classes.push_back(at(batch.labels, steps, t));
    }
    all_inputs.push_back(std::move(sequence));
    if (batch.target == Target::kClassEachStep)
      targets.push_back(std::move(classes));
    else if (batch.target == Target::kNumber)
      targets.push_back(json_number(at(batch.targets, 1, 0)));
    else
      targets.push_back(at(batch.labels, 1, 0));
  }
  return {{"inputs", std::move(all_inputs)}, {"targets", std::move(targets)}};
}

namespace {

// Where the image in each lane of a block begins: sample b of the batch is in lane b, and unused
// lanes hold the first sample.
std::array<std::size_t, kLanes> lane_offsets(const ImageSet& images,
                                             Span<const std::uint32_t> indices, std::size_t block,
                                             std::int32_t* labels) {
  std::array<std::size_t, kLanes> offsets{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::size_t b = block * kLanes + lane;
    const std::uint32_t index = indices[b < indices.size() ? b : 0];
    offsets[lane] = images.offset(index);
    labels[lane] = images.labels[index];
  }
  return offsets;
}

template <typename Number>
std::array<const Number*, kLanes> lanes_from(const std::vector<Number>& numbers,
                                             const std::array<std::size_t, kLanes>& offsets) {
  std::array<const Number*, kLanes> lanes{};
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = numbers.data() + offsets[lane];
  return lanes;
}

void values_to_lanes(const std::array<const float*, kLanes>& lanes, std::size_t count,
                     float* values) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t lane = 0; lane < kLanes; ++lane) values[i * kLanes + lane] = lanes[lane][i];
}

}  // namespace

Batch make_batch(const ImageSet& images, int sources, int size, std::vector<int> source_of_run) {
  Model model;
  model.inputs = images.inputs();
  Batch batch = make_batch(model, sources, size, std::move(source_of_run));
  set_time_steps(batch, images.rows);
  return batch;
}

void gather(const ImageSet& images, Span<const std::uint32_t> indices, int source, Batch& batch) {
  if (indices.size() != static_cast<std::size_t>(batch.size))
    throw std::logic_error("gather: indices must be [B]");
  const auto pixels = static_cast<std::size_t>(batch.time_steps * batch.input_size);
  const std::size_t first = static_cast<std::size_t>(source) * batch.blocks();
  for (std::size_t block = 0; block < batch.blocks(); ++block) {
    std::int32_t* labels = batch.labels.data() + (first + block) * kLanes;
    const auto offsets = lane_offsets(images, indices, block, labels);
    float* values = batch.inputs.data() + (first + block) * pixels * kLanes;
    if (images.values.empty())
      pixels_to_lanes(lanes_from(images.pixels, offsets), pixels, values);
    else
      values_to_lanes(lanes_from(images.values, offsets), pixels, values);
  }
}

}  // namespace clipsweep

#include "clipsweep/batches.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "clipsweep/pixel_kernel.h"
#include "clipsweep/sha256.h"

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

Batch make_batch(const ImageSet& images, int sources, int size, std::vector<int> source_of_run) {
  Batch batch;
  batch.sources = sources;
  batch.size = size;
  batch.time_steps = images.rows;
  batch.inputs = images.columns;
  const std::size_t lanes = static_cast<std::size_t>(sources) * batch.blocks() * kLanes;
  batch.values.resize(lanes * static_cast<std::size_t>(images.rows * images.columns));
  batch.labels.resize(lanes);
  batch.source_of_run = std::move(source_of_run);
  return batch;
}

void gather(const ImageSet& images, Span<const std::uint32_t> indices, int source, Batch& batch) {
  if (indices.size() != static_cast<std::size_t>(batch.size))
    throw std::logic_error("gather: indices must be [B]");
  const auto pixels = static_cast<std::size_t>(batch.time_steps * batch.inputs);
  const std::size_t first = static_cast<std::size_t>(source) * batch.blocks();
  for (std::size_t block = 0; block < batch.blocks(); ++block) {
    std::uint8_t* labels = batch.labels.data() + (first + block) * kLanes;
    LanePictures pictures{};
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t b = block * kLanes + lane;
      const std::uint32_t index = indices[b < indices.size() ? b : 0];
      pictures[lane] = images.picture(index);
      labels[lane] = images.labels[index];
    }
    pixels_to_lanes(pictures, pixels, batch.values.data() + (first + block) * pixels * kLanes);
  }
}

}  // namespace clipsweep

// What the tests of the engines share: random pictures, batches and weights of any size, and the
// same loss and gradient by torch::nn.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "clipsweep/gradient_engine.h"
#include "clipsweep/image_data.h"
#include "test_support.h"

namespace clipsweep {

struct SampleShape {
  int batch, time_steps, inputs, hidden;
};

// The classic one, the smallest, and sizes that fill neither a register nor a tile.
const std::vector<SampleShape>& sample_shapes();

ImageSet random_images(const SampleShape& shape, int count);

// One batch per source, each of the next B pictures.
Batch batch_of(const ImageSet& images, int size, std::vector<int> source_of_run);

// Random weights, as PyTorch draws them.
void set_row(Block& block, std::size_t r, const ParameterLayout& layout, std::uint64_t seed);

// Error derivatives flow back as they are.
std::vector<float> no_limits(const Block& parameters);

bool same_bits(Span<const float> a, Span<const float> b);

// One source of a batch as [T, B, I] and its labels [B] of int64.
at::Tensor inputs_of(const Batch& batch, int source);
at::Tensor labels_of(const Batch& batch, int source);

// The same loss and gradient by torch::nn::LSTM and torch::nn::Linear.
struct Oracle {
  at::Tensor loss;
  at::Tensor gradient;  // [P], in the order of the layout
};
Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type);

double relative_error(const at::Tensor& a, const at::Tensor& b);

}  // namespace clipsweep

// What the tests of the engines share: random pictures, batches and weights of any size for every
// model, and the same loss and gradient by torch::nn.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "clipsweep/engine/gradient_engine.h"
#include "clipsweep/tasks/image_data.h"
#include "support/test_support.h"

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

// Every cell, one layer and two, asked for everything.
std::vector<Model> every_model();

// `rnn_tanh_2_layers_number`
std::string test_name(const Model& model);

// A batch of random samples for a model. Those of a source depend on its number alone.
Batch random_batch(const Model& model, int size, int time_steps, std::vector<int> source_of_run);

// The same loss, right answers and gradient by torch::nn.
struct Oracle {
  at::Tensor loss;
  std::int64_t correct_counts;
  at::Tensor gradient;  // [P], in the order of the layout
};
Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type);

double relative_error(const at::Tensor& a, const at::Tensor& b);

}  // namespace clipsweep

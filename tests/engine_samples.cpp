#include "engine_samples.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "clipsweep/initial_weights.h"
#include "clipsweep/random.h"

namespace clipsweep {

using at::Tensor;

const std::vector<SampleShape>& sample_shapes() {
  static const std::vector<SampleShape> kShapes = {{32, 28, 28, 10}, {1, 1, 1, 1},   {5, 3, 7, 2},
                                                   {20, 9, 2, 33},   {33, 4, 5, 16}, {64, 2, 3, 8}};
  return kShapes;
}

ImageSet random_images(const SampleShape& shape, int count) {
  ImageSet images;
  images.count = count;
  images.rows = shape.time_steps;
  images.columns = shape.inputs;
  RandomStream random(1, "engine-test");
  images.pixels.resize(static_cast<std::size_t>(count * images.rows * images.columns));
  for (auto& pixel : images.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  for (int i = 0; i < count; ++i)
    images.labels.push_back(static_cast<std::uint8_t>(random.below(10)));
  return images;
}

Batch batch_of(const ImageSet& images, int size, std::vector<int> source_of_run) {
  const int sources = 1 + *std::max_element(source_of_run.begin(), source_of_run.end());
  Batch batch = make_batch(images, sources, size, std::move(source_of_run));
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(size));
  for (int s = 0; s < sources; ++s) {
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(s * size));
    gather(images, indices, s, batch);
  }
  return batch;
}

void set_row(Block& block, std::size_t r, const ParameterLayout& layout, std::uint64_t seed) {
  const auto row = initial_weights(Initialization::kTorch, layout, seed);
  std::copy(row.begin(), row.end(), block.row(r).begin());
}

std::vector<float> no_limits(const Block& parameters) {
  return std::vector<float>(parameters.rows(), std::numeric_limits<float>::infinity());
}

bool same_bits(Span<const float> a, Span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

Tensor inputs_of(const Batch& batch, int source) {
  const auto blocks = static_cast<std::int64_t>(batch.blocks());
  const auto lanes = static_cast<std::int64_t>(kLanes);
  return torch::from_blob(const_cast<float*>(batch.values.data()),
                          {batch.sources, blocks, batch.time_steps, batch.inputs, lanes})
      .select(0, source)
      .permute({1, 0, 3, 2})
      .reshape({batch.time_steps, blocks * lanes, batch.inputs})
      .narrow(1, 0, batch.size)
      .contiguous();
}

Tensor labels_of(const Batch& batch, int source) {
  const auto lanes = static_cast<std::int64_t>(batch.blocks() * kLanes);
  return torch::from_blob(const_cast<std::uint8_t*>(batch.labels.data()), {batch.sources, lanes},
                          torch::kUInt8)
      .select(0, source)
      .narrow(0, 0, batch.size)
      .to(torch::kInt64);
}

Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type) {
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(layout.model.inputs, layout.model.hidden));
  torch::nn::Linear output(layout.model.hidden, layout.model.outputs);
  lstm->to(type);
  output->to(type);
  const auto tensor_of = [&](const char* name) {
    const auto& tensor = layout.tensor(name);
    std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    return torch::from_blob(const_cast<float*>(row.data()) + tensor.offset, sizes).to(type);
  };
  {
    const torch::NoGradGuard no_grad;
    auto parameters = lstm->named_parameters();
    parameters["weight_ih_l0"].copy_(tensor_of("lstm.weight_ih"));
    parameters["weight_hh_l0"].copy_(tensor_of("lstm.weight_hh"));
    parameters["bias_ih_l0"].copy_(tensor_of("lstm.bias"));
    parameters["bias_hh_l0"].zero_();
    output->weight.copy_(tensor_of("output.weight"));
    output->bias.copy_(tensor_of("output.bias"));
  }
  const Tensor inputs = inputs_of(batch, source).to(type);
  const Tensor states = std::get<0>(lstm->forward(inputs));
  const Tensor loss =
      torch::nn::functional::cross_entropy(output->forward(states[-1]), labels_of(batch, source));
  loss.backward();
  auto parameters = lstm->named_parameters();
  return {loss.detach(),
          torch::cat({parameters["weight_ih_l0"].grad().flatten(),
                      parameters["weight_hh_l0"].grad().flatten(), parameters["bias_ih_l0"].grad(),
                      output->weight.grad().flatten(), output->bias.grad()})};
}

double relative_error(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace clipsweep

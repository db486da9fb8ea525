#include "support/engine_samples.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/reference/batch_tensors.h"
#include "clipsweep/engine/reference/torch_network.h"
#include "clipsweep/model/initial_weights.h"

namespace clipsweep {
namespace {

using at::Tensor;

// From [S, ..., B] to [S, blocks, ..., kLanes].
template <typename Values>
void fill_lanes(const Tensor& samples, const Batch& batch, Values& values) {
  const auto blocks = static_cast<std::int64_t>(batch.blocks());
  const auto lanes = static_cast<std::int64_t>(kLanes);
  auto padding = samples.sizes().vec();
  padding.back() = blocks * lanes - batch.size;
  const Tensor filled = torch::cat({samples, samples.narrow(-1, 0, 1).expand(padding)}, -1);
  auto shape = samples.sizes().vec();
  shape.back() = blocks;
  shape.push_back(lanes);
  const Tensor ordered = filled.view(shape).movedim(-2, 1).contiguous();
  using Number = typename Values::value_type;
  const Number* first = ordered.data_ptr<Number>();
  values.assign(first, first + ordered.numel());
}

// `lstm.bias_l1` is `cell.bias_ih_l1` there, and its `bias_hh_l1` is none here.
std::string torch_name(std::string name) {
  if (name.compare(0, 7, "output.") == 0) return name;
  name = "cell" + name.substr(name.find('.'));
  if (const auto bias = name.find("bias");
      bias != std::string::npos && name[bias + 5] != 'i' && name[bias + 5] != 'h')
    name.insert(bias + 4, "_ih");
  return name.find("_l1") == std::string::npos ? name + "_l0" : name;
}

void load(TorchNetwork& network, Span<const float> row, const ParameterLayout& layout) {
  const torch::NoGradGuard no_grad;
  auto parameters = network.named_parameters();
  for (auto& parameter : parameters) parameter.value().zero_();
  for (const auto& tensor : layout.tensors) {
    const std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    const auto numbers = part(row, tensor);
    parameters[torch_name(tensor.name)].copy_(
        torch::from_blob(const_cast<float*>(numbers.data()), sizes));
  }
}

std::int64_t corrects_of(const Model& model, const Tensor& outputs, const Tensor& targets) {
  if (model.target == Target::kNumber)
    return ((outputs.squeeze(-1) - targets).square() <= model.tolerance).sum().item<std::int64_t>();
  const Tensor right = outputs.argmax(-1) == targets;
  return (model.target == Target::kClass ? right : right.all(0)).sum().item<std::int64_t>();
}

}  // namespace

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
  const auto row = initial_weights(InitialScheme{InitialKind::kTorch}, layout, seed);
  std::copy(row.begin(), row.end(), block.row(r).begin());
}

std::vector<float> no_limits(const Block& parameters) {
  return std::vector<float>(parameters.rows(), std::numeric_limits<float>::infinity());
}

bool same_bits(Span<const float> a, Span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::vector<Model> every_model() {
  std::vector<Model> models;
  for (const Cell cell : {Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu})
    for (const int layers : {1, 2})
      for (const Target target : {Target::kClass, Target::kClassEachStep, Target::kNumber})
        models.push_back({cell, layers, 3, 5, target == Target::kNumber ? 1 : 2, target, 0.5});
  return models;
}

std::string test_name(const Model& model) {
  std::string name = to_text(model.cell);
  std::replace(name.begin(), name.end(), '-', '_');
  name += model.layers == 1 ? "_1_layer_" : "_2_layers_";
  return name + (model.target == Target::kClass    ? "class"
                 : model.target == Target::kNumber ? "number"
                                                   : "class_each_step");
}

Batch random_batch(const Model& model, int size, int time_steps, std::vector<int> source_of_run) {
  const int sources = 1 + *std::max_element(source_of_run.begin(), source_of_run.end());
  Batch batch = make_batch(model, sources, size, std::move(source_of_run));
  batch.time_steps = time_steps;
  const bool each_step = model.target == Target::kClassEachStep;
  std::vector<Tensor> values, labels, numbers;
  for (int source = 0; source < sources; ++source) {
    torch::manual_seed(static_cast<std::uint64_t>(source));
    values.push_back(torch::randn({time_steps, model.inputs, size}));
    labels.push_back(torch::randint(model.outputs, {each_step ? time_steps : 1, size}));
    numbers.push_back(torch::randn({size}));
  }
  fill_lanes(torch::stack(values), batch, batch.inputs);
  if (model.target == Target::kNumber)
    fill_lanes(torch::stack(numbers), batch, batch.targets);
  else
    fill_lanes(torch::stack(labels).to(torch::kUInt8), batch, batch.labels);
  return batch;
}

Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type) {
  const Target target = layout.model.target;
  TorchNetwork network(layout.model);
  network.to(type);
  load(network, row, layout);
  const Tensor inputs = input_tensor(batch)[source].transpose(1, 2).to(type);  // [T, B, I]
  const Tensor targets = target_tensor(batch)[source];
  const Tensor outputs = network.outputs(inputs);
  const Tensor loss = network.loss(outputs, target == Target::kNumber ? targets.to(type) : targets);
  loss.backward();
  const auto parameters = network.named_parameters();
  std::vector<Tensor> gradients;
  for (const auto& tensor : layout.tensors)
    gradients.push_back(parameters[torch_name(tensor.name)].grad().flatten());
  return {loss.detach(), corrects_of(layout.model, outputs, targets), torch::cat(gradients)};
}

double relative_error(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

}  // namespace clipsweep

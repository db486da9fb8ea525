#include "support/engine_samples.h"

#include <torch/nn/functional/loss.h>

#include <algorithm>
#include <cmath>
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

// `lstm.bias_l1` is called `cell.bias_ih_l1` there; its `bias_hh_l1` stays 0.
std::string torch_name(std::string name) {
  if (name.compare(0, 7, "output.") == 0) return name;
  name = "cell" + name.substr(name.find('.'));
  if (const auto bias = name.find("bias");
      bias != std::string::npos && name[bias + 5] != 'i' && name[bias + 5] != 'h')
    name.insert(bias + 4, "_ih");
  return name.find("_l") == std::string::npos ? name + "_l0" : name;
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

std::int64_t count_correct(const Model& model, const Tensor& outputs, const Tensor& targets) {
  if (model.target == Target::kNumber)
    return ((outputs - targets.t()).square().mean(1) <= model.tolerance).sum().item<std::int64_t>();
  const Tensor log_shares = torch::log_softmax(outputs, -1);
  const Tensor is_nan = log_shares.gather(-1, targets.unsqueeze(-1)).squeeze(-1).isnan();
  const Tensor correct = (outputs.argmax(-1) == targets) & ~is_nan;
  return (model.target == Target::kClass ? correct : correct.all(0)).sum().item<std::int64_t>();
}

// One source's targets in a type for the loss.
Tensor targets_of(const Batch& batch, int source, torch::ScalarType type) {
  const Tensor targets = target_tensor(batch)[source];
  return batch.target == Target::kNumber ? targets.to(type) : targets;
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
    images.labels.push_back(static_cast<std::int32_t>(random.below(10)));
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

StepResult result_of(GradientEngine& engine, const Block& parameters, const Batch& batch,
                     std::vector<float> limits) {
  if (limits.empty()) limits = no_limits(parameters);
  StepResult result(parameters.rows(), parameters.columns());
  engine.compute_gradients(parameters, batch, limits, result);
  return result;
}

bool same_bits(Span<const float> a, Span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void expect_same_alone(GradientEngine& engine, const Block& parameters, const Batch& batch) {
  const StepResult together = result_of(engine, parameters, batch);
  for (std::size_t r = 0; r < parameters.rows(); ++r) {
    SCOPED_TRACE(r);
    Batch own = batch;
    own.source_of_run = {batch.source_of_run[r]};
    Block row(1, parameters.columns());
    std::copy_n(parameters.row(r).data(), parameters.columns(), row.data());
    const StepResult alone = result_of(engine, row, own);
    EXPECT_EQ(together.losses[r], alone.losses[0]);
    EXPECT_EQ(together.correct_counts[r], alone.correct_counts[0]);
    EXPECT_EQ(together.omegas[r], alone.omegas[0]);
    EXPECT_TRUE(same_bits(together.gradients.row(r), alone.gradients.row(0)));
  }
}

std::vector<Model> every_model() {
  std::vector<Model> models;
  for (const auto& entry : cell_table())
    for (const int layers : {1, 2, 3}) {
      for (const Target target : {Target::kClass, Target::kClassEachStep, Target::kNumber})
        models.push_back(
            {entry.cell, layers, 3, 5, target == Target::kNumber ? 1 : 2, target, 0.5});
      models.push_back({entry.cell, layers, 3, 5, 3, Target::kNumber, 0.5});
    }
  return models;
}

std::string test_name(const Model& model) {
  std::string name = to_text(model.cell);
  std::replace(name.begin(), name.end(), '-', '_');
  name += "_" + std::to_string(model.layers) + (model.layers == 1 ? "_layer_" : "_layers_");
  return name + (model.target == Target::kClass    ? "class"
                 : model.target == Target::kNumber ? (model.outputs == 1 ? "number" : "numbers")
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
    numbers.push_back(torch::randn({model.outputs, size}));
  }
  fill_lanes(torch::stack(values), batch, batch.inputs);
  if (model.target == Target::kNumber)
    fill_lanes(torch::stack(numbers), batch, batch.targets);
  else
    fill_lanes(torch::stack(labels).to(torch::kInt32), batch, batch.labels);
  return batch;
}

Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type) {
  TorchNetwork network(layout.model);
  network.to(type);
  load(network, row, layout);
  const Tensor inputs = input_tensor(batch)[source].transpose(1, 2).to(type);  // [T, B, I]
  const Tensor targets = targets_of(batch, source, type);
  const Tensor outputs = network.outputs(inputs);
  const Tensor loss = network.loss(outputs, targets);
  loss.backward();
  const auto parameters = network.named_parameters();
  std::vector<Tensor> gradients;
  for (const auto& tensor : layout.tensors)
    gradients.push_back(parameters[torch_name(tensor.name)].grad().flatten());
  return {loss.detach(), count_correct(layout.model, outputs, targets), torch::cat(gradients)};
}

CellLoop::CellLoop(Span<const float> row, const ParameterLayout& layout, const Batch& batch,
                   int source, torch::ScalarType type, double limit)
    : layout_(layout), limit_(limit), norms_(static_cast<std::size_t>(batch.time_steps)) {
  for (const auto& tensor : layout.tensors) {
    const std::vector<std::int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    const auto numbers = part(row, tensor);
    weights_[tensor.name] = torch::from_blob(const_cast<float*>(numbers.data()), sizes)
                                .clone()
                                .to(type)
                                .requires_grad_();
  }
  const Tensor outputs = this->outputs(input_tensor(batch)[source].transpose(1, 2).to(type));
  const Tensor targets = targets_of(batch, source, type);
  loss_ = layout.model.target == Target::kNumber
              ? (outputs - targets.t()).square().mean()
              : torch::nn::functional::cross_entropy(outputs.flatten(0, -2), targets.flatten());
  correct_ = count_correct(layout.model, outputs, targets);
  loss_.backward();
}

Tensor CellLoop::gradient() const {
  std::vector<Tensor> gradients;
  for (const auto& tensor : layout_.tensors)
    gradients.push_back(weights_.at(tensor.name).grad().flatten());
  return torch::cat(gradients);
}

Tensor CellLoop::weight(const std::string& name, int layer) const {
  const std::string prefix = cell_entry(layout_.model.cell).tensor_prefix;
  return weights_.at(prefix + "." + name + (layer ? "_l" + std::to_string(layer) : ""));
}

// The limited derivative's norm goes to `norm`, if any.
void CellLoop::watch(const Tensor& state, double* norm) {
  state.register_hook([this, norm](const Tensor& derivative) {
    const Tensor is_over = derivative.abs() > limit_;
    limited_ += static_cast<std::uint64_t>(is_over.sum().item<std::int64_t>());
    const Tensor limited = torch::where(is_over, derivative.sign() * limit_, derivative);
    if (norm) *norm = limited.to(torch::kFloat64).norm().item<double>();
    return limited;
  });
}

// h [B, H] after one step of one layer; c changes in place.
Tensor CellLoop::next(int layer, const Tensor& x, const Tensor& h, Tensor& c) {
  const Tensor w_ih = weight("weight_ih", layer), w_hh = weight("weight_hh", layer);
  const bool has_two_biases = cell_entry(layout_.model.cell).biases.size() == 2;
  const Tensor b_ih = weight(has_two_biases ? "bias_ih" : "bias", layer);
  const Tensor b_hh = has_two_biases ? weight("bias_hh", layer) : torch::zeros_like(b_ih);
  switch (layout_.model.cell) {
    case Cell::kGru:
      return torch::gru_cell(x, h, w_ih, w_hh, b_ih, b_hh);
    case Cell::kRnnTanh:
      return torch::rnn_tanh_cell(x, h, w_ih, w_hh, b_ih, b_hh);
    case Cell::kRnnRelu:
      return torch::rnn_relu_cell(x, h, w_ih, w_hh, b_ih, b_hh);
    case Cell::kLstm:
      break;
  }
  const auto [h_next, c_next] = torch::lstm_cell(x, {h, c}, w_ih, w_hh, b_ih, b_hh);
  watch(c_next, nullptr);
  c = c_next;
  return h_next;
}

// [B, O], or [T, B, O] for a class at each step, from inputs [T, B, I].
Tensor CellLoop::outputs(const Tensor& inputs) {
  const Model& model = layout_.model;
  const Tensor zeros = torch::zeros({inputs.size(1), model.hidden}, inputs.options());
  std::vector<Tensor> h(static_cast<std::size_t>(model.layers), zeros), c(h), states;
  for (std::size_t t = 0; t < norms_.size(); ++t) {
    Tensor x = inputs[static_cast<std::int64_t>(t)];
    for (int layer = 0; layer < model.layers; ++layer) {
      const auto l = static_cast<std::size_t>(layer);
      x = h[l] = next(layer, x, h[l], c[l]);
      watch(x, layer == model.layers - 1 ? &norms_[t] : nullptr);
    }
    states.push_back(x);
  }
  const bool each_step = model.target == Target::kClassEachStep;
  return torch::nn::functional::linear(each_step ? torch::stack(states) : states.back(),
                                       weights_.at("output.weight"), weights_.at("output.bias"));
}

Tensor in_double(Span<const float> row) {
  return torch::tensor(std::vector<float>(row.begin(), row.end())).to(torch::kFloat64);
}

double relative_error(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

void expect_same_gradient(Span<const float> gradient, const Tensor& expected) {
  EXPECT_LT(relative_error(in_double(gradient), expected), 1e-5);
}

void expect_same_tensor_gradients(const ParameterLayout& layout, Span<const float> gradient,
                                  const Tensor& expected) {
  for (const auto& tensor : layout.tensors) {
    SCOPED_TRACE(tensor.name);
    expect_same_gradient(part(gradient, tensor),
                         expected.narrow(0, static_cast<std::int64_t>(tensor.offset),
                                         static_cast<std::int64_t>(tensor.size())));
  }
}

void expect_central_differences(GradientEngine& engine, const Block& parameters, const Batch& batch,
                                float step, double tolerance) {
  const StepResult result = result_of(engine, parameters, batch);
  const auto loss_at = [&](std::size_t i, float value) {
    Block moved = parameters;
    moved.row(0)[i] = value;
    return engine.evaluate(moved, batch).loss_sums[0] / batch.size;
  };
  for (std::size_t i = 0; i < parameters.columns(); ++i) {
    const float weight = parameters.row(0)[i];
    const float above = weight + step, below = weight - step;
    const double slope = (loss_at(i, above) - loss_at(i, below)) / (double{above} - double{below});
    EXPECT_NEAR(result.gradients.row(0)[i], slope, tolerance) << i;
  }
}

}  // namespace clipsweep

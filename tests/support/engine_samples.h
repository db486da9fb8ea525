// What the tests of the engines share: random images, batches and weights of any size for every
// model; the same losses and gradients by LibTorch; and comparisons with them.
#pragma once

#include <torch/autograd.h>
#include <torch/types.h>
#include <torch/utils.h>

#include <cmath>
#include <map>
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

// One batch per source; each takes the next B images.
Batch batch_of(const ImageSet& images, int size, std::vector<int> source_of_run);

// Sets a row to random weights, drawn as in PyTorch.
void set_row(Block& block, std::size_t r, const ParameterLayout& layout, std::uint64_t seed);

// No limits for the derivatives of the states.
std::vector<float> no_limits(const Block& parameters);

// Without `limits` there are none.
StepResult result_of(GradientEngine& engine, const Block& parameters, const Batch& batch,
                     std::vector<float> limits = {});

// Expects each run of a batch to have the same result in a batch of its own, to the last bit.
void expect_same_alone(GradientEngine& engine, const Block& parameters, const Batch& batch);

bool same_bits(Span<const float> a, Span<const float> b);

// Every cell with one layer and two, and every target.
std::vector<Model> every_model();

// `rnn_tanh_2_layers_number`
std::string test_name(const Model& model);

// A batch of random samples for a model. The samples of a source depend only on its number.
Batch random_batch(const Model& model, int size, int time_steps, std::vector<int> source_of_run);

// ---- The same by LibTorch ----

// Loss, correct predictions and gradient by torch::nn.
struct Oracle {
  at::Tensor loss;
  std::int64_t correct;
  at::Tensor gradient;  // [P], in the order of the layout
};
Oracle oracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              torch::ScalarType type);

// One run by a loop over LibTorch's cells, differentiated by autograd. A hook on each state limits
// its derivative, counts the limited elements and measures the norm.
class CellLoop {
 public:
  CellLoop(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
           torch::ScalarType type, double limit = INFINITY);

  double loss() const { return loss_.item<double>(); }
  std::int64_t correct() const { return correct_; }
  at::Tensor gradient() const;                                 // [P], in the order of the layout
  std::uint64_t limited() const { return limited_; }           // derivatives of all states
  const std::vector<double>& norms() const { return norms_; }  // [T], of the top layer

 private:
  at::Tensor weight(const std::string& name, int layer) const;
  void watch(const at::Tensor& state, double* norm);
  at::Tensor next(int layer, const at::Tensor& x, const at::Tensor& h, at::Tensor& c);
  at::Tensor outputs(const at::Tensor& inputs);

  const ParameterLayout& layout_;
  double limit_;
  std::map<std::string, at::Tensor> weights_;
  at::Tensor loss_;
  std::int64_t correct_ = 0;
  std::uint64_t limited_ = 0;
  std::vector<double> norms_;
};

// ---- Comparisons ----

at::Tensor in_double(Span<const float> row);

double relative_error(const at::Tensor& a, const at::Tensor& b);

// Expects that a gradient [P] agrees with one by LibTorch up to the rounding of float32.
void expect_same_gradient(Span<const float> gradient, const at::Tensor& expected);

// Expects the same of the part of each tensor.
void expect_same_tensor_gradients(const ParameterLayout& layout, Span<const float> gradient,
                                  const at::Tensor& expected);

// Expects that the gradient of the only run is the central difference of its mean loss.
void expect_central_differences(GradientEngine& engine, const Block& parameters, const Batch& batch,
                                float step, double tolerance);

}  // namespace clipsweep

#include "clipsweep/engine/reference/batch_tensors.h"

#include <torch/types.h>

#include <stdexcept>

namespace clipsweep {
namespace {

using at::Tensor;

// From [S, blocks, ..., kLanes] to [S, ..., B].
template <typename Values>
Tensor samples_of(const Values& values, const std::vector<std::int64_t>& sample_sizes,
                  const Batch& batch) {
  using Number = typename Values::value_type;
  std::vector<std::int64_t> sizes = {batch.sources, static_cast<std::int64_t>(batch.blocks())};
  sizes.insert(sizes.end(), sample_sizes.begin(), sample_sizes.end());
  sizes.push_back(static_cast<std::int64_t>(kLanes));
  TORCH_CHECK(static_cast<std::int64_t>(values.size()) == c10::multiply_integers(sizes),
              "samples_of: the batch must hold ", sizes, ", not ", values.size(), " numbers");
  return torch::from_blob(const_cast<Number*>(values.data()), sizes,
                          torch::CppTypeToScalarType<Number>::value)
      .movedim(1, -2)
      .flatten(-2)
      .narrow(-1, 0, batch.size)
      .contiguous();
}

}  // namespace

Tensor input_tensor(const Batch& batch) {
  if (batch.keeps_symbols)
    return torch::one_hot(samples_of(batch.symbols, {batch.time_steps}, batch).to(torch::kInt64),
                          batch.input_size)
        .movedim(-1, 2)
        .to(torch::kFloat32)
        .contiguous();
  return samples_of(batch.inputs, {batch.time_steps, batch.input_size}, batch);
}

Tensor target_tensor(const Batch& batch) {
  switch (batch.target) {
    case Target::kClass:
      return samples_of(batch.labels, {}, batch).to(torch::kInt64);
    case Target::kClassEachStep:
      return samples_of(batch.labels, {batch.time_steps}, batch).to(torch::kInt64);
    case Target::kNumber:
      return samples_of(batch.targets, {batch.numbers}, batch);
  }
  throw std::logic_error("target_tensor: no such target");
}

Tensor start_tensor(const Batch& batch) {
  return batch.starts.empty() ? Tensor() : samples_of(batch.starts, {}, batch).to(torch::kInt64);
}

}  // namespace clipsweep

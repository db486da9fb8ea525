#include "clipsweep/lstm_baseline.h"

#include <torch/torch.h>

#include <numeric>

#include "clipsweep/batches.h"
#include "clipsweep/torch_runtime.h"
#include "clipsweep/wall_clock.h"

namespace clipsweep {

double seconds_per_lstm_step(const ImageSet& images, int hidden, int batch_size, int steps) {
  use_one_thread();
  torch::nn::LSTM lstm(torch::nn::LSTMOptions(images.columns, hidden));
  torch::nn::Linear output(hidden, ImageData::kClasses);
  auto parameters = lstm->parameters();
  for (const auto& parameter : output->parameters()) parameters.push_back(parameter);
  torch::optim::SGD optimizer(parameters, torch::optim::SGDOptions(0.01));

  Batch batch = make_batch(images, 1, batch_size, {});
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(batch_size));
  std::iota(indices.begin(), indices.end(), 0U);
  gather(images, indices, 0, batch);
  const auto inputs =
      torch::from_blob(batch.values.data(), {images.rows, images.columns, batch_size})
          .transpose(1, 2)
          .contiguous();  // [T, B, I], as torch::nn::LSTM wants it
  const auto labels =
      torch::from_blob(batch.labels.data(), {batch_size}, torch::kUInt8).to(torch::kInt64);

  const Stopwatch stopwatch;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const auto states = std::get<0>(lstm->forward(inputs));  // [T, B, H]
    const auto loss = torch::nn::functional::cross_entropy(output->forward(states[-1]), labels);
    loss.backward();
    torch::nn::utils::clip_grad_norm_(parameters, 1.0);
    optimizer.step();
  }
  return stopwatch.seconds() / steps;
}

}  // namespace clipsweep

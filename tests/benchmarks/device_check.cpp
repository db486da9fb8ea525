// Checks a device: losses and gradients of every model by the reference engine on it, compared with
// the fused engine on the CPU; and how many run-steps per second it computes. This is not a test;
// `scripts/gpu_check` builds and runs it:
//
//   device_check cuda|cpu
//
// Exit codes: 0 all models agree, 1 some do not, 2 there is no such device.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "clipsweep/model/initial_weights.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {
namespace {

constexpr double kLargestDifference = 1e-4;  // relative; float32 has 7 digits
constexpr int kMostRuns = 4096;
constexpr double kSecondsPerSpeed = 2;

// A batch of one source with random inputs and targets.
Batch random_batch(const Model& model, int size, int time_steps, int runs) {
  Batch batch = make_batch(model, 1, size, std::vector<int>(static_cast<std::size_t>(runs)));
  set_time_steps(batch, time_steps);
  RandomStream random(0, "device-check");
  for (float& value : batch.inputs) value = static_cast<float>(random.uniform() - 0.5);
  for (auto& symbol : batch.symbols)
    symbol = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(model.inputs)));
  for (auto& label : batch.labels)
    label = static_cast<std::uint8_t>(random.below(static_cast<std::uint64_t>(model.outputs)));
  for (float& target : batch.targets) target = static_cast<float>(random.uniform() - 0.5);
  pad_lanes(batch, 0);
  return batch;
}

Block random_weights(const ParameterLayout& layout, int runs) {
  Block weights(static_cast<std::size_t>(runs), layout.size());
  for (std::size_t r = 0; r < weights.rows(); ++r) {
    const auto row = initial_weights(InitialScheme{InitialKind::kTorch}, layout, r);
    std::copy(row.begin(), row.end(), weights.row(r).begin());
  }
  return weights;
}

StepResult step_of(GradientEngine& engine, const Block& weights, const Batch& batch) {
  StepResult result(weights.rows(), weights.columns());
  const std::vector<float> no_limits(weights.rows(), std::numeric_limits<float>::infinity());
  engine.compute_gradients(weights, batch, no_limits, result);
  return result;
}

// |a - b| / |b| in the Euclidean norm; Inf if a number is not finite.
double relative_difference(Span<const float> a, Span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  const double relative = std::sqrt(difference / size);
  return std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
}

std::vector<Model> every_model() {
  std::vector<Model> models;
  for (const auto& entry : cell_table())
    for (const int layers : {1, 2})
      for (const Target target : {Target::kClass, Target::kClassEachStep, Target::kNumber})
        for (const bool is_one_hot : {false, true}) {
          Model model{
              entry.cell, layers, is_one_hot ? 20 : 28, 10, target == Target::kNumber ? 1 : 10,
              target,     0.5};
          model.one_hot_inputs = is_one_hot;
          models.push_back(model);
        }
  return models;
}

std::string described(const Model& model) {
  return fmt::format("{}, {} layer(s), {}, {} inputs", to_text(model.cell), model.layers,
                     model.target == Target::kClass    ? "class"
                     : model.target == Target::kNumber ? "number"
                                                       : "class at each step",
                     model.one_hot_inputs ? "one-hot" : "real");
}

// Returns whether both engines agree, and prints the differences.
bool check(const Model& model, const std::string& device) {
  constexpr int kRuns = 3;
  const auto layout = layout_of(model);
  const Batch batch = random_batch(model, 32, 28, kRuns);
  const Block weights = random_weights(layout, kRuns);
  const StepResult ours = step_of(*make_fused_engine(layout), weights, batch);
  const StepResult theirs = step_of(*make_reference_engine(layout, device), weights, batch);
  double gradients = 0;
  for (std::size_t r = 0; r < kRuns; ++r)
    gradients =
        std::max(gradients, relative_difference(theirs.gradients.row(r), ours.gradients.row(r)));
  const double losses = relative_difference(theirs.losses, ours.losses);
  const bool agrees = losses <= kLargestDifference && gradients <= kLargestDifference;
  fmt::print("{}: losses differ by {:.1e}, gradients by {:.1e}: {}\n", described(model), losses,
             gradients, agrees ? "passed" : "FAILED");
  return agrees;
}

// Run-steps per second of the classic example: forward and backward pass of R runs.
double speed_of(int runs, const std::string& device) {
  const auto layout = lstm_layout(28, 10, 10);
  const Batch batch = random_batch(layout.model, 32, 28, runs);
  const Block weights = random_weights(layout, runs);
  const auto engine = make_reference_engine(layout, device);
  step_of(*engine, weights, batch);  // prepares the device
  int steps = 0;
  const Stopwatch watch;
  do {
    step_of(*engine, weights, batch);
    ++steps;
  } while (watch.seconds() < kSecondsPerSpeed);
  return runs * steps / watch.seconds();
}

int run(const std::string& device) {
  use_one_thread();
  make_reference_engine(lstm_layout(1, 1, 1), device);  // throws if there is no such device
  int failed = 0;
  const auto models = every_model();
  for (const Model& model : models) failed += check(model, device) ? 0 : 1;
  fmt::print("LibTorch {} on {}: {} models agree with the CPU to {}, {} do not\n", torch_version(),
             device, models.size() - static_cast<std::size_t>(failed), kLargestDifference, failed);
  fmt::print("\nclassic example, forward and backward pass:\n  runs  run-steps/s\n");
  for (int runs = 1; runs <= kMostRuns; runs *= 4) {
    fmt::print("{:>6}  {:>11.0f}\n", runs, speed_of(runs, device));
    std::fflush(stdout);
    if (device == "cpu" && runs >= 64) break;  // more take no less time per run
  }
  return failed > 0 ? 1 : 0;
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  const std::string device = argc == 2 ? argv[1] : "";
  if (device != "cuda" && device != "cpu") {
    fmt::print(stderr, "device_check: write device_check cuda or device_check cpu\n");
    return 2;
  }
  try {
    return clipsweep::run(device);
  } catch (const clipsweep::ConfigError& error) {
    fmt::print(stderr, "device_check: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "device_check: {}\n", error.what());
    return 1;
  }
}

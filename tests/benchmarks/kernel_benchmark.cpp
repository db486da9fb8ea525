// Benchmarks of single kernels, with Google Benchmark, for work on their speed. `clipsweep bench`
// measures whole sweeps. This is not a test; run it by hand:
//
//   build/release/tests/kernel_benchmark [--benchmark_filter=Gradients]
//
// CLIPSWEEP_SIMD selects the instruction set.
#include <benchmark/benchmark.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "clipsweep/base/random.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/clipping/clipping.h"
#include "clipsweep/engine/fused/cell_kernels.h"
#include "clipsweep/model/initial_weights.h"
#include "clipsweep/records/run_record.h"
#include "clipsweep/tasks/batches.h"
#include "clipsweep/training/optimizer.h"

namespace clipsweep {
namespace {

struct Shape {
  int hidden = 10;
  int time_steps = 28;
  int inputs = 28;
  int batch_size = 32;
};

ImageSet random_images(const Shape& shape) {
  ImageSet images;
  images.count = shape.batch_size;
  images.rows = shape.time_steps;
  images.columns = shape.inputs;
  RandomStream random(0, "benchmark");
  images.pixels.resize(static_cast<std::size_t>(images.count * images.rows * images.columns));
  for (auto& pixel : images.pixels) pixel = static_cast<std::uint8_t>(random.below(256));
  for (int i = 0; i < images.count; ++i)
    images.labels.push_back(static_cast<std::int32_t>(random.below(10)));
  return images;
}

// One run's weights and a batch.
struct Sample {
  Sample(Cell cell, const Shape& shape)
      : images(random_images(shape)),
        layout(layout_of({cell, 1, shape.inputs, shape.hidden, 10})),
        weights(initial_weights(InitialScheme{InitialKind::kTorch}, layout, 0)),
        gradient(weights),
        indices(static_cast<std::size_t>(shape.batch_size)),
        batch(make_batch(images, 1, shape.batch_size, {0})) {
    std::iota(indices.begin(), indices.end(), 0U);
    gather(images, indices, 0, batch);
    memory.grow_to(cell_kernels(cell).rows, layout.model, batch);
  }
  Sample() : Sample(Cell::kLstm, Shape{}) {}  // the classic example

  KernelRun run() { return {layout.model, weights.data(), batch, 0, {0, batch.blocks()}, memory}; }

  ImageSet images;
  ParameterLayout layout;
  std::vector<float> weights;
  std::vector<float> gradient;
  std::vector<std::uint32_t> indices;
  Batch batch;
  KernelMemory memory;
};

Shape shape_of(const benchmark::State& state) {
  return {static_cast<int>(state.range(0)), static_cast<int>(state.range(1)),
          static_cast<int>(state.range(2)), static_cast<int>(state.range(3))};
}

void Losses(benchmark::State& state, Cell cell) {
  Sample sample(cell, shape_of(state));
  const CellKernels kernels = cell_kernels(cell);
  for (auto _ : state) benchmark::DoNotOptimize(kernels.losses(sample.run()));
}

void Gradients(benchmark::State& state, Cell cell) {
  Sample sample(cell, shape_of(state));
  const CellKernels kernels = cell_kernels(cell);
  for (auto _ : state)
    benchmark::DoNotOptimize(kernels.gradients(sample.run(), std::numeric_limits<float>::infinity(),
                                               sample.gradient.data()));
}

void StateDerivativeSquares(benchmark::State& state, Cell cell) {
  Sample sample(cell, shape_of(state));
  const CellKernels kernels = cell_kernels(cell);
  std::vector<double> squares(static_cast<std::size_t>(state.range(1)));
  for (auto _ : state)
    kernels.state_derivative_squares(sample.run(), std::numeric_limits<float>::infinity(),
                                     squares.data());
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  for (const int time_steps : {28, 200})
    for (const int hidden : {10, 32, 64, 128, 256, 512})
      benchmark->Args({hidden, time_steps, 28, 32});
  benchmark->Args({100, 784, 1, 200});  // images pixel by pixel
  benchmark->ArgNames({"H", "T", "I", "B"})->Unit(benchmark::kMicrosecond);
}

void register_kernels() {
  for (const auto& entry : cell_table()) {
    const Cell cell = entry.cell;
    const std::string name = to_text(cell);
    const auto add = [cell](const std::string& full_name, auto* run) {
      shapes(benchmark::RegisterBenchmark(
          full_name.c_str(), [cell, run](benchmark::State& state) { run(state, cell); }));
    };
    add("Losses/" + name, Losses);
    add("Gradients/" + name, Gradients);
    add("StateDerivativeSquares/" + name, StateDerivativeSquares);
  }
}

void GatherBatch(benchmark::State& state) {
  Sample sample;
  for (auto _ : state) gather(sample.images, sample.indices, 0, sample.batch);
}
BENCHMARK(GatherBatch)->Unit(benchmark::kMicrosecond);

void MeasureNorms(benchmark::State& state) {
  const Sample sample;
  GradientNorms norms;
  for (auto _ : state) {
    measure_norms(sample.weights, sample.layout, norms);
    benchmark::DoNotOptimize(largest_magnitude(sample.weights));
    benchmark::DoNotOptimize(find_nonfinite(sample.weights));
  }
}
BENCHMARK(MeasureNorms);

void ProposeStep(benchmark::State& state) {
  const Sample sample;
  StepParameters rule;
  rule.settings.optimizer = static_cast<Optimizer>(state.range(0));
  rule.settings.momentum = 0.9;
  rule.regularization.weight_decay = 1e-4;
  const auto memory = initial_state(rule.settings, sample.weights.size());
  ProposedStep step;
  for (auto _ : state) propose_step(rule, sample.weights, sample.gradient, memory, step);
  state.SetLabel(to_text(rule.settings.optimizer));
}
BENCHMARK(ProposeStep)->DenseRange(0, static_cast<int>(optimizer_names().size()) - 1);

void Clip(benchmark::State& state) {
  Sample sample;
  GradientNorms norms;
  const auto& mode = clip_modes()[static_cast<std::size_t>(state.range(0))];
  const ClipRule rule{mode.mode, 0.01};
  const ClipMemory<float> memory(rule, sample.layout, 0);
  for (auto _ : state) {
    sample.gradient = sample.weights;
    measure_norms(sample.gradient, sample.layout, norms);
    benchmark::DoNotOptimize(clip_gradient<float>(
        rule, {sample.layout, norms, sample.weights, memory}, sample.gradient));
  }
  state.SetLabel(mode.name);
}
BENCHMARK(Clip)->DenseRange(0, static_cast<int>(clip_modes().size()) - 1);

void AppendLine(benchmark::State& state) {
  StepRecord record;
  record.loss = 1.2345678F;
  record.grad_norm_raw = 1.0 / 3;
  record.grad_norm_clipped = 1.0 / 7;
  record.tensor_norms = {0.1234567891234, 0.2, 1.0 / 3, 2.0 / 7, 0.7};
  const auto names = lstm_layout(1, 1, 1).names();
  std::string text;
  for (auto _ : state) {
    text.clear();
    append_line(text, record, names);
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(AppendLine);

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  clipsweep::use_simd_of_environment();
  clipsweep::register_kernels();
  benchmark::AddCustomContext("simd", clipsweep::simd_name());
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

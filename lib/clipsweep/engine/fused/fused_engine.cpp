#include "clipsweep/engine/fused/fused_engine.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <utility>

#include "clipsweep/base/simd.h"
#include "clipsweep/engine/fused/cell_kernels.h"
#include "clipsweep/engine/omega.h"

namespace clipsweep {
namespace {

// The order of two rows of a block by their bits.
int compare_rows(const Block& block, std::size_t a, std::size_t b) {
  return std::memcmp(block.row(a).data(), block.row(b).data(), block.columns() * sizeof(float));
}

// Runs with the same weights, initial states, samples and limits, to the last bit, have the same
// results: one of them is computed and copied to the others. Runs that differ only in clipping are
// equal until clipping first acts.
class DistinctRuns {
 public:
  DistinctRuns(const Block& parameters, const std::vector<int>& source_of_run,
               Span<const float> backprop_limits, const EngineContext& context = {}) {
    const auto precedes = [&](std::size_t a, std::size_t b) {
      if (source_of_run[a] != source_of_run[b]) return source_of_run[a] < source_of_run[b];
      if (backprop_limits[a] != backprop_limits[b]) return backprop_limits[a] < backprop_limits[b];
      const int order = compare_rows(parameters, a, b);
      if (order != 0 || !context.begins_with_states()) return order < 0;
      return compare_rows(*context.initial_states, a, b) < 0;
    };
    std::set<std::size_t, decltype(precedes)> known(precedes);
    for (std::size_t r = 0; r < parameters.rows(); ++r) {
      const auto [first, is_distinct] = known.insert(r);
      if (is_distinct)
        computed_.push_back(r);
      else
        copies_.emplace_back(*first, r);
    }
    // Runs of one source follow each other, because they share copies of its inputs.
    std::stable_sort(computed_.begin(), computed_.end(), [&](std::size_t a, std::size_t b) {
      return source_of_run[a] < source_of_run[b];
    });
  }

  const std::vector<std::size_t>& computed() const { return computed_; }
  // Pairs (computed run, run to copy to).
  const std::vector<std::pair<std::size_t, std::size_t>>& copies() const { return copies_; }

 private:
  std::vector<std::size_t> computed_;
  std::vector<std::pair<std::size_t, std::size_t>> copies_;
};

// One per thread, for all engines that the thread works for. Not `thread_local`: where memory is
// too short to register its destructor, glibc ends the program.
class ThreadMemory {
 public:
  ThreadMemory() {
    if (pthread_key_create(&key_, [](void* memory) { free_memory(memory); }) != 0)
      throw std::bad_alloc();
  }

  KernelMemory& of_this_thread() const {
    if (void* const known = pthread_getspecific(key_)) return *static_cast<KernelMemory*>(known);
    auto memory = std::make_unique<KernelMemory>();
    if (pthread_setspecific(key_, memory.get()) != 0) throw std::bad_alloc();
    return *memory.release();
  }

  void free_of_this_thread() const {
    free_memory(pthread_getspecific(key_));
    pthread_setspecific(key_, nullptr);
  }

 private:
  static void free_memory(void* memory) { delete static_cast<KernelMemory*>(memory); }

  pthread_key_t key_{};
};

const ThreadMemory& thread_memory() {
  static const ThreadMemory memory;
  return memory;
}

// The number of a batch: no other batch in this process has it. The memory of the kernels belongs
// to a thread, which may work for several engines.
std::uint64_t next_call() {
  static std::atomic<std::uint64_t> calls{0};
  return ++calls;
}

// The sum for run r of the sums of all parts [R, parts].
SampleSums sum_of_run(const std::vector<SampleSums>& sums, std::size_t r, std::size_t parts) {
  SampleSums sum;
  for (const SampleSums& part_sums : Span<const SampleSums>(sums.data() + r * parts, parts)) {
    sum.loss += part_sums.loss;
    sum.correct += part_sums.correct;
    sum.clipped_derivatives += part_sums.clipped_derivatives;
    sum.omega += part_sums.omega;
  }
  return sum;
}

class FusedEngine : public GradientEngine {
 public:
  explicit FusedEngine(const ParameterLayout& layout)
      : model_(layout.model),
        parameters_(layout.size()),
        simd_(simd_name()),
        kernels_(cell_kernels(model_.cell)) {
    check_omega(model_);
    thread_memory();  // the destructor must not be the first to need it
  }
  ~FusedEngine() override { thread_memory().free_of_this_thread(); }

  std::string name() const override { return "fused"; }
  std::string simd() const override { return simd_; }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result,
                         const EngineContext& context) override {
    const DistinctRuns runs(parameters, batch.source_of_run, backprop_limits, context);
    const auto parts = parts_of(batch);
    const std::uint64_t call = next_call();
    std::vector<SampleSums> sums(parameters.rows() * parts.size());  // [R, parts]
    Block extra_gradients(parts.size() - 1, parameters_);
    const auto compute = [&](std::size_t r, std::size_t p) {
      float* const gradient =
          p == 0 ? result.gradients.row(r).data() : extra_gradients.row(p - 1).data();
      KernelRun run = run_of(parameters.row(r), batch, batch.source_of_run[r], parts[p], context);
      run.initial_states = context.initial_states_of(r);
      run.last_states = result.last_states_of(r);
      run.call = call;
      sums[r * parts.size() + p] = kernels_.gradients(run, backprop_limits[r], gradient);
    };
    const auto finish = [&](std::size_t r) {
      const SampleSums sum = sum_of_run(sums, r, parts.size());
      const auto gradient = result.gradients.row(r);
      for (std::size_t p = 1; p < parts.size(); ++p) {
        const auto extra = extra_gradients.row(p - 1);
        for (std::size_t i = 0; i < parameters_; ++i) gradient[i] += extra[i];
      }
      // As in the frameworks, a sum beyond float32 is Inf, even if the mean would be finite.
      result.losses[r] = static_cast<float>(sum.loss) /
                         static_cast<float>(losses_of(batch, batch.source_of_run[r]));
      result.correct_counts[r] = sum.correct;
      result.clipped_derivatives[r] = sum.clipped_derivatives;
      const double pairs = omega_pairs(model_, batch, batch.source_of_run[r]);
      result.omegas[r] = pairs > 0 ? sum.omega / pairs : 0;
    };
    for_parts(runs, parts.size(), context.sharing, compute, finish);
    for (const auto& [from, to] : runs.copies()) {
      const auto gradient = result.gradients.row(from);
      std::copy(gradient.begin(), gradient.end(), result.gradients.row(to).begin());
      if (const float* const states = result.last_states_of(from))
        std::copy_n(states, result.last_states.columns(), result.last_states_of(to));
      result.losses[to] = result.losses[from];
      result.correct_counts[to] = result.correct_counts[from];
      result.clipped_derivatives[to] = result.clipped_derivatives[from];
      result.omegas[to] = result.omegas[from];
    }
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                            const EngineContext& context) override {
    const std::size_t count = parameters.rows();
    const std::vector<float> no_limits(count, std::numeric_limits<float>::infinity());
    const DistinctRuns runs(parameters, std::vector<int>(count), no_limits);
    const auto parts = parts_of(batch);
    std::vector<SampleSums> sums(count * parts.size());  // [R, parts]
    EvaluationResult result{std::vector<double>(count), std::vector<std::int64_t>(count)};
    const auto compute = [&](std::size_t r, std::size_t p) {
      sums[r * parts.size() + p] =
          kernels_.losses(run_of(parameters.row(r), batch, 0, parts[p], context));
    };
    const auto finish = [&](std::size_t r) {
      const SampleSums sum = sum_of_run(sums, r, parts.size());
      result.loss_sums[r] = sum.loss * weight_of_loss(batch, 0) / losses_of(batch, 0);
      result.correct_counts[r] = sum.correct;
    };
    for_parts(runs, parts.size(), context.sharing, compute, finish);
    for (const auto& [from, to] : runs.copies()) {
      result.loss_sums[to] = result.loss_sums[from];
      result.correct_counts[to] = result.correct_counts[from];
    }
    return result;
  }

  // A separate pass, so an ordinary step does not pay for it.
  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits,
                                                       const EngineContext& context) override {
    const DistinctRuns runs(parameters, source_of_run, backprop_limits, context);
    const auto parts = parts_of(batch);
    const auto steps = static_cast<std::size_t>(batch.time_steps);
    std::vector<std::vector<double>> squares(parameters.rows() * parts.size());  // [K, parts][T]
    std::vector<std::vector<float>> norms(parameters.rows());
    const auto compute = [&](std::size_t r, std::size_t p) {
      auto& part_squares = squares[r * parts.size() + p];
      part_squares.resize(steps);
      KernelRun run = run_of(parameters.row(r), batch, source_of_run[r], parts[p], context);
      run.initial_states = context.initial_states_of(r);
      kernels_.state_derivative_squares(run, backprop_limits[r], part_squares.data());
    };
    const auto finish = [&](std::size_t r) {
      for (std::size_t t = 0; t < steps; ++t) {
        double square = 0;
        for (std::size_t p = 0; p < parts.size(); ++p) square += squares[r * parts.size() + p][t];
        norms[r].push_back(static_cast<float>(std::sqrt(square)));
      }
    };
    for_parts(runs, parts.size(), context.sharing, compute, finish);
    for (const auto& [from, to] : runs.copies()) norms[to] = norms[from];
    return norms;
  }

 private:
  // Below these sizes splitting a batch is not worth it: packing the weights again and adding the
  // extra gradient would take too much of the time.
  static constexpr double kMinProductsPerPart = 2e7;
  static constexpr int kMinTimeStepsPerPart = 16;

  double losses_of(const Batch& batch, int source) const {
    return static_cast<double>(
        clipsweep::losses_of(model_, batch, static_cast<std::size_t>(source)));
  }

  // The parts into which threads may split a batch, in the order in which they are added up. They
  // depend on sizes only, because the grouping of a sum changes its rounding.
  std::vector<BlockRange> parts_of(const Batch& batch) const {
    const std::size_t blocks = batch.blocks();
    const double products = static_cast<double>(parameters_) * batch.time_steps *
                            static_cast<double>(kernels_.group_blocks * kLanes);
    if (products < kMinProductsPerPart || batch.time_steps < kMinTimeStepsPerPart)
      return {{0, blocks}};
    std::size_t part_blocks = kernels_.group_blocks;
    while (part_blocks * kMaxPartsPerRun < blocks) part_blocks += kernels_.group_blocks;
    std::vector<BlockRange> parts;
    for (std::size_t first = 0; first < blocks; first += part_blocks)
      parts.push_back({first, std::min(blocks, first + part_blocks)});
    return parts;
  }

  // Calls compute(r, part) for each part of each distinct run, and finish(r) after its last part.
  // Threads share the parts of one run if it has several, and the runs otherwise.
  template <typename Compute, typename Finish>
  void for_parts(const DistinctRuns& runs, std::size_t parts, WorkSharing* sharing,
                 const Compute& compute, const Finish& finish) const {
    const auto& computed = runs.computed();
    if (parts > 1) {
      for (const std::size_t r : computed) {
        share(sharing, parts, [&](std::size_t p) { compute(r, p); });
        finish(r);
      }
    } else {
      share(sharing, computed.size(), [&](std::size_t k) {
        compute(computed[k], 0);
        finish(computed[k]);
      });
    }
  }

  KernelRun run_of(Span<const float> parameters, const Batch& batch, int source,
                   const BlockRange& blocks, const EngineContext& context) const {
    KernelMemory& memory = thread_memory().of_this_thread();
    memory.grow_to(kernels_.rows, model_, batch);
    return {model_, parameters.data(), batch, static_cast<std::size_t>(source), blocks,
            memory, context.cancel};
  }

  const Model model_;
  const std::size_t parameters_;  // P
  const std::string simd_;
  const CellKernels kernels_;
};

}  // namespace

std::unique_ptr<GradientEngine> make_fused_engine(const ParameterLayout& layout) {
  return std::make_unique<FusedEngine>(layout);
}

}  // namespace clipsweep

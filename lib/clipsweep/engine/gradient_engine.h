// The seam: parameters of a cohort and a batch in, losses and gradients out. The trainer does not
// know which engine it has.
//
// What every engine owes: the numbers of a run depend on its own row, its own batch and nothing
// else, to the last bit; a NaN or Inf in a row reaches that row's loss and gradient and no other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clipsweep/base/cancellation.h"
#include "clipsweep/base/parallel.h"
#include "clipsweep/base/span.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

// Into so many parts at most an engine divides the batch of one run for those that help it: each
// needs memory for a gradient of its own.
inline constexpr std::size_t kMaxPartsPerRun = 8;

// What one step of a cohort brings.
struct StepResult {
  StepResult(std::size_t runs, std::size_t parameters)
      : losses(runs),
        correct_counts(runs),
        clipped_derivatives(runs),
        gradients(runs, parameters) {}

  std::vector<float> losses;                 // [R], mean loss over the batch
  std::vector<std::int64_t> correct_counts;  // [R], right answers in the batch
  // [R], error derivatives that were clipped, of the T H B of each state: h of each layer, and of
  // an lstm c
  std::vector<std::uint64_t> clipped_derivatives;
  Block gradients;  // [R, P]
};

// What one batch of an evaluation brings.
struct EvaluationResult {
  std::vector<double> loss_sums;             // [R], summed over the batch
  std::vector<std::int64_t> correct_counts;  // [R]
};

// Where memory does not suffice, each of these throws std::bad_alloc, and so does an EngineFactory:
// fewer runs at once may do.
class GradientEngine {
 public:
  virtual ~GradientEngine() = default;

  // As recorded in run.json: `reference`, and the instruction set, `AVX2`.
  virtual std::string name() const = 0;
  virtual std::string simd() const = 0;

  // From now on every computation is given up within a fraction of a second after the flag is set:
  // it throws Cancelled, and its result is of no use. The flag must outlive the engine, or another
  // take its place.
  void heed(const CancelFlag& stop) { stop_ = &stop; }

  // From now on idle threads may take parts of a computation, where the engine knows any. Its
  // numbers are the same to the last bit. The helpers must outlive the engine, or others take their
  // place.
  void accept_help(WorkSharing& helpers) { helpers_ = &helpers; }

  // Losses, right answers and gradients of all runs at their parameters [R, P], into a result of
  // that size. An answer whose loss is NaN is not right.
  //
  // backprop_limits [R], each above 0, +inf = off: the derivative of the run's mean loss with
  // respect to each hidden state h_t and each cell state c_t is limited to [-limit, limit], element
  // by element, before it flows further back (Graves, 2013). A NaN stays one and is not counted.
  virtual void compute_gradients(const Block& parameters, const Batch& batch,
                                 Span<const float> backprop_limits, StepResult& result) = 0;

  // Losses and right answers alone; every run sees the batch's only source.
  virtual EvaluationResult evaluate(const Block& parameters, const Batch& batch) = 0;

  // The gradient through time of K runs, which need not be those of the batch: for each time step t
  // the norm, over the units of the top layer and the samples of the run's source, of the
  // derivative of the mean loss with respect to h_t, [K][T]; limited like those of
  // compute_gradients. parameters [K, P]; source_of_run [K]; backprop_limits [K].
  virtual std::vector<std::vector<float>> state_gradient_norms(
      const Block& parameters, const Batch& batch, const std::vector<int>& source_of_run,
      Span<const float> backprop_limits) = 0;

 protected:
  const CancelFlag& stop() const { return *stop_; }
  WorkSharing& helpers() const { return *helpers_; }

 private:
  const CancelFlag* stop_ = &kNotCancelled;
  WorkSharing* helpers_ = &kNoHelpers;
};

// Makes one engine for each worker.
using EngineFactory = std::function<std::unique_ptr<GradientEngine>(const ParameterLayout&)>;

}  // namespace clipsweep

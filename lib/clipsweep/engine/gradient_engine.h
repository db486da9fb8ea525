// The seam between training and gradient computation: the parameters of a cohort and a batch in,
// losses and gradients out. The trainer is the same for every engine.
//
// Every engine guarantees: the numbers of a run depend on its own row, its own batch and nothing
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

// Upper bound on the parts into which an engine splits one run's batch for idle threads; each part
// needs its own gradient buffer.
inline constexpr std::size_t kMaxPartsPerRun = 8;

// The states of each run's samples, for sequences that continue those of the batch before
// (truncated backpropagation through time; Williams and Peng, 1990): [R, S] with
// S = layers x states of the cell (h, then c) x blocks x H x kLanes. Without rows where each
// sequence starts from zeros.
using StateBlock = Block;

// S for batches like this one.
inline std::size_t states_size(const Model& model, const Batch& batch) {
  return static_cast<std::size_t>(model.layers * model.hidden) *
         cell_entry(model.cell).states.size() * batch.blocks() * kLanes;
}

// The number of predictions of a source that are correct or not: samples, or where the model scores
// steps, their time steps.
inline double predictions_of(const Model& model, const Batch& batch, int source) {
  return model.scores_steps ? static_cast<double>(batch.steps_of(source)) : batch.size;
}

// The weight of a source's mean loss in the mean over batches: its samples. Where these differ in
// length and have a class at each step, the mean is over all time steps, and so is this weight.
inline double weight_of_loss(const Batch& batch, int source) {
  const bool over_steps = batch.target == Target::kClassEachStep && !batch.starts.empty();
  return over_steps ? static_cast<double>(batch.steps_of(source)) : batch.size;
}

// What one computation obeys and may use. All must outlive the call.
struct EngineContext {
  const CancelFlag& cancel = kNotCancelled;
  WorkSharing* sharing = nullptr;  // its idle threads may take parts; the numbers stay the same
  // With which the sequences begin; nullptr or without rows: with zeros. No derivative flows into
  // them.
  const StateBlock* initial_states = nullptr;

  // The row of one run.
  const float* initial_states_of(std::size_t r) const {
    return begins_with_states() ? initial_states->row(r).data() : nullptr;
  }
  bool begins_with_states() const { return initial_states && initial_states->rows() > 0; }
};

// The result of one step of a cohort.
struct StepResult {
  // states: S if the last states of the sequences are wanted.
  StepResult(std::size_t runs, std::size_t parameters, std::size_t states = 0)
      : losses(runs),
        correct_counts(runs),
        clipped_derivatives(runs),
        omegas(runs),
        gradients(runs, parameters),
        last_states(states == 0 ? 0 : runs, states) {}

  float* last_states_of(std::size_t r) {
    return last_states.rows() > 0 ? last_states.row(r).data() : nullptr;
  }

  std::vector<float> losses;                 // [R], mean over the batch of the losses in model.h
  std::vector<std::int64_t> correct_counts;  // [R], correct samples (Model::scores_steps: steps)
  // [R], how many error derivatives were clipped, out of T * H * B per state (h of each layer, plus
  // c for an LSTM)
  std::vector<std::uint64_t> clipped_derivatives;
  std::vector<double> omegas;  // [R], Omega (omega.h), without its factor; 0 where the factor is 0
  Block gradients;             // [R, P]
  StateBlock last_states;      // [R, S] if wanted
};

// The result of one batch of an evaluation.
struct EvaluationResult {
  std::vector<double> loss_sums;             // [R], the mean loss times weight_of_loss
  std::vector<std::int64_t> correct_counts;  // [R]
};

// All methods, and EngineFactory, throw std::bad_alloc when out of memory; retry with fewer runs.
// Each computation throws Cancelled within a fraction of a second after its context's flag is set;
// its result must then be discarded.
class GradientEngine {
 public:
  virtual ~GradientEngine() = default;

  // As recorded in run.json: `reference`, and the instruction set, `AVX2`.
  virtual std::string name() const = 0;
  virtual std::string simd() const = 0;

  // Losses, correct samples and gradients of all runs at their parameters [R, P], into a result of
  // that size. A sample whose loss is NaN is not correct. The gradients are those of the losses
  // and, where the model has a factor of Omega, its derivative as omega.h says.
  //
  // backprop_limits [R], each above 0, +inf = off: the derivative of the run's mean loss with
  // respect to each hidden state h_t and each cell state c_t is limited to [-limit, limit], element
  // by element, before it flows further back (Graves, 2013). A NaN stays one and is not counted.
  virtual void compute_gradients(const Block& parameters, const Batch& batch,
                                 Span<const float> backprop_limits, StepResult& result,
                                 const EngineContext& context = {}) = 0;

  // Only losses and correct samples; every run sees the batch's only source.
  virtual EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                                    const EngineContext& context = {}) = 0;

  // The gradient through time of K runs, which need not be those of the batch: for each time step t
  // the norm, over the units of the top layer and the samples of the run's source, of the
  // derivative of the mean loss with respect to h_t, [K][T]; limited like those of
  // compute_gradients. parameters [K, P]; source_of_run [K]; backprop_limits [K].
  virtual std::vector<std::vector<float>> state_gradient_norms(
      const Block& parameters, const Batch& batch, const std::vector<int>& source_of_run,
      Span<const float> backprop_limits, const EngineContext& context = {}) = 0;
};

// Makes one engine for each worker.
using EngineFactory = std::function<std::unique_ptr<GradientEngine>(const ParameterLayout&)>;

}  // namespace clipsweep

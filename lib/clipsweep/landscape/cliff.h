// The loss of one batch around the weights before one training step of a run, over a plane, and
// where the step lands with and without clipping (figure 6 of Pascanu, Mikolov and Bengio, 2013).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/name_table.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/step_record.h"
#include "clipsweep/training/cohort_trainer.h"

namespace clipsweep {

inline constexpr const char* kCliffSchema = "clipsweep/cliff-1";

struct CliffOptions {
  std::uint64_t step = 1;
  std::size_t points = 41;  // of each axis
  double span = 1.5;        // how far the plane reaches along the gradient, in unclipped steps
};

// The second direction: the part of the update before that is orthogonal to the gradient or, where
// there is none, a random one of the run's seed with the size of each row of the weights (filter
// normalization; Li et al., 2018).
enum class CliffDirection { kPreviousUpdate, kRandom };
inline constexpr NameTable<CliffDirection, 2> kCliffDirections = {
    {{CliffDirection::kPreviousUpdate, "previous update"}, {CliffDirection::kRandom, "random"}}};

// Where a step lands: its coordinates in the plane, its distance from the plane, its loss.
struct CliffMark {
  double along = 0;
  double across = 0;
  double off_plane = 0;
  float loss = 0;
};

// Distances are Euclidean, in weights. `along` is the negative gradient of the batch.
struct Cliff {
  StepRecord record;  // of the step, as this training logs it
  CliffDirection direction = CliffDirection::kPreviousUpdate;
  std::vector<double> along;        // [K]
  std::vector<double> across;       // [K]
  std::vector<float> losses;        // [K, K], a row for each of `across`
  std::vector<double> slice_along;  // finer, where `across` is 0
  std::vector<float> slice_losses;
  CliffMark unclipped;
  std::optional<CliffMark> clipped;  // nothing if the run took no step
};

// How many run-steps the context counts: those up to the step, and one for each point of the plane
// and of its slice.
std::uint64_t run_steps_of(const CliffOptions& options);

// Trains the run from its beginning to the step. Throws ConfigError if the run ended before, or if
// the step has no direction or no length; Cancelled.
Cliff measure_cliff(const CohortContext& context, const RunSpec& run, GradientEngine& engine,
                    const CliffOptions& options);

// The step of the spike with the largest finite norm; nothing without a spike.
std::optional<std::uint64_t> step_of_largest_spike(const std::vector<Event>& events);

// logged: the step in the run's log, if it is there; nothing otherwise.
Json to_json(const Cliff& cliff, const RunSpec& run, const std::optional<StepRecord>& logged);

// Whether the step has the loss and the norm that the log has, to the last bit.
bool is_same_step(const StepRecord& step, const StepRecord& logged);

}  // namespace clipsweep

// What a run logs, as plain data, to JSON and back, and into checkpoints (`archive`).
// results/README.md says what each key means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/clipping/what_if.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"

namespace clipsweep {

inline constexpr const char* kStepsSchema = "clipsweep/steps-1";
inline constexpr const char* kRunSchema = "clipsweep/run-1";
inline constexpr const char* kSweepSchema = "clipsweep/sweep-1";
inline constexpr const char* kSummarySchema = "clipsweep/summary-1";

// A number for each gate of a cell, by its name, in the order of the gates.
using GateNumbers = std::vector<std::pair<std::string, double>>;

// One step of one run.
struct StepRecord {
  std::uint64_t step = 0;
  std::uint64_t epoch = 0;
  float loss = 0;
  double accuracy = 0;
  double grad_norm_raw = 0;
  double grad_norm_clipped = 0;
  double clip_scale = 1;
  bool clipped = false;
  double clipped_fraction = 0;
  std::optional<float> cosine;  // of the angle between raw and clipped gradient
  std::optional<double> limit;  // in force at this step
  double effective_learning_rate = 0;
  float grad_max_abs = 0;
  std::uint64_t nonfinite = 0;
  std::vector<double> tensor_norms;  // in the order of the layout
  bool skipped = false;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(step, epoch, loss, accuracy, grad_norm_raw, grad_norm_clipped, clip_scale, clipped,
            clipped_fraction, cosine, limit, effective_learning_rate, grad_max_abs, nonfinite,
            tensor_norms, skipped);
  }
};

// Appends one line of steps.jsonl with its line break.
void append_line(std::string& text, const StepRecord& record,
                 const std::vector<std::string>& tensor_names);

// Throws DataError that names the key.
StepRecord step_record_from_json(const Json& json, const std::vector<std::string>& tensor_names);

// The beginning of a log's first line: what the file is and whose.
Json log_header(const char* schema, const RunSpec& run);
// Whose log begins so. Throws DataError if it is of another schema.
RunSpec run_of_log_header(const Json& header, const char* schema);

// What stands in the first line of steps.jsonl.
struct StepLogHeader {
  RunSpec run;
  int log_every = 1;
  std::vector<std::string> tensor_names;
  std::vector<std::vector<int>> tensor_shapes;
};

Json to_json(const StepLogHeader& header);
StepLogHeader step_log_header_from_json(const Json& json);

// A spike is a raw norm above `kSpikeFactor` times the median of the last `kSpikeWindow` finite ones.
inline constexpr double kSpikeFactor = 10;
inline constexpr std::size_t kSpikeWindow = 100;

enum class EventKind { kNan, kInf, kNormOverflow, kSpike };
inline bool is_nonfinite(EventKind kind) {
  return kind == EventKind::kNan || kind == EventKind::kInf;
}
enum class Phase { kLoss, kGradient, kUpdate, kWeights };
enum class Action { kStopped, kSkipped, kContinued };

// The steps before an event, up to 20: what led up to it.
struct EventHistory {
  std::vector<StepRecord> steps;  // in their order, ending with the step before the event
  std::uint64_t shared = 0;       // further ones, which events above it have
  std::uint64_t left_out = 0;     // which none has: the run had more events than get any

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, shared, left_out);
  }
};

struct Event {
  EventKind kind = EventKind::kNan;
  std::uint64_t step = 0;
  std::uint64_t epoch = 0;
  Phase phase = Phase::kLoss;
  std::optional<std::string> tensor;
  std::optional<std::uint64_t> index;  // within the tensor, row-major
  std::uint64_t nan = 0;
  std::uint64_t positive_inf = 0;
  std::uint64_t negative_inf = 0;
  double norm = 0;
  std::optional<double> last_finite_norm;
  std::optional<double> running_median;  // of spikes
  Action action = Action::kContinued;
  EventHistory before = {};
  std::optional<GateNumbers> gate_norms = std::nullopt;  // of a gated cell's spikes

  template <typename Archive>
  void archive(Archive& archive) {
    archive(kind, step, epoch, phase, tensor, index, nan, positive_inf, negative_inf, norm,
            last_finite_norm, running_median, action, before, gate_norms);
  }
};

// The spectral radius of each gate's recurrent weights in one layer; NaN where it has none, since
// an element is not finite.
struct LayerRadii {
  std::string tensor;
  GateNumbers radii;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(tensor, radii);
  }
};

struct EpochRecord {
  std::uint64_t epoch = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  double test_loss = 0;
  double test_accuracy = 0;
  double clipped_share = 0;
  // Mean over the steps of finite norm, empty if there was none; nothing for cells without gates.
  std::optional<GateNumbers> gate_norms = std::nullopt;
  // Empty where there are too many units for it; nothing in runs of an earlier version.
  std::optional<std::vector<LayerRadii>> spectral_radius = std::nullopt;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(epoch, train_loss, train_accuracy, test_loss, test_accuracy, clipped_share, gate_norms,
            spectral_radius);
  }
};

struct NormQuantiles {
  double median = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(median, p90, p99, max);
  }
};

struct RunTotals {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  std::uint64_t skipped_steps = 0;
  std::uint64_t nonfinite_steps = 0;
  std::uint64_t spikes = 0;
  std::optional<NormQuantiles> grad_norm_raw;  // of the finite norms; nothing if there is none
  std::optional<double> mean_cosine = std::nullopt;  // over the steps on which clipping acted
  WhatIfCounts what_if = {};

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, clipped_steps, skipped_steps, nonfinite_steps, spikes, grad_norm_raw,
            mean_cosine, what_if);
  }
};

enum class Outcome { kCompleted, kDiverged, kFailed, kInterrupted };

const char* to_text(Outcome outcome);
const char* to_text(EventKind kind);
const char* to_text(Phase phase);
const char* to_text(Action action);

// Everything in run.json.
struct RunRecord {
  RunSpec spec;
  Json settings;
  Outcome outcome = Outcome::kCompleted;
  std::optional<std::string> reason;
  std::vector<EpochRecord> epochs;
  // Of a task that can be solved: after how many steps an evaluation said so, if one did.
  std::optional<std::uint64_t> solved_at_step;
  std::vector<Event> events;
  std::vector<std::string> tensor_names;  // of the steps before the events
  RunTotals totals;
  std::string engine;
  std::string simd;
  std::string initial_weights_sha256;
  std::string batch_order_sha256;  // empty where it was not computed: interrupted runs
  std::string final_weights_sha256;
  std::string wall_started;
  double wall_seconds = 0;
};

// Whether it completed or diverged: it is done, and enters the comparison.
bool reached_outcome(const RunRecord& record);

// `fused, avx512`: engine and instruction set, on which a run's last digits depend.
std::string engine_description(const std::string& engine, const std::string& simd);

Json to_json(const RunRecord& record);

// Throws DataError that names the key.
RunRecord run_record_from_json(const Json& json);

}  // namespace clipsweep

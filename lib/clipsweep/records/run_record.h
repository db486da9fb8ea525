// Everything in run.json, as plain data, to JSON and back. results/README.md says what each key
// means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/name_table.h"
#include "clipsweep/clipping/what_if.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/linear_fit.h"
#include "clipsweep/probing/probe_record.h"
#include "clipsweep/records/event_record.h"
#include "clipsweep/records/gate_numbers.h"

namespace clipsweep {

inline constexpr const char* kRunSchema = "clipsweep/run-1";

// The mean loss and the share of correct predictions over a set of samples.
struct Evaluation {
  double loss = 0;
  double accuracy = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(loss, accuracy);
  }
};

struct EpochRecord {
  std::uint64_t epoch = 0;
  double train_loss = 0;
  double train_accuracy = 0;
  double test_loss = 0;
  double test_accuracy = 0;
  double clipped_share = 0;
  // Mean over the steps with a finite norm; empty if there was none, nullopt for cells without
  // gates.
  std::optional<GateNumbers> gate_norms = std::nullopt;
  // Empty if the model has too many units for it, nullopt in runs of earlier versions.
  std::optional<std::vector<LayerRadii>> spectral_radius = std::nullopt;
  // On the validation set; nullopt without one.
  std::optional<Evaluation> validation = std::nullopt;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(epoch, train_loss, train_accuracy, test_loss, test_accuracy, clipped_share, gate_norms,
            spectral_radius, validation);
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

// Of the norm of the update divided by that of the weights before it.
struct UpdateRatio {
  double median = 0;
  double max = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(median, max);
  }
};

// Nothing if the step has no update, or one that is not finite.
std::optional<double> update_ratio(const StepRecord& step);
// Nothing for an empty list.
std::optional<UpdateRatio> summary_of_ratios(std::vector<double> ratios);

struct RunTotals {
  std::uint64_t steps = 0;
  std::uint64_t clipped_steps = 0;
  std::uint64_t skipped_steps = 0;
  std::uint64_t nonfinite_steps = 0;
  std::uint64_t spikes = 0;
  std::optional<NormQuantiles> grad_norm_raw;  // of the finite norms; nullopt if there is none
  std::optional<double> mean_cosine = std::nullopt;  // over the steps on which clipping acted
  WhatIfCounts what_if = {};
  // Skipped steps at the end of the run, after its last update. Nothing in runs of earlier versions
  // that skipped some steps but not all.
  std::optional<std::uint64_t> trailing_skipped_steps = std::nullopt;
  // Over the updates that are finite; nothing if there is none, and in runs of earlier versions.
  std::optional<UpdateRatio> update_ratio = std::nullopt;
  LinearFit smoothness = {};  // log10 of the smoothness by log10 of the gradient norm

  template <typename Archive>
  void archive(Archive& archive) {
    archive(steps, clipped_steps, skipped_steps, nonfinite_steps, spikes, grad_norm_raw,
            mean_cosine, what_if, trailing_skipped_steps, update_ratio, smoothness);
  }
};

// Adds a step to that fit, unless it was not measured or has no logarithm.
void add_smoothness(const StepRecord& step, LinearFit& fit);

enum class Outcome { kCompleted, kDiverged, kFailed, kInterrupted };
inline constexpr NameTable<Outcome, 4> kOutcomes = {{{Outcome::kCompleted, "completed"},
                                                     {Outcome::kDiverged, "diverged"},
                                                     {Outcome::kFailed, "failed"},
                                                     {Outcome::kInterrupted, "interrupted"}}};
const char* to_text(Outcome outcome);

struct RunRecord {
  RunSpec spec;
  Json settings;
  Outcome outcome = Outcome::kCompleted;
  std::optional<std::string> reason;
  std::vector<EpochRecord> epochs;
  // Only of tasks that can be solved: the step of the first evaluation that found it solved.
  std::optional<std::uint64_t> solved_at_step;
  std::vector<Event> events;
  std::vector<std::string> tensor_names;  // of the steps before the events
  RunTotals totals;
  std::vector<ProbeRecord> probes;  // ascending by step
  std::string engine;
  std::string simd;
  std::string initial_weights_sha256;
  std::string batch_order_sha256;  // empty in interrupted runs, which do not compute it
  std::string final_weights_sha256;
  // Of the bytes of steps.jsonl, through_time.jsonl and weights.npz. Empty in runs of earlier
  // versions; the last two also where there is no such file.
  std::string steps_sha256;
  std::string through_time_sha256;
  std::string weights_file_sha256;
  std::string wall_started;
  double wall_seconds = 0;
};

// Whether the run completed or diverged: it is done, and enters the comparison.
bool reached_outcome(const RunRecord& record);

// A completed run that skipped all its last steps, at least this many or half of all, is stalled:
// it stopped learning as a diverged run does, and counts as one in every comparison.
inline constexpr std::uint64_t kMinSkippedOfStalled = 20;
bool is_stalled(const RunRecord& record);

// Whether the run diverged or is stalled.
bool counts_as_diverged(const RunRecord& record);

// `fused, avx512`: engine and instruction set, which decide a run's last digits.
std::string engine_description(const std::string& engine, const std::string& simd);

Json to_json(const RunRecord& record);

// The SHA-256 of everything in a run.json but what two equal runs differ in: of the object as one
// line, without its members `wall_...` and without `sha256.record`, which is this hash.
std::string record_sha256(Json run);

// Throws DataError that names the key.
RunRecord run_record_from_json(const Json& json);

}  // namespace clipsweep

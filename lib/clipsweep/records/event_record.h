// What happened to a run at a step, such as a NaN or a spike, with the steps before it; to JSON and
// back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/base/name_table.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/gate_numbers.h"
#include "clipsweep/records/step_record.h"

namespace clipsweep {

// A spike is a raw norm above `kSpikeFactor` times the median of the last `kSpikeWindow` finite
// ones, or of as many as there are.
inline constexpr double kSpikeFactor = 10;
inline constexpr std::size_t kSpikeWindow = 100;

enum class EventKind { kNan, kInf, kNormOverflow, kSpike };
enum class Phase { kLoss, kGradient, kUpdate, kWeights };
enum class Action { kStopped, kSkipped, kContinued };

inline constexpr NameTable<EventKind, 4> kEventKinds = {
    {{EventKind::kNan, "nan"},
     {EventKind::kInf, "inf"},
     {EventKind::kNormOverflow, "norm-overflow"},
     {EventKind::kSpike, "spike"}}};
inline constexpr NameTable<Phase, 4> kPhases = {{{Phase::kLoss, "loss"},
                                                 {Phase::kGradient, "gradient"},
                                                 {Phase::kUpdate, "update"},
                                                 {Phase::kWeights, "weights"}}};
inline constexpr NameTable<Action, 3> kActions = {{{Action::kStopped, "stopped"},
                                                   {Action::kSkipped, "skipped"},
                                                   {Action::kContinued, "continued"}}};

const char* to_text(EventKind kind);
const char* to_text(Phase phase);
const char* to_text(Action action);

inline bool is_nonfinite(EventKind kind) {
  return kind == EventKind::kNan || kind == EventKind::kInf;
}

// The up to 20 steps before an event.
struct EventHistory {
  std::vector<StepRecord> steps;  // in order, the last one is the step before the event
  std::uint64_t shared = 0;       // how many before these are in an earlier event
  std::uint64_t left_out = 0;     // how many are in no event: the run had too many events

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
  std::optional<double> running_median;  // only of spikes
  Action action = Action::kContinued;
  EventHistory before = {};
  std::optional<GateNumbers> gate_norms = std::nullopt;  // only of spikes, of gated cells

  template <typename Archive>
  void archive(Archive& archive) {
    archive(kind, step, epoch, phase, tensor, index, nan, positive_inf, negative_inf, norm,
            last_finite_norm, running_median, action, before, gate_norms);
  }
};

// `tensor_names`: of the steps before the event.
Json to_json(const Event& event, const std::vector<std::string>& tensor_names);

// Takes `tensor_names` from the first step of a run's events if they are empty; all further steps
// must have the same. Throws DataError that names the key.
Event event_from_json(const Json& json, std::vector<std::string>& tensor_names);

}  // namespace clipsweep

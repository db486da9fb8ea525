#include "clipsweep/training/resumption.h"

#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/training/run_trainer.h"

namespace clipsweep {
namespace {

// Why the run cannot resume from this state; empty if it can.
std::string problem_of(const RunState& state, const RunSpec& run,
                       const ResumptionContext& context) {
  if (state.engine != context.engine)
    return fmt::format("its checkpoint was written by another engine ({}, now {})",
                       printable(state.engine), context.engine);
  if (!has_logs_of(context.folder, state))
    return "its logs are not those that its checkpoint was saved with";
  if (!is_state_of(state, run, context.plan, context.layout))
    return "the checkpoint does not belong to this run";
  return "";
}

// The newest state that the run can resume from. Nothing if it must restart, which is said unless
// it has no state at all.
std::optional<RunState> usable_state(std::vector<RunState> states, const RunSpec& run,
                                     const ResumptionContext& context) {
  std::string problem_of_newest;
  for (auto& state : states) {
    const std::string problem = problem_of(state, run, context);
    if (problem.empty()) return std::move(state);
    if (problem_of_newest.empty()) problem_of_newest = problem;
  }
  context.warn(fmt::format("warning: restarting {} from scratch: {}", run.id, problem_of_newest));
  return std::nullopt;
}

}  // namespace

std::vector<RunStart> from_the_beginning(const std::vector<const RunSpec*>& runs) {
  std::vector<RunStart> starts;
  for (const auto* run : runs) starts.push_back({run});
  return starts;
}

StartingPoint starting_point(const RunStart& start) {
  return start.state ? StartingPoint{start.state->step, start.state->epochs} : StartingPoint{0, 0};
}

const RunState* state_of(const RunSpec& spec, const std::vector<RunStart>& starts) {
  for (const auto& start : starts)
    if (start.spec == &spec && start.state) return &*start.state;
  return nullptr;
}

bool is_state_of(const RunState& state, const RunSpec& spec, const TrainingPlan& plan,
                 const ParameterLayout& layout) {
  std::vector<float> weights(layout.size());
  try {
    RunTrainer(plan, spec, layout, {}).restore(state, weights);
  } catch (const DataError&) {
    return false;
  }
  return true;
}

std::vector<RunStart> starts_of(const std::vector<const RunSpec*>& runs,
                                const std::set<std::string>& restarted,
                                const ResumptionContext& context) {
  std::vector<std::string> ids;
  for (const auto* run : runs) ids.push_back(run->id);
  auto states = states_by_run(context.folder, ids, context.warn);
  std::vector<RunStart> starts;
  for (const auto* run : runs) {
    starts.push_back({run});
    const auto state = states.find(run->id);
    if (state == states.end()) continue;
    if (restarted.count(run->id) == 0)
      starts.back().state = usable_state(std::move(state->second), *run, context);
    if (!starts.back().state) forget_states(context.folder, run->id, context.warn);
  }
  return starts;
}

}  // namespace clipsweep

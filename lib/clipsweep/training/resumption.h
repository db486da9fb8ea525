// Where the runs of a cohort start: from the beginning, or from a checkpoint that was checked to be
// theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/files.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/records/checkpoint.h"

namespace clipsweep {

// A run and the state it resumes from; without a state it starts from the beginning.
struct RunStart {
  const RunSpec* spec = nullptr;
  std::optional<RunState> state = std::nullopt;
};

std::vector<RunStart> from_the_beginning(const std::vector<const RunSpec*>& runs);

// (steps taken, epochs evaluated). All runs of a cohort start from the same point.
using StartingPoint = std::pair<std::uint64_t, std::uint64_t>;
StartingPoint starting_point(const RunStart& start);

// The state that this run resumes from; null if it starts from the beginning.
const RunState* state_of(const RunSpec& spec, const std::vector<RunStart>& starts);

// What decides whether a run can resume. The references must outlive it.
struct ResumptionContext {
  const TrainingPlan& plan;
  const ParameterLayout& layout;
  const fs::path& folder;
  std::string engine;  // with its instruction set, as engine_description makes it
  Warn warn;           // gets one line for each run that restarts although it has a checkpoint
};

// Whether the state is one of a run with these settings.
bool is_state_of(const RunState& state, const RunSpec& spec, const TrainingPlan& plan,
                 const ParameterLayout& layout);

// Each run from its newest valid state in the folder's checkpoints, if there is one. `restarted`
// has the IDs of runs that start from the beginning anyway. States that are not used are removed
// from the checkpoints.
std::vector<RunStart> starts_of(const std::vector<const RunSpec*>& runs,
                                const std::set<std::string>& restarted,
                                const ResumptionContext& context);

}  // namespace clipsweep

// sweep.json: the plan of a sweep and its provenance; and whether a folder holds the same sweep.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/data_checksum.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/tasks/chance_level.h"
#include "clipsweep/tasks/make_task.h"

namespace clipsweep {

// How the results of a sweep were made. The keys of `software` and `machine` are free.
struct Provenance {
  Json software;
  Json machine;
  std::vector<std::string> command;
  std::string wall_started;
};

// The keys of sweep.json that say so.
Json to_json(const Provenance& provenance);

// The data of one setup, and the chance levels of its test and, if there is one, validation set.
struct SetupData {
  Setup setup;
  DataChecksum data;
  ChanceLevel chance;
  std::optional<ChanceLevel> validation;
};

// That of each combination of training settings, in the order of the plan.
std::vector<SetupData> data_of_setups(const SweepPlan& plan, const SweepTasks& tasks,
                                      const DataChecksums& data);

// data: one entry for each combination of training settings.
Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan,
                const std::vector<SetupData>& data, const Provenance& provenance);
// The same for a sweep in which no training setting varies.
Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan, const DataChecksum& data,
                const ChanceLevel& chance, const Provenance& provenance,
                const std::optional<ChanceLevel>& validation = {});

// A sweep.json without the members `software`, `machine`, `command`, `calls` and `wall_...`, and
// without `sha256`.
Json without_provenance(Json sweep);

// Its SHA-256, of the object as one line: what the member `sha256` has.
std::string sweep_sha256(const Json& sweep);

// The first setting that decides numbers or logs and differs between two sweep.json, or that their
// data differ: `its hidden is 10, not 20`. Empty if nothing does. A setting that may be a list
// differs if the two have no value in common.
std::string first_difference(const Json& first, const Json& second);

// The keys of the training settings that vary in a sweep.json.
std::vector<std::string> axis_keys(const Json& sweep);

// Adds to a sweep.json what another of the same sweep has and it lacks: values of training settings
// that vary, and setups. Runs without a setting that varies in the other get its value.
void unite_axes(Json& sweep, const Json& other);

// Throws ConfigError unless the folder is new, empty or holds a sweep: logs are never mixed with
// the user's files.
void check_ownership(const fs::path& folder);

// Writes sweep.json with its hash.
void write_sweep(const fs::path& folder, Json sweep);

// Earlier versions identified data by the files as they are stored. If the folder holds a sweep of
// this data that does so, returns the data with that checksum: its runs keep their IDs.
DataChecksum named_as_in(const fs::path& folder, DataChecksum data);

// The settings for a sweep in this folder: a training setting that varies in the folder's sweep is
// an axis here, too, if only of one value. Then the IDs of new runs name it.
ExperimentConfig with_axes_of(const fs::path& folder, ExperimentConfig config);

// Gives each run of the plan that the folder has under a shorter ID, from before some settings
// varied, that ID.
void adopt_ids_of(const fs::path& folder, SweepPlan& plan);

// A folder that is ready for a sweep, and what became of the runs that its plan no longer has.
struct PreparedFolder {
  SweepFolder sweep;
  std::vector<std::string> dropped;  // IDs: planned before, not finished, not in this plan
  std::size_t kept = 0;      // finished runs that are not in this plan and stay in the sweep
  std::string lock_problem;  // why the file system cannot lock files; empty if it can

  FileLocks locks() const {
    return lock_problem.empty() ? FileLocks::kSupported : FileLocks::kMissing;
  }
};

// Prepares the folder of a sweep: creates it, or checks that it holds this sweep, and writes
// sweep.json if it is new or its runs change. A plan may add runs to that of the folder, and it may
// lack some: finished ones stay in the sweep, others are dropped from the plan, and their logs
// stay. Throws ConfigError if the folder cannot be used: it is not writable, a file, or holds
// something else or another sweep, with other settings or without any run of this plan. Other
// processes may call this at the same time.
PreparedFolder prepare_sweep_folder(const fs::path& folder, const Json& sweep);

// The sweep that a folder already holds, if this plan can be trained in the folder; nothing if the
// folder is new or empty. Writes nothing. Throws ConfigError like prepare_sweep_folder.
std::optional<SweepFolder> find_sweep(const fs::path& folder, const ExperimentConfig& config,
                                      const SweepPlan& plan, const DataChecksum& data);

// Adds the provenance of one call of the program to sweep.json.
void record_call(const fs::path& folder, const Json& call);

}  // namespace clipsweep

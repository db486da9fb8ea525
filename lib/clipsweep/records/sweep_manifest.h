// sweep.json: the plan of a sweep and its provenance; and whether a folder holds the same sweep.
#pragma once

#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/data_checksum.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/tasks/chance_level.h"

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

Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan, const DataChecksum& data,
                const ChanceLevel& chance, const Provenance& provenance);

// Prepares the folder of a sweep: creates it, or checks that it holds this sweep or a part of it,
// and writes sweep.json if it is new or runs were added. Throws ConfigError if the folder cannot be
// used: it is not writable, a file, or holds something else or another sweep. Other processes may
// call this at the same time.
SweepFolder prepare_sweep_folder(const fs::path& folder, const Json& sweep);

// Adds the provenance of one call of the program to sweep.json.
void record_call(const fs::path& folder, const Json& call);

}  // namespace clipsweep

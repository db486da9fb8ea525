// sweep.json: what a sweep is and how it came about; and whether a folder holds the same sweep.
#pragma once

#include <string>

#include "clipsweep/experiment/experiment_config.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/io/data_checksum.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

// What sweep.json says beside the plan. The keys of `software` and `machine` are free.
struct Provenance {
  Json software;
  Json machine;
  std::vector<std::string> command;
  std::string wall_started;
};

// As `sweep.json` keeps them.
Json to_json(const Provenance& provenance);

Json sweep_json(const ExperimentConfig& config, const SweepPlan& plan, const DataChecksum& data,
                const Provenance& provenance);

// Makes ready the folder of a sweep: makes it, or checks that it holds this sweep or a part of it,
// and writes sweep.json if it is new or runs were added. Throws ConfigError if the folder cannot be
// used: not writable, a file, somebody else's, or one that holds another sweep. Another process may
// do the same at the same time.
SweepFolder prepare_sweep_folder(const fs::path& folder, const Json& sweep);

// Adds what one call of the program did to sweep.json.
void record_call(const fs::path& folder, const Json& call);

}  // namespace clipsweep

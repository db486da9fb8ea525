// A summary as JSON, and the files that a folder's runs give: summary.json and runs.csv.
#pragma once

#include <string>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

Json to_json(const Summary& summary);

// The content of summary.json.
std::string summary_page(const Summary& summary);

// What a sweep's settings say about its metrics.
MetricBasis metric_basis_of(const SweepFolder& sweep);

// Reads the runs of a sweep; a damaged one is named and left out.
SweepRuns read_runs(const SweepFolder& sweep);

// Reads the runs of a sweep and writes its runs.csv and summary.json anew. Throws StorageError
// where it cannot write.
Summary rebuild_summary(const SweepFolder& sweep);

}  // namespace clipsweep

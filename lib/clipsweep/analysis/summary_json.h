// A summary as JSON, and the files made from a folder's runs: summary.json and runs.csv.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "clipsweep/analysis/summary.h"
#include "clipsweep/io/json.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {

Json to_json(const Summary& summary);

// The content of summary.json.
std::string summary_page(const Summary& summary);

// The same as the version that wrote `content` would write it. Versions that judged the final
// accuracy had other statistics and fewer members: what they wrote about differences is taken from
// `content`.
std::string summary_page_like(std::string_view content, const Summary& summary);

// The basis that the version that wrote `content`, a summary.json, used: earlier ones did not count
// chance accuracy on the test set.
MetricBasis metric_basis_like(std::string_view content, MetricBasis basis);

// The settings of a sweep that its metrics depend on; those of its first setup if they vary.
MetricBasis metric_basis_of(const SweepFolder& sweep);
// Those of each setup, by VariedSettings::slug; empty if no training setting varies.
std::map<std::string, MetricBasis> setup_bases_of(const SweepFolder& sweep);

// Reads the runs of a sweep. Damaged runs are listed and left out.
SweepRuns read_runs(const SweepFolder& sweep);

// Reads the runs of a sweep and rewrites its runs.csv and summary.json. Throws StorageError if it
// cannot write.
Summary rebuild_summary(const SweepFolder& sweep);

}  // namespace clipsweep

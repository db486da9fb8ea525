// The commands that train nothing and load no LibTorch. Only `summarize`, `report` and `merge`
// write, their own files. Each prints data to stdout, messages to stderr, and returns the exit
// code.
#pragma once

#include "command_line.h"

namespace clipsweep {

// Prints the runs of a sweep, where each setting comes from, and an estimate of time and disk. The
// arguments are those of the process: clipsweep-train measures the speed with them if that needs
// LibTorch.
int run_plan(const PlanCommand& command, const std::vector<std::string>& arguments);

// Prints the runs of a sweep, one run, or events. Returns 3 if a run.json is damaged; the other
// runs are still printed.
int run_show(const ShowCommand& command);

// Rebuilds runs.csv and summary.json and prints the comparison.
int run_summarize(const SummarizeCommand& command);

// Makes one result folder from several of the same sweep and prints the comparison. Returns 3 if
// two folders have one run with different results, or runs are damaged; the others are merged.
int run_merge(const MergeCommand& command);

// Becomes plot.py, which draws the figures and the report. Throws ConfigError if plot.py or Python
// is missing.
int run_report(const ReportCommand& command);

// Prints what is wrong with a result folder, and where. Returns 3 if anything is.
int run_validate(const ValidateCommand& command);

// Applies one mode to gradients given as JSON and prints the result.
int run_clip(const ClipCommand& command);

// Prints what a log of gradient norms says about thresholds.
int run_advise(const AdviseCommand& command);

// Prints a preset as a sweep file, or lists all presets.
int run_preset(const PresetCommand& command);

// Prints the JSON Schema of one kind of file, or lists all kinds.
int run_schema(const SchemaCommand& command);

}  // namespace clipsweep

// The commands that train nothing: each prints data on stdout, says the rest on stderr, and returns
// the exit code. None of them loads LibTorch.
#pragma once

#include <string>

namespace clipsweep {

struct ShowOptions {
  std::string folder;
  std::string run;  // what find_run takes; empty: all runs
  bool events = false;
  bool json = false;
};

// Prints the runs of a sweep, one run, or events. 3 if a run.json is damaged: the others are shown.
int show(const ShowOptions& options);

struct SummarizeOptions {
  std::string folder;
  bool json = false;
};

// Rebuilds runs.csv and summary.json and prints the comparison.
int summarize(const SummarizeOptions& options);

struct ValidateOptions {
  std::string folder;
};

// Prints what is wrong with a result folder and where. 3 if anything is.
int validate(const ValidateOptions& options);

struct ClipCommandOptions {
  std::string file;  // empty or `-`: standard input
};

// Applies one mode to gradients given as JSON and prints the answer.
int clip(const ClipCommandOptions& options);

struct PresetOptions {
  std::string name;  // empty: all of them
};

// Prints a preset as it may be saved and changed, or names them all.
int show_preset(const PresetOptions& options);

}  // namespace clipsweep

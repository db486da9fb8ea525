#include "targets.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace clipsweep {
namespace {

struct Entry {
  std::string_view name;
  FuzzTarget target;
};

constexpr Entry kTargets[] = {
    {"checkpoint", fuzz_checkpoint},
    {"clip_request", fuzz_clip_request},
    {"idx", fuzz_idx},
    {"idx_gzip", fuzz_idx_gzip},
    {"json", fuzz_json},
    {"list", fuzz_list},
    {"norm_log", fuzz_norm_log},
    {"npy", fuzz_npy},
    {"npz", fuzz_npz},
    {"run_json", fuzz_run_json},
    {"step_log", fuzz_step_log},
    {"step_log_gzip", fuzz_step_log_gzip},
    {"sweep_file", fuzz_sweep_file},
    {"sweep_json", fuzz_sweep_json},
    {"text", fuzz_text},
    {"time_series", fuzz_time_series},
};

}  // namespace

FuzzTarget target_of(std::string_view program) {
  constexpr std::string_view kPrefix = "fuzz_";
  std::string_view name = program.substr(program.rfind('/') + 1);
  if (name.substr(0, kPrefix.size()) == kPrefix) name.remove_prefix(kPrefix.size());
  std::string known;
  for (const Entry& entry : kTargets) {
    if (entry.name == name) return entry.target;
    known += fmt::format(" fuzz_{}", entry.name);
  }
  fmt::print(stderr, "{}: not the name of a fuzz target; call one of the links to it:{}\n", program,
             known);
  std::exit(2);
}

}  // namespace clipsweep

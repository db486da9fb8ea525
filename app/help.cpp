#include "help.h"

#include <fmt/format.h>

#include <sstream>

#include "clipsweep/experiment/setting_table.h"

namespace clipsweep {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 26;

// "  --flag VALUE          words, wrapped and indented"
std::string entry(const std::string& name, const std::string& words) {
  std::string text = fmt::format("  {:<{}}", name, kIndent - 2);
  std::size_t column = kIndent;
  if (name.size() + 3 > kIndent) {
    text += fmt::format("\n{:{}}", "", kIndent);
  }
  std::istringstream stream(words);
  std::string word;
  for (bool first = true; stream >> word; first = false) {
    if (!first && column + 1 + word.size() > kWidth) {
      text += fmt::format("\n{:{}}", "", kIndent);
      column = kIndent;
    } else if (!first) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
  }
  return text + "\n";
}

std::string settings_of(SettingGroup group) {
  const ExperimentConfig defaults;
  std::string text;
  for (const auto& setting : setting_table()) {
    if (setting.group != group) continue;
    const Json value = setting.value(defaults);
    const bool has_default =
        !value.is_null() && !value.is_boolean() && !(value.is_array() && value.empty());
    const Json& shown = value.is_array() && value.size() == 1 ? value.front() : value;
    const std::string of_default =
        has_default
            ? fmt::format(" [{}]", shown.is_string() ? shown.get<std::string>() : shown.dump())
            : "";
    const std::string value_name =
        setting.value_name.empty() ? "" : fmt::format(" {}", setting.value_name);
    text += entry("--" + setting.flag + value_name, setting.help + of_default);
  }
  return text;
}

const char* const kOverview =
    R"(clipsweep sweeps gradient clipping over many training runs of a recurrent
network and answers: does it help, which mode, which threshold, how sure are we?

Usage: clipsweep COMMAND ...

Train:
  sweep [SWEEP.toml] [options] --out DIR
                          train every run; the same command again resumes
  trace [SWEEP.toml] [options] --run ID --steps N
                          one run's initial weights, samples and steps as JSON,
                          to replay it in another framework
  bench                   the engines against torch::nn::LSTM on this machine

Look:
  plan [SWEEP.toml] [options]
                          the runs, with an estimate of time and disk
  show DIR [RUN]          the runs of a sweep, one run, or its events
  summarize DIR           rebuild runs.csv and summary.json, print the
                          comparison
  validate DIR            check every log; say what is wrong and where
  clip [FILE|-]           apply one mode to gradients given as JSON
  preset [NAME]           the sweeps that ship with the program, or one of them

  --version               print the version
  -h, --help              print this; clipsweep sweep --help a command's help

Exit codes: 0 every run reached an outcome (diverged is one), 1 a run failed,
2 usage or configuration, 3 invalid data or logs, 75 stopped early (the same
command continues), 130 interrupted.
)";

std::string sweep_options() {
  return fmt::format(
      "{}\nThe grid (a LIST is 0.1,0.5,1 or logspace(1e-3,1,4)):\n{}"
      "  With neither --mode nor --clip the grid is none,value:0.5. Equal runs appear\n"
      "  once. The threshold of autoclip is a percentile from 0 to 100.\n"
      "\nSingle modes (refused where no listed mode knows them):\n{}"
      "\nEvery run:\n{}"
      "\nData and execution:\n{}"
      "\nEach option is also a key of SWEEP.toml, with _ for -; a flag wins.\n"
      "The environment variable CLIPSWEEP_SIMD names the fused engine's instruction\n"
      "set (avx512, avx2, sse4, scalar); by default it is the best of the machine's.\n",
      entry("--preset NAME",
            "A sweep that ships with the program, in place of SWEEP.toml; see "
            "clipsweep preset"),
      settings_of(SettingGroup::kGrid), settings_of(SettingGroup::kClipping),
      settings_of(SettingGroup::kTraining), settings_of(SettingGroup::kExecution));
}

std::string sweep_help() {
  return "Usage: clipsweep sweep [SWEEP.toml] [options] --out DIR\n\n"
         "Trains every run of the grid and writes logs and comparison to DIR. Runs that\n"
         "have ended in DIR are not trained again; interrupted and failed ones start over.\n\n" +
         entry("--out DIR", "Folder to write to; made if it is not there") +
         entry("-q, --quiet", "No progress line") +
         entry("-v, --verbose", "A line for each run that ends") + sweep_options();
}

std::string plan_help() {
  return "Usage: clipsweep plan [SWEEP.toml] [options]\n\n"
         "Prints the runs, where each setting comes from, and an estimate of time and\n"
         "disk. Trains nothing.\n\n" +
         entry("--json", "Print JSON") + sweep_options();
}

std::string trace_help() {
  return "Usage: clipsweep trace [SWEEP.toml] [options] --run ID --steps N\n\n"
         "Prints the initial weights, the sample indices and the step records of one run\n"
         "as JSON.\n\n" +
         entry("--run ID", "A run of the plan, its 8 hex digits, or the beginning of its ID") +
         entry("--steps N", "How many steps [10]") + sweep_options();
}

std::string clip_help() {
  std::string modes;
  for (const auto& mode : clip_modes())
    if (mode.mode != ClipMode::kBackprop) modes += entry(mode.name, mode.summary);
  return "Usage: clipsweep clip [FILE|-]\n\n"
         "Reads one JSON object from FILE or standard input, applies one clipping mode to\n"
         "its gradients and prints what came of it:\n\n"
         "  {\"mode\": \"global-norm\", \"threshold\": 1, \"gradients\": {\"a\": [3, 4]}}\n\n" +
         entry("mode, threshold", "As in --clip") +
         entry("gradients",
               "Named tensors: numbers in nested lists, null for none; \"NaN\", "
               "\"Infinity\" and \"-Infinity\" are numbers") +
         entry("steps",
               "Instead of gradients: a list of {\"gradients\": ...}, one after the "
               "other, for the modes that remember") +
         entry("parameters", "The weights, for agc") +
         entry("dtype", "float32 or float64 [float32]") +
         entry("output_threshold", "The limit of tensors whose names begin with output.") +
         entry("seed", "Of random-step's directions [0]") +
         "  norm_type, clip_epsilon, agc_output, zclip_... and adagc_... are as in\n"
         "  clipsweep sweep --help.\n\nModes:\n" +
         modes;
}

}  // namespace

std::string help_text(const std::string& command) {
  if (command == "sweep") return sweep_help();
  if (command == "plan") return plan_help();
  if (command == "trace") return trace_help();
  if (command == "show")
    return "Usage: clipsweep show DIR [RUN] [--events] [--json]\n\n"
           "The runs of a sweep; or one run; or the events of all runs or of one.\n\n" +
           entry("RUN", "A run's ID, its 8 hex digits, or the beginning of its ID") +
           entry("--events", "NaN, Inf, norm overflows and spikes, in words") +
           entry("--json", "Print JSON");
  if (command == "summarize")
    return "Usage: clipsweep summarize DIR [--json]\n\n"
           "Rebuilds runs.csv and summary.json from the runs and prints the comparison of\n"
           "each arm with its baseline.\n\n" +
           entry("--json", "Print summary.json instead");
  if (command == "validate")
    return "Usage: clipsweep validate DIR\n\n"
           "Checks every log against its schema and against the others, and says what is\n"
           "wrong in which file and line. Exit code 3 if anything is.\n";
  if (command == "clip") return clip_help();
  if (command == "preset")
    return "Usage: clipsweep preset [NAME]\n\n"
           "Prints a sweep file that ships with the program, for --preset NAME or to be\n"
           "saved and changed; without NAME, says which there are.\n";
  if (command == "bench")
    return "Usage: clipsweep bench [--data DIR] [--quick] [--json]\n\n"
           "Measures on this machine, in some minutes: run-steps per second of a loop over\n"
           "torch::nn::LSTM and of the engines, for several sizes and cohorts, and how close\n"
           "they come to the floor that one core's arithmetic sets; then whole sweeps, one\n"
           "whole run, and memory. Leave the machine alone meanwhile.\n\n" +
           entry("--data DIR", "Folder with the IDX files") +
           entry("--quick", "Once and for two sizes only, in a minute: a first impression") +
           entry("--json", "Print JSON");
  return kOverview;
}

}  // namespace clipsweep

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
  const bool is_long = name.size() + 4 > kIndent;
  std::string text = is_long ? fmt::format("  {}\n{:{}}", name, "", kIndent)
                             : fmt::format("  {:<{}}", name, kIndent - 2);
  std::size_t column = kIndent;
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

// The default of a setting as it would be typed: seeds as a count.
std::string default_of(const Setting& setting, const Json& value) {
  if (setting.key == "seeds") return std::to_string(value.size());
  const Json& shown = value.is_array() && value.size() == 1 ? value.front() : value;
  return shown.is_string() ? shown.get<std::string>() : shown.dump();
}

std::string settings_of(SettingGroup group) {
  const ExperimentConfig defaults;
  std::string text;
  for (const auto& setting : setting_table()) {
    if (setting.group != group) continue;
    const Json value = setting.value(defaults);
    const bool has_default =
        !value.is_null() && !value.is_boolean() && !(value.is_array() && value.empty());
    const std::string default_text =
        has_default ? fmt::format(" [{}]", default_of(setting, value)) : "";
    const std::string value_name =
        setting.value_name.empty() ? "" : fmt::format(" {}", setting.value_name);
    text += entry("--" + setting.flag + value_name, setting.help + default_text);
  }
  return text;
}

const char* const kOverview =
    R"(clipsweep sweeps gradient clipping over many training runs of a recurrent
network and answers: does it help, which mode, which threshold, how sure are we?

Usage: clipsweep COMMAND ...

Train:
  sweep [SWEEP.toml] [options] --out DIR
                          train every run; rerun the same command to resume
  trace [SWEEP.toml] [options] --run ID --steps N
                          print one run's initial weights, samples and steps as
                          JSON, to replay it in another framework
  cliff DIR RUN           train a run again up to a step and compute the loss
                          around it, for a figure
  bench                   compare the speed of the engines with torch::nn::LSTM

Inspect:
  plan [SWEEP.toml] [options]
                          print the runs, with an estimate of time and disk
  show DIR [RUN]          print the runs of a sweep, one run, or its events
  summarize DIR           rebuild runs.csv and summary.json, print the
                          comparison
  merge DIR... --out DIR  make one result folder from several of the same sweep
  report DIR [options]    draw figures and write a report, with Python
  validate DIR            check every log; print what is wrong and where
  clip [FILE|-]           apply one mode to gradients given as JSON
  advise [FILE|-]         print what a log of gradient norms, from anybody's
                          training, says about thresholds
  preset [NAME]           list the sweeps that ship with the program; print one
  schema [KIND]           list the JSON Schemas of all files; print one

  help [COMMAND]          print this text (also -h, --help), or the help of a
                          command (also COMMAND --help)
  version                 print the version (also -V, --version)

Exit codes: 0 every run reached an outcome (diverged is one), 1 a run failed,
2 usage or configuration, 3 invalid data or logs, 75 stopped early (rerun the
same command to continue), 130 interrupted.
)";

std::string sweep_options() {
  return fmt::format(
      "{}\nThe grid (a LIST is 0.1,0.5,1 or logspace(1e-3,1,4); defaults are in brackets):\n{}"
      "  Without --mode and --clip the grid is none,value:0.5. Identical runs appear\n"
      "  once. The threshold of autoclip is a percentile from 0 to 100.\n"
      "\nMode-specific options (an error if no listed mode uses them):\n{}"
      "\nAll runs:\n{}"
      "\nData and execution:\n{}"
      "\nEach option is also a key of SWEEP.toml, with _ for -; flags override the file.\n"
      "The environment variable CLIPSWEEP_SIMD sets the fused engine's instruction set\n"
      "(avx512, avx2, sse4, scalar); the default is the best that the machine has.\n",
      entry("--preset NAME",
            "A sweep that ships with the program, instead of SWEEP.toml; see "
            "clipsweep preset"),
      settings_of(SettingGroup::kGrid), settings_of(SettingGroup::kClipping),
      settings_of(SettingGroup::kTraining),
      settings_of(SettingGroup::kExecution) + settings_of(SettingGroup::kProcess));
}

std::string sweep_help() {
  return "Usage: clipsweep sweep [SWEEP.toml] [options] --out DIR\n\n"
         "Trains every run of the grid and writes logs and comparison to DIR. Finished\n"
         "runs in DIR are kept; interrupted runs resume from their checkpoint, failed runs\n"
         "restart.\n\n" +
         entry("--out DIR", "Folder to write to; created if it does not exist") +
         entry("-q, --quiet", "Print no progress line") +
         entry("-v, --verbose", "Print a line when a run ends") + sweep_options();
}

std::string plan_help() {
  return "Usage: clipsweep plan [SWEEP.toml] [options] [--out DIR]\n\n"
         "Prints the settings that were given, the runs, an estimate of time and disk, and\n"
         "warnings of what would leave the sweep without an answer. Trains nothing.\n\n" +
         entry("--out DIR", "Folder of the sweep: count the runs that are complete in it") +
         entry("-v, --verbose", "Print all settings, those at their default as well") +
         entry("--json", "Print JSON") + sweep_options();
}

std::string trace_help() {
  return "Usage: clipsweep trace [SWEEP.toml] [options] --run ID --steps N\n\n"
         "Prints the initial weights, the sample indices and the step records of one run\n"
         "as JSON.\n\n" +
         entry("--run ID", "A run of the plan, its 8 hex digits, or the beginning of its ID") +
         entry("--steps N", "Number of steps [10]") + sweep_options();
}

std::string cliff_help() {
  return "Usage: clipsweep cliff DIR RUN [--step N] [--points K] [--span X]\n\n"
         "Trains a finished run again up to one step and computes the loss of its batch\n"
         "in a plane around the weights there: along the negative gradient, and along the\n"
         "part of the previous update that is orthogonal to it. Writes where the step\n"
         "lands, clipped and unclipped, and the losses to runs/ID/cliff_N.json, which\n"
         "clipsweep report draws.\n\n" +
         entry("RUN", "A run's ID, its 8 hex digits, or the beginning of its ID") +
         entry("--step N", "The step; the default is that of the run's largest spike") +
         entry("--points K", "Points along each axis of the plane [41]") +
         entry("--span X",
               "How far the plane reaches along the negative gradient, in lengths of the "
               "unclipped step [1.5]") +
         entry("--data PATH", "The data of the sweep, if they have been moved");
}

std::string merge_help() {
  return "Usage: clipsweep merge DIR... --out DIR\n\n"
         "Copies the finished runs of several result folders into one, rebuilds runs.csv\n"
         "and summary.json and prints the comparison. The sweeps must have the same\n"
         "settings and data; their runs may differ or overlap. Rerun the same command\n"
         "after an interruption, or when more runs have finished. If a run differs between\n"
         "folders, the first one stays and the exit code is 3.\n\n" +
         entry("--out DIR",
               "Folder to write to; created if it does not exist. It may hold the same sweep") +
         entry("-q, --quiet", "Print only the comparison and problems");
}

std::string report_help() {
  return "Usage: clipsweep report DIR [--figure NAME]... [options]\n"
         "       clipsweep report --list-figures\n\n"
         "Draws every figure (SVG and PNG) and writes report.html and report.md, all in\n"
         "DIR/report; prints the path of report.html. Needs Python 3.11 or newer with some\n"
         "packages; if one is missing, the message says how to install it.\n\n" +
         entry("--figure NAME",
               "Draw only this figure, without a report, and print its paths; may be repeated") +
         entry("--width INCHES",
               "Width of every figure, such as 3.3 for a column of a paper; the default is the "
               "width that the figure needs") +
         entry("--format LIST", "Formats of the figure files: svg, png, pdf [svg,png]") +
         entry("--no-title", "Leave out title and caption, for papers that have their own") +
         entry("--list-figures", "Print the names of all figures");
}

std::string clip_help() {
  std::string modes;
  for (const auto& mode : clip_modes())
    if (acts_on_gradient(mode.mode)) modes += entry(mode.name, mode.summary);
  return "Usage: clipsweep clip [FILE|-]\n\n"
         "Reads one JSON object from FILE or standard input, applies one clipping mode to\n"
         "its gradients and prints the result:\n\n"
         "  {\"mode\": \"global-norm\", \"threshold\": 1, \"gradients\": {\"a\": [3, 4]}}\n\n" +
         entry("mode, threshold", "As in --clip") +
         entry("gradients",
               "Named tensors: numbers in nested lists, null for no gradient; \"NaN\", "
               "\"Infinity\" and \"-Infinity\" are numbers") +
         entry("steps",
               "Instead of gradients: a list of {\"gradients\": ...}, in order, for the "
               "modes that depend on earlier steps") +
         entry("parameters", "The weights, for agc") +
         entry("dtype", "float32 or float64 [float32]") +
         entry("output_threshold", "The threshold of tensors whose names begin with output.") +
         entry("seed", "Seed of the directions of random-step [0]") +
         "  norm_type, clip_epsilon, agc_output, autoclip_window, median_window, zclip_...\n"
         "  and adagc_... are as in clipsweep sweep --help.\n\nModes:\n" +
         modes;
}

std::string advise_help() {
  return "Usage: clipsweep advise [FILE|-] [--column NAME] [--threshold LIST] [--json]\n\n"
         "Reads the gradient norms of a training from FILE or standard input and prints\n"
         "their percentiles, drift and spikes, what thresholds of global-norm would have\n"
         "done, and three thresholds to try. Norms are those before clipping, a step each:\n"
         "one number per line; CSV or TSV with a header; one JSON object per line; or\n"
         "trainer_state.json of Hugging Face. The content tells which it is.\n\n" +
         entry("--column NAME",
               "The column of the norms; the default is the one with a usual name, such as "
               "grad_norm or train/total_norm") +
         entry("--threshold LIST",
               "Thresholds of the table; the default is 1, 2, 5, 10 ... in the range of the "
               "norms") +
         entry("--json", "Print JSON");
}

}  // namespace

std::string help_text(const std::string& command) {
  if (command == "sweep") return sweep_help();
  if (command == "plan") return plan_help();
  if (command == "trace") return trace_help();
  if (command == "cliff") return cliff_help();
  if (command == "show")
    return "Usage: clipsweep show DIR [RUN] [--events] [--json]\n\n"
           "Prints the runs of a sweep, one run, or the events of all runs or of one.\n\n" +
           entry("RUN", "A run's ID, its 8 hex digits, or the beginning of its ID") +
           entry("--events", "NaN, Inf, norm overflows and spikes, in words") +
           entry("--json", "Print JSON");
  if (command == "summarize")
    return "Usage: clipsweep summarize DIR [--json]\n\n"
           "Rebuilds runs.csv and summary.json from the runs and prints the comparison of\n"
           "each arm with its baseline.\n\n" +
           entry("--json", "Print summary.json instead");
  if (command == "merge") return merge_help();
  if (command == "report") return report_help();
  if (command == "validate")
    return "Usage: clipsweep validate DIR [--json]\n\n"
           "Checks every log against its schema and against the other files, and prints what\n"
           "is wrong in which file and line. Exit code 3 if anything is wrong.\n\n" +
           entry("--json", "Print JSON");
  if (command == "clip") return clip_help();
  if (command == "advise") return advise_help();
  if (command == "preset")
    return "Usage: clipsweep preset [NAME] [--json]\n\n"
           "Prints a sweep file that ships with the program, to use as --preset NAME or to\n"
           "save and change; without NAME, lists all of them.\n\n" +
           entry("--json", "Print JSON: name, summary, text and the settings that it gives");
  if (command == "schema")
    return "Usage: clipsweep schema [KIND]\n\n"
           "Prints the JSON Schema (draft 7) of one kind of file, or of one kind of line in\n"
           "a log; without KIND, lists all of them.\n";
  if (command == "help")
    return "Usage: clipsweep help [COMMAND]\n\n"
           "Prints the help of a command, as COMMAND --help does; without COMMAND, lists all\n"
           "commands.\n";
  if (command == "version")
    return "Usage: clipsweep version\n\n"
           "Prints the version and the revision of the source, as -V and --version do.\n";
  if (command == "bench")
    return "Usage: clipsweep bench [--data DIR] [--quick] [--json]\n\n"
           "Measures the speed of this machine in a few minutes: run-steps per second of a\n"
           "loop over torch::nn::LSTM and of the engines, for several sizes and cohorts, and\n"
           "how close they come to the peak of one core; then whole sweeps, one whole run,\n"
           "and memory. Keep the machine otherwise idle while it runs.\n\n" +
           entry("--data DIR", "Folder with the IDX files") +
           entry("--quick", "Measure a few sizes, once each, in half a minute: a rough estimate") +
           entry("--json", "Print JSON");
  return kOverview;
}

}  // namespace clipsweep

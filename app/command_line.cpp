#include "command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "argument_parser.h"
#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/presets.h"
#include "clipsweep/experiment/sweep_file.h"
#include "clipsweep/validation/schemas.h"
#include "flag_hints.h"

namespace clipsweep {
namespace {

using Arguments = std::vector<std::string>;

// ---- What each command accepts
// -------------------------------------------------------------------

void accept(ArgumentParser& parser, SweepCommand& command) {
  parser.add_settings(command.settings);
  parser.add_text("--out", {"DIR"}, command.out);
  parser.require(command.out, "no output folder is named; add --out DIR");
  parser.add_switch("-q,--quiet", command.quiet);
  parser.add_switch("-v,--verbose", command.verbose);
}

void accept(ArgumentParser& parser, TraceCommand& command) {
  parser.add_settings(command.settings);
  parser.add_text("--run", {"ID"}, command.run);
  parser.add_count("--steps", command.steps);
}

void accept(ArgumentParser& parser, CliffCommand& command) {
  parser.add_result_folder(command.folder);
  parser.add_positional({"RUN"}, command.run);
  parser.require(command.run, "no run is named; write clipsweep cliff DIR RUN");
  parser.add_count("--step", command.step);
  parser.add_count("--points", command.points);
  parser.add_text("--span", {"X"}, command.span);
  parser.add_text("--data", {"PATH"}, command.data);
}

void accept(ArgumentParser& parser, BenchCommand& command) {
  parser.add_setting(*find_setting("data"), command.settings.flags);
  parser.add_switch("--quick", command.quick);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, PlanCommand& command) {
  parser.add_settings(command.settings);
  parser.add_text("--out", {"DIR"}, command.out);
  parser.add_switch("-v,--verbose", command.verbose);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, MeasureCommand& command) { accept(parser, command.plan); }

void accept(ArgumentParser& parser, ShowCommand& command) {
  parser.add_result_folder(command.folder);
  parser.add_positional({"RUN"}, command.run);
  parser.add_switch("--events", command.events);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, SummarizeCommand& command) {
  parser.add_result_folder(command.folder);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, MergeCommand& command) {
  parser.add_result_folders(command.folders);
  parser.add_text("--out", {"DIR"}, command.out);
  parser.require(command.out, "no output folder is named; add --out DIR");
  parser.add_switch("-q,--quiet", command.quiet);
}

// Those of FIGURES in scripts/clipsweep_plots/figures/figure_list.py, which a test compares. The
// program offers them in the shell; plot.py checks them.
std::vector<std::string> figure_names() {
  return {"paired_difference",
          "by_setting",
          "accuracy_by_threshold",
          "accuracy_by_learning_rate",
          "threshold_picker",
          "test_accuracy",
          "validation_accuracy",
          "difference_map",
          "success",
          "difference_curves",
          "paired_loss",
          "loss_by_threshold",
          "final_accuracy",
          "step_size_map",
          "noise_floor",
          "training_loss",
          "clipped_share",
          "cosine",
          "gradient_norm",
          "gradient_norm_survival",
          "update_ratio",
          "omega",
          "gradient_through_time",
          "probe_predictions",
          "probe_noise",
          "probe_direction",
          "probe_length",
          "smoothness",
          "sharpness",
          "gate_shares",
          "spectral_radius",
          "cliff",
          "events"};
}

void accept(ArgumentParser& parser, ReportCommand& command) {
  parser.add_result_folder_unless(command.list_figures, command.folder);
  parser.add_texts("--figure", {"NAME", figure_names()}, command.figures);
  parser.add_text("--width", {"INCHES"}, command.width);
  parser.add_text("--format", {"LIST", {"svg", "png", "pdf"}}, command.format);
  parser.add_switch("--no-title", command.no_title);
  parser.add_switch("--list-figures", command.list_figures);
}

void accept(ArgumentParser& parser, ValidateCommand& command) {
  parser.add_result_folder(command.folder);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, ClipCommand& command) {
  parser.add_positional({"FILE"}, command.file);
}

void accept(ArgumentParser& parser, AdviseCommand& command) {
  parser.add_positional({"FILE"}, command.file);
  parser.add_text("--column", {"NAME"}, command.column);
  parser.add_text("--threshold", {"LIST"}, command.thresholds);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, PresetCommand& command) {
  parser.add_positional({"NAME", preset_names()}, command.name);
  parser.add_switch("--json", command.json);
}

void accept(ArgumentParser& parser, SchemaCommand& command) {
  parser.add_positional({"KIND", schema_kinds()}, command.kind);
}

void accept(ArgumentParser& parser, HelpCommand& command) {
  parser.add_positional({"COMMAND", command_names()}, command.about);
}

void accept(ArgumentParser&, VersionCommand&) {}

// ---- The commands by name ---------------------------------------------------------------------

template <typename AnyCommand>
Command parsed(const std::string& name, const Arguments& arguments) {
  AnyCommand command;
  ArgumentParser parser(name);
  accept(parser, command);
  parser.parse(arguments);
  return command;
}

template <typename AnyCommand>
CommandShape shape_of() {
  AnyCommand command;
  ArgumentParser parser("");
  accept(parser, command);
  return parser.shape();
}

struct CommandEntry {
  std::string_view name;
  Command (*parse)(const std::string& name, const Arguments& arguments);
  CommandShape (*shape)();
};

template <typename AnyCommand>
constexpr CommandEntry entry(std::string_view name) {
  return {name, parsed<AnyCommand>, shape_of<AnyCommand>};
}

constexpr std::string_view kInternal = "measure";
// Not in the table: its words are those of other commands.
constexpr std::string_view kCompletion = "complete";

constexpr std::array kCommands = {
    entry<SweepCommand>("sweep"),       entry<PlanCommand>("plan"),
    entry<ShowCommand>("show"),         entry<SummarizeCommand>("summarize"),
    entry<MergeCommand>("merge"),       entry<ReportCommand>("report"),
    entry<ValidateCommand>("validate"), entry<ClipCommand>("clip"),
    entry<AdviseCommand>("advise"),     entry<TraceCommand>("trace"),
    entry<CliffCommand>("cliff"),       entry<BenchCommand>("bench"),
    entry<PresetCommand>("preset"),     entry<SchemaCommand>("schema"),
    entry<HelpCommand>("help"),         entry<VersionCommand>("version"),
    entry<MeasureCommand>(kInternal),
};

std::vector<CommandFlags> all_flags() {
  std::vector<CommandFlags> all;
  for (const auto& name : command_names()) {
    all.push_back({name, {}});
    for (const auto& flag : command_shape(name).flags) all.back().flags.push_back(flag.name);
  }
  return all;
}

const CommandEntry& find_command(const std::string& name) {
  for (const auto& command : kCommands)
    if (name == command.name) return command;
  if (name.compare(0, 1, "-") == 0)
    throw ConfigError(fmt::format(
        "unknown flag {} before the command; allowed: --help, --version; see clipsweep --help",
        printable(name)));
  throw ConfigError(unknown_command_message(name, command_names()));
}

Command parse_command(const std::string& name, const Arguments& arguments) {
  try {
    const Command command = find_command(name).parse(name, arguments);
    if (const auto* help = std::get_if<HelpCommand>(&command); help && !help->about.empty())
      find_command(help->about);
    return command;
  } catch (const HelpRequested&) {
    return HelpCommand{name};
  } catch (const UnknownFlag& unknown) {
    throw ConfigError(unknown_flag_message(name, unknown.flag, unknown.value, all_flags()));
  }
}

Command parse_arguments(const Arguments& arguments) {
  if (arguments.empty()) throw ConfigError("no command is given; see clipsweep --help");
  const std::string& first = arguments.front();
  const Arguments others(arguments.begin() + 1, arguments.end());
  if (first == kCompletion) return CompleteCommand{others};
  if (first == "-h" || first == "--help") return parse_command("help", others);
  if (first == "-V" || first == "--version") return parse_command("version", others);
  return parse_command(first, others);
}

}  // namespace

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const auto& command : kCommands)
    if (command.name != kInternal) names.emplace_back(command.name);
  return names;
}

CommandShape command_shape(const std::string& command) { return find_command(command).shape(); }

CommandLine parse_command_line(int argc, const char* const* argv) {
  Arguments arguments(argv + std::min(argc, 1), argv + argc);
  Command command = parse_arguments(arguments);
  return {std::move(arguments), std::move(command)};
}

ExperimentConfig config_of(const SettingSources& settings) {
  std::vector<Assignment> from_file;
  if (!settings.preset.empty()) {
    const Preset& preset = find_preset(settings.preset);
    from_file = parse_sweep_text(preset.text, fmt::format("preset {}", preset.name));
  }
  if (!settings.sweep_file.empty()) from_file = read_sweep_file(settings.sweep_file);
  return resolve_config(from_file, settings.flags);
}

}  // namespace clipsweep

#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/presets.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/experiment/sweep_file.h"
#include "help.h"

namespace clipsweep {
namespace {

const std::vector<std::pair<const char*, Command>> kCommands = {
    {"sweep", Command::kSweep},       {"plan", Command::kPlan},
    {"show", Command::kShow},         {"summarize", Command::kSummarize},
    {"validate", Command::kValidate}, {"clip", Command::kClip},
    {"trace", Command::kTrace},       {"bench", Command::kBench},
    {"preset", Command::kPreset},     {"measure", Command::kMeasure},
};

Command command_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, command] : kCommands) {
    if (name == known) return command;
    if (command != Command::kMeasure) names.emplace_back(known);
  }
  if (name.compare(0, 1, "-") == 0)
    throw ConfigError(fmt::format(
        "unknown flag {} before the command; allowed: --help, --version; see clipsweep --help",
        printable(name)));
  throw ConfigError(fmt::format("unknown command \"{}\"{}; allowed: {}; see clipsweep --help",
                                printable(name), did_you_mean(name, names), join(names)));
}

bool takes_settings(Command command) {
  return command == Command::kSweep || command == Command::kPlan || command == Command::kTrace ||
         command == Command::kMeasure;
}

// One command's arguments, split by CLI11 into the texts below.
class Parser {
 public:
  Parser(Command command, std::string name) : name_(std::move(name)) {
    line_.command = command;
    app_.set_help_flag("-h,--help");
    app_.allow_extras();
    if (takes_settings(command)) add_settings();
    add_arguments(command);
  }

  CommandLine parse(int argc, const char* const* argv) {
    refuse_empty_values(argc, argv);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      line_.command = Command::kHelp;
      line_.help = help_text(name_);
      return line_;
    } catch (const CLI::ArgumentMismatch& error) {
      const std::string what = error.what();  // begins with the flag
      throw ConfigError(fmt::format("{}: {} needs a value; see clipsweep {} --help", name_,
                                    printable(what.substr(0, what.find(':'))), name_));
    } catch (const CLI::ParseError& error) {
      throw ConfigError(fmt::format("{}: {}; see clipsweep {} --help", name_,
                                    printable(error.what(), 200), name_));
    }
    refuse_extras();
    check_arguments();
    for (const auto& setting : setting_table()) {
      const auto given = settings_.find(setting.flag);
      if (given == settings_.end() || given->second.empty()) continue;
      const std::string text = one_value("--" + setting.flag, given->second);
      line_.flags.push_back(
          {setting.flag, text, "flag --" + setting.flag,
           fmt::format("--{} {}", setting.flag, text.empty() ? "\"\"" : printable(text))});
    }
    return line_;
  }

 private:
  void add_settings() {
    for (const auto& setting : setting_table()) add_setting(setting);
    app_.add_option("SWEEP.toml", line_.sweep_file);
    add_text("--preset");
  }

  void add_setting(const Setting& setting) {
    std::string names = "--" + setting.flag;
    if (setting.flag == "lr") names += ",--learning-rate";
    auto& values = settings_[setting.flag];
    if (setting.value_name.empty())
      app_.add_flag_callback(names, [&values] { values = {"true"}; });
    else
      add_option(names, values);
    flags_.push_back("--" + setting.flag);
  }

  void add_text(const char* flag) {
    add_option(flag, texts_[flag]);
    flags_.emplace_back(flag);
  }

  // Each time the flag is given it takes one value; all are kept, so that two can be told from one.
  void add_option(const std::string& names, std::vector<std::string>& values) {
    app_.add_option(names, values)->expected(1)->take_all()->allow_extra_args(false);
  }

  void add_switch(const char* names, const char* flag, bool& value) {
    app_.add_flag(names, value);
    flags_.emplace_back(flag);
  }

  void add_arguments(Command command) {
    switch (command) {
      case Command::kSweep:
        add_text("--out");
        add_switch("-q,--quiet", "--quiet", line_.quiet);
        add_switch("-v,--verbose", "--verbose", line_.verbose);
        break;
      case Command::kTrace:
        add_text("--run");
        add_text("--steps");
        break;
      case Command::kShow:
        app_.add_option("DIR", line_.folder);
        app_.add_option("RUN", line_.run);
        add_switch("--events", "--events", line_.events);
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kSummarize:
        app_.add_option("DIR", line_.folder);
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kValidate:
        app_.add_option("DIR", line_.folder);
        break;
      case Command::kClip:
        app_.add_option("FILE", line_.file);
        break;
      case Command::kPreset:
        app_.add_option("NAME", line_.preset);
        break;
      case Command::kBench:
        add_setting(*find_setting("data"));
        add_switch("--quick", "--quick", line_.quick);
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kPlan:
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kMeasure:
      case Command::kHelp:
      case Command::kVersion:
        break;
    }
  }

  // `--lr=`, for which CLI11 would take the next argument.
  void refuse_empty_values(int argc, const char* const* argv) const {
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      if (argument.compare(0, 2, "--") == 0 && argument.find('=') == argument.size() - 1)
        throw ConfigError(fmt::format("{}: {} needs a value; see clipsweep {} --help", name_,
                                      printable(argument), name_));
    }
  }

  void refuse_extras() const {
    const auto extras = app_.remaining();
    if (extras.empty()) return;
    const std::string& first = extras.front();
    if (first.compare(0, 1, "-") != 0)
      throw ConfigError(fmt::format("{}: \"{}\" is one argument too many; see clipsweep {} --help",
                                    name_, printable(first), name_));
    const std::string flag = first.substr(0, first.find('='));
    throw ConfigError(fmt::format("{}: unknown flag {}{}; allowed: {}", name_, printable(flag),
                                  did_you_mean(flag, flags_),
                                  flags_.empty() ? "--help" : join(flags_)));
  }

  static std::string one_value(const std::string& flag, const std::vector<std::string>& values) {
    if (values.size() == 1) return values.front();
    throw ConfigError(
        fmt::format("{} is given {} times; give all values in one list", flag, values.size()));
  }

  // What CLI11 would require, in this program's words.
  void check_arguments() {
    for (const auto& [flag, values] : texts_) {
      if (values.empty()) continue;
      const std::string text = one_value(flag, values);
      if (flag == "--out") line_.out = text;
      if (flag == "--run") line_.run = text;
      if (flag == "--steps") line_.steps = read_steps(text);
      if (flag == "--preset") line_.preset = text;
    }
    if (!line_.preset.empty() && !line_.sweep_file.empty())
      throw ConfigError(fmt::format(
          "{}: --preset {} and {} are both sweep files; name one, or save the preset with "
          "clipsweep preset {} > sweep.toml and change it",
          name_, printable(line_.preset), printable(line_.sweep_file), printable(line_.preset)));
    const bool looks = line_.command == Command::kShow || line_.command == Command::kSummarize ||
                       line_.command == Command::kValidate;
    if (looks && line_.folder.empty())
      throw ConfigError(
          fmt::format("{}: no folder is named; write clipsweep {} DIR, one that sweep --out wrote",
                      name_, name_));
    if (line_.command == Command::kSweep && line_.out.empty())
      throw ConfigError("sweep: no output folder is named; add --out DIR");
  }

  static std::uint64_t read_steps(const std::string& text) {
    if (const auto steps = parse_count(text); steps && *steps > 0) return *steps;
    throw ConfigError(fmt::format("--steps {}: must be a whole number from 1", printable(text)));
  }

  std::string name_;
  CLI::App app_;
  CommandLine line_;
  std::map<std::string, std::vector<std::string>> settings_;  // by flag
  std::map<std::string, std::vector<std::string>> texts_;     // of the other flags with a value
  std::vector<std::string> flags_;
};

CommandLine help_for(const std::string& command) {
  if (!command.empty()) command_named(command);
  CommandLine line;
  line.help = help_text(command);
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  if (argc < 2) throw ConfigError("no command is given; see clipsweep --help");
  const std::string first = argv[1];
  if (first == "-h" || first == "--help" || first == "help")
    return help_for(argc > 2 ? argv[2] : "");
  if (first == "--version") {
    CommandLine line;
    line.command = Command::kVersion;
    return line;
  }
  return Parser(command_named(first), first).parse(argc - 1, argv + 1);
}

ExperimentConfig config_of(const CommandLine& line) {
  std::vector<Assignment> from_file;
  if (!line.preset.empty()) {
    const Preset& preset = find_preset(line.preset);
    from_file = parse_sweep_text(preset.text, fmt::format("preset {}", preset.name));
  }
  if (!line.sweep_file.empty()) from_file = read_sweep_file(line.sweep_file);
  return resolve_config(from_file, line.flags);
}

}  // namespace clipsweep

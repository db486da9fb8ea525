#include "command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "clipsweep/error.h"
#include "clipsweep/setting_table.h"
#include "clipsweep/sweep_file.h"
#include "clipsweep/text.h"
#include "help.h"

namespace clipsweep {
namespace {

const std::vector<std::pair<const char*, Command>> kCommands = {
    {"sweep", Command::kSweep},       {"plan", Command::kPlan},
    {"show", Command::kShow},         {"summarize", Command::kSummarize},
    {"validate", Command::kValidate}, {"trace", Command::kTrace},
    {"bench", Command::kBench},       {"measure", Command::kMeasure},
};

Command command_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, command] : kCommands) {
    if (name == known) return command;
    if (command != Command::kMeasure) names.emplace_back(known);
  }
  const char* what = name.compare(0, 1, "-") == 0 ? "flag" : "command";
  throw ConfigError(fmt::format("unknown {} \"{}\"{}; allowed: {}; see clipsweep --help", what,
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
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      line_.command = Command::kHelp;
      line_.help = help_text(name_);
      return line_;
    } catch (const CLI::ParseError& error) {
      throw ConfigError(fmt::format("{}: {}; see clipsweep {} --help", name_,
                                    printable(error.what(), 200), name_));
    }
    refuse_extras();
    for (const auto& [flag, option] : settings_) {
      if (option->count() == 0) continue;
      const std::string& text = texts_.at(flag);
      line_.flags.push_back(
          {flag, text, "flag --" + flag,
           fmt::format("--{} {}", flag, printable(text.empty() ? "\"\"" : text))});
    }
    return line_;
  }

 private:
  void add_settings() {
    for (const auto& setting : setting_table()) add_setting(setting);
    app_.add_option("SWEEP.toml", line_.sweep_file);
  }

  void add_setting(const Setting& setting) {
    std::string names = "--" + setting.flag;
    if (setting.flag == "lr") names += ",--learning-rate";
    settings_.emplace_back(setting.flag, app_.add_option(names, texts_[setting.flag]));
    flags_.push_back("--" + setting.flag);
  }

  void add_text(const char* flag, std::string& text) {
    app_.add_option(flag, text);
    flags_.emplace_back(flag);
  }

  void add_switch(const char* names, const char* flag, bool& value) {
    app_.add_flag(names, value);
    flags_.emplace_back(flag);
  }

  void add_arguments(Command command) {
    switch (command) {
      case Command::kSweep:
        app_.add_option("--out", line_.out)->required();
        flags_.emplace_back("--out");
        add_switch("-q,--quiet", "--quiet", line_.quiet);
        add_switch("-v,--verbose", "--verbose", line_.verbose);
        break;
      case Command::kTrace:
        add_text("--run", line_.run);
        app_.add_option("--steps", line_.steps);
        flags_.emplace_back("--steps");
        break;
      case Command::kShow:
        app_.add_option("DIR", line_.folder)->required();
        app_.add_option("RUN", line_.run);
        add_switch("--events", "--events", line_.events);
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kSummarize:
        app_.add_option("DIR", line_.folder)->required();
        add_switch("--json", "--json", line_.json);
        break;
      case Command::kValidate:
        app_.add_option("DIR", line_.folder)->required();
        break;
      case Command::kBench:
        add_setting(*find_setting("data"));
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

  std::string name_;
  CLI::App app_;
  CommandLine line_;
  std::map<std::string, std::string> texts_;
  std::vector<std::pair<std::string, CLI::Option*>> settings_;
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
  const auto from_file =
      line.sweep_file.empty() ? std::vector<Assignment>{} : read_sweep_file(line.sweep_file);
  return resolve_config(from_file, line.flags);
}

}  // namespace clipsweep

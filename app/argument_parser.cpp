#include "argument_parser.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/text.h"
#include "clipsweep/experiment/presets.h"
#include "clipsweep/io/files.h"

namespace clipsweep {
namespace {

bool is_flag(const std::string& argument) { return argument.compare(0, 1, "-") == 0; }

bool ends_with(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() &&
         text.compare(text.size() - ending.size(), ending.size(), ending) == 0;
}

// The value of a flag that this command lacks, wherever CLI11 put it.
std::string value_after(const std::vector<std::string>& arguments, const std::string& unknown) {
  const auto equals = unknown.find('=');
  if (equals != std::string::npos) return unknown.substr(equals + 1);
  const auto found = std::find(arguments.begin(), arguments.end(), unknown);
  if (found == arguments.end() || found + 1 == arguments.end() || is_flag(found[1])) return "";
  return found[1];
}

// `0.5,` and `1` as `0.5,1`
std::string joined_without_blanks(const std::vector<std::string>& pieces) {
  std::vector<std::string> values;
  for (const auto& piece : pieces) {
    const std::size_t first = piece.find_first_not_of(',');
    if (first == std::string::npos) continue;
    values.push_back(piece.substr(first, piece.find_last_not_of(',') - first + 1));
  }
  return join(values, ",");
}

// nullptr for a flag that is no setting.
const Setting* setting_of(const std::string& flag) {
  return flag.compare(0, 2, "--") == 0 ? find_setting(flag.substr(2)) : nullptr;
}

bool is_list(const Setting& setting) { return setting.value_name == "LIST"; }

bool is_value_of(const Setting& setting, const std::string& text) {
  ExperimentConfig config;
  try {
    setting.assign(config, text);
  } catch (const ConfigError&) {
    return false;
  }
  return true;
}

bool may_be_sweep_file(const std::string& argument) {
  std::error_code error;
  return ends_with(argument, ".toml") || fs::exists(argument, error);
}

// Whether the pieces are one list, cut at its blanks by the shell: `0.5,` and `1`.
bool is_list_with_blanks(const Setting& setting, const std::vector<std::string>& pieces) {
  if (may_be_sweep_file(pieces[1])) return false;
  return ends_with(pieces[0], ",") || pieces[1].compare(0, 1, ",") == 0 ||
         is_value_of(setting, joined_without_blanks(pieces)) ||
         is_value_of(*find_setting("mode"), pieces[1]);
}

}  // namespace

ArgumentParser::ArgumentParser(std::string command) : command_(std::move(command)) {
  app_.set_help_flag("-h,--help");
  app_.allow_extras();
}

void ArgumentParser::add_settings(SettingSources& settings) {
  for (const auto& setting : setting_table()) add_setting(setting, settings.flags);
  add_positional({"SWEEP.toml"}, settings.sweep_file);
  add_text("--preset", {"NAME", preset_names()}, settings.preset);
  after_splitting_.emplace_back([this, &settings] {
    if (settings.preset.empty() || settings.sweep_file.empty()) return;
    const std::string preset = printable(settings.preset);
    throw ConfigError(fmt::format(
        "{}: --preset {} and {} are both sweep files; name one, or save the preset with "
        "clipsweep preset {} > sweep.toml and change it",
        command_, preset, printable(settings.sweep_file), preset));
  });
}

void ArgumentParser::add_setting(const Setting& setting, std::vector<Assignment>& flags) {
  const std::string flag = "--" + setting.flag;
  add_flag(flag, {setting.value_name, setting.names});
  const bool takes_value = !setting.value_name.empty();
  auto& values = values_.emplace_back();
  if (takes_value) {
    add_option(setting.flag == "lr" ? flag + ",--learning-rate" : flag, values);
  } else {
    app_.add_flag_callback(flag, [&values] { values = {"true"}; });
  }
  after_splitting_.emplace_back([this, flag, takes_value, &setting, &flags, &values] {
    if (values.empty()) return;
    const std::string text = only_value(flag, values);
    const std::string shown = text.empty() ? "\"\"" : printable(text);
    flags.push_back({setting.flag, text, "flag " + flag, takes_value ? flag + " " + shown : flag});
  });
}

void ArgumentParser::add_text(const std::string& flag, const ValueShape& shape,
                              std::string& value) {
  add_flag(flag, shape);
  auto& values = values_.emplace_back();
  add_option(flag, values);
  after_splitting_.emplace_back([this, &value, &values, flag] {
    if (!values.empty()) value = only_value(flag, values);
  });
}

void ArgumentParser::add_texts(const std::string& flag, const ValueShape& shape,
                               std::vector<std::string>& values) {
  add_flag(flag, shape);
  add_option(flag, values);
}

void ArgumentParser::add_count(const std::string& flag, std::uint64_t& value) {
  add_flag(flag, {"N"});
  auto& values = values_.emplace_back();
  add_option(flag, values);
  after_splitting_.emplace_back([this, &value, &values, flag] {
    if (values.empty()) return;
    const std::string text = only_value(flag, values);
    const auto count = parse_count(text);
    if (!count || *count == 0)
      throw ConfigError(fmt::format("{} {}: must be a whole number from 1", flag, printable(text)));
    value = *count;
  });
}

void ArgumentParser::add_switch(const std::string& names, bool& value) {
  app_.add_flag(names, value);
  add_flag(names.substr(names.find("--")), {});
}

void ArgumentParser::add_positional(const ValueShape& shape, std::string& value) {
  shape_.positionals.push_back(shape);
  app_.add_option(shape.name, value);
  positional_values_.push_back(&value);
}

void ArgumentParser::add_result_folder(std::string& folder) {
  static constexpr bool kNever = false;
  add_result_folder_unless(kNever, folder);
}

void ArgumentParser::add_result_folder_unless(const bool& is_given, std::string& folder) {
  add_positional({"DIR"}, folder);
  after_splitting_.emplace_back([this, &is_given, &folder] {
    if (folder.empty() && !is_given)
      throw ConfigError(
          fmt::format("{0}: no folder is named; write clipsweep {0} DIR, where DIR is "
                      "the --out folder of a sweep",
                      command_));
  });
}

void ArgumentParser::add_result_folders(std::vector<std::string>& folders) {
  shape_.positionals.push_back({"DIR..."});
  app_.add_option("DIR", folders);
  after_splitting_.emplace_back([this, &folders] {
    if (folders.empty())
      throw ConfigError(
          fmt::format("{0}: no folder is named; write clipsweep {0} DIR... --out DIR, where each "
                      "DIR is the --out folder of a sweep",
                      command_));
  });
}

void ArgumentParser::require(const std::string& value, const std::string& message) {
  after_splitting_.emplace_back([this, &value, message] {
    if (value.empty()) throw ConfigError(fmt::format("{}: {}", command_, message));
  });
}

void ArgumentParser::parse(const std::vector<std::string>& arguments) {
  check_values(arguments);
  split(arguments);
  reject_unknown_flags(arguments);
  reject_second_values(arguments);
  reject_extra_arguments();
  for (const auto& store_or_check : after_splitting_) store_or_check();
}

ConfigError ArgumentParser::usage_error(const std::string& message) const {
  return ConfigError(fmt::format("{}: {}; see clipsweep {} --help", command_, message, command_));
}

void ArgumentParser::add_flag(const std::string& name, const ValueShape& shape) {
  shape_.flags.push_back({name, shape});
}

// nullptr if there is none.
const FlagShape* ArgumentParser::find_flag(const std::string& name) const {
  const std::string own = name == "--learning-rate" ? "--lr" : name;
  for (const auto& flag : shape_.flags)
    if (flag.name == own) return &flag;
  return nullptr;
}

// Each time the flag is given it takes one value. All are kept, so that a second one is noticed.
void ArgumentParser::add_option(const std::string& names, std::vector<std::string>& values) {
  app_.add_option(names, values)->expected(1)->take_all()->allow_extra_args(false);
}

std::string ArgumentParser::only_value(const std::string& flag,
                                       const std::vector<std::string>& values) const {
  if (values.size() == 1) return values.front();
  const Setting* setting = setting_of(flag);
  throw usage_error(fmt::format("{} is given {} times; {}", flag, values.size(),
                                setting && is_list(*setting)
                                    ? fmt::format("give all values in one list: {} {}", flag,
                                                  printable(joined_without_blanks(values)))
                                    : "give it once"));
}

// What CLI11 would misread: `--lr=` and `--lr --out x`, for which it takes the next argument, and
// `--nesterov=no`, which it takes for yes.
void ArgumentParser::check_values(const std::vector<std::string>& arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string flag = arguments[i].substr(0, equals);
    const bool has_value = equals != std::string::npos;
    const FlagShape* known = find_flag(flag);
    if (!known) continue;
    if (!known->takes_value()) {
      if (has_value) throw usage_error(flag + " takes no value");
      continue;
    }
    const bool is_followed = i + 1 < arguments.size() && arguments[i + 1].compare(0, 2, "--") != 0;
    if (has_value ? equals + 1 == arguments[i].size() : !is_followed)
      throw usage_error(flag + " needs a value");
    if (!has_value) ++i;  // the value
  }
}

void ArgumentParser::split(const std::vector<std::string>& arguments) {
  try {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    throw HelpRequested();
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string what = error.what();  // begins with the flag
    throw usage_error(printable(what.substr(0, what.find(':'))) + " needs a value");
  } catch (const CLI::ParseError& error) {
    throw usage_error(printable(error.what(), 200));
  }
}

void ArgumentParser::reject_unknown_flags(const std::vector<std::string>& arguments) const {
  for (const auto& extra : app_.remaining())
    if (is_flag(extra))
      throw UnknownFlag{extra.substr(0, extra.find('=')), value_after(arguments, extra)};
  // CLI11 2.4 takes for a file what cannot be the name of a flag, such as a control character.
  if (std::count(arguments.begin(), arguments.end(), "--") > 0) return;
  for (const auto* value : positional_values_)
    if (value->compare(0, 2, "--") == 0) throw UnknownFlag{*value, ""};
}

// Whatever follows the value of a flag would be taken for the sweep file.
void ArgumentParser::reject_second_values(const std::vector<std::string>& arguments) const {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string flag = arguments[i].substr(0, equals);
    const Setting* setting = setting_of(flag);
    if (!setting || setting->value_name.empty()) continue;
    std::vector<std::string> pieces;
    if (equals != std::string::npos) pieces.push_back(arguments[i].substr(equals + 1));
    for (std::size_t next = i + 1; next < arguments.size() && !is_flag(arguments[next]); ++next)
      pieces.push_back(arguments[next]);
    if (pieces.size() < 2) continue;
    const std::string given = flag + " " + printable(join(pieces, " "));
    if (!is_list(*setting)) {
      if (parse_number(pieces[1]) && !may_be_sweep_file(pieces[1]))
        throw ConfigError(given + ": takes one value");
    } else if (is_list_with_blanks(*setting, pieces)) {
      throw ConfigError(fmt::format("{}: a list has no blanks; write {} {}", given, flag,
                                    printable(joined_without_blanks(pieces))));
    }
  }
}

void ArgumentParser::reject_extra_arguments() const {
  const auto extras = app_.remaining();
  if (!extras.empty())
    throw usage_error(fmt::format("\"{}\" is one argument too many", printable(extras.front())));
}

}  // namespace clipsweep

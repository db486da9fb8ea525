// Splits the arguments of one command with CLI11 into the members of its struct. The messages are
// this program's own: one line that says what came and what to do.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/setting_table.h"
#include "command_line.h"
#include "command_shape.h"

namespace clipsweep {

// Thrown by parse() for --help.
struct HelpRequested {};

// Thrown by parse() for a flag that the command does not have.
struct UnknownFlag {
  std::string flag;   // with its dashes
  std::string value;  // what follows it, if that is not a flag
};

class ArgumentParser {
 public:
  explicit ArgumentParser(std::string command);

  // Each adds something that the command accepts. The members must outlive parse().
  void add_settings(SettingSources& settings);
  void add_setting(const Setting& setting, std::vector<Assignment>& flags);
  void add_text(const std::string& flag, const ValueShape& shape, std::string& value);
  void add_texts(const std::string& flag, const ValueShape& shape,
                 std::vector<std::string>& values);  // the flag may be repeated
  void add_count(const std::string& flag, std::uint64_t& value);
  void add_switch(const std::string& names, bool& value);  // `-q,--quiet`
  void add_positional(const ValueShape& shape, std::string& value);
  void add_result_folder(std::string& folder);
  void add_result_folders(std::vector<std::string>& folders);  // at least one
  // The same, but the folder may be missing if the switch is given.
  void add_result_folder_unless(const bool& is_given, std::string& folder);

  // Makes it an error if the value is empty, with this message.
  void require(const std::string& value, const std::string& message);

  // What was added.
  const CommandShape& shape() const { return shape_; }

  // Throws ConfigError, HelpRequested or UnknownFlag.
  void parse(const std::vector<std::string>& arguments);

 private:
  ConfigError usage_error(const std::string& message) const;
  void add_flag(const std::string& name, const ValueShape& shape);
  const FlagShape* find_flag(const std::string& name) const;
  void add_option(const std::string& names, std::vector<std::string>& values);
  std::string only_value(const std::string& flag, const std::vector<std::string>& values) const;
  void check_values(const std::vector<std::string>& arguments) const;
  void split(const std::vector<std::string>& arguments);
  void reject_unknown_flags(const std::vector<std::string>& arguments) const;
  void reject_second_values(const std::vector<std::string>& arguments) const;
  void reject_extra_arguments() const;

  std::string command_;
  CLI::App app_;
  CommandShape shape_;
  std::list<std::vector<std::string>> values_;          // of each flag that takes one
  std::vector<std::function<void()>> after_splitting_;  // stores and checks values
  std::vector<const std::string*> positional_values_;
};

}  // namespace clipsweep

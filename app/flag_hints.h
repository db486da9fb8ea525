// What to say about flags and commands that do not exist: other tools' names for what this program
// has, and what it does instead.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

struct CommandFlags {
  std::string command;
  std::vector<std::string> flags;
};

// Whether a list of flags has this one.
bool contains(const std::vector<std::string>& flags, const std::string& flag);

// `sweep: unknown flag --lrs (did you mean "--lr"?); see clipsweep sweep --help`. The value is what
// follows the flag, for examples. `all` holds the flags of every command.
std::string unknown_flag_message(const std::string& command, const std::string& flag,
                                 const std::string& value, const std::vector<CommandFlags>& all);

// `unknown command "swep" (did you mean "sweep"?); allowed: ...; see clipsweep --help`
std::string unknown_command_message(const std::string& name,
                                    const std::vector<std::string>& commands);

}  // namespace clipsweep

// What a command accepts, as plain data: its flags and arguments, in the words of the help. Hints
// and completion in the shell read it.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// The value of a flag, or an argument without a flag.
struct ValueShape {
  std::string name;                     // as in the help: DIR, FILE, LIST, N
  std::vector<std::string> names = {};  // what it may be, or its items; empty if they have no names
};

struct FlagShape {
  std::string name;  // with its dashes
  ValueShape value;  // without a name if the flag takes none

  bool takes_value() const { return !value.name.empty(); }
};

struct CommandShape {
  std::vector<FlagShape> flags;  // without those that are only short
  std::vector<ValueShape> positionals;
};

}  // namespace clipsweep

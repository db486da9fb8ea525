// The --help texts, at most 80 columns wide. The options of a sweep come from the table of
// settings.
#pragma once

#include <string>

namespace clipsweep {

// The help of a command; without a name, the overview of all commands.
std::string help_text(const std::string& command = "");

}  // namespace clipsweep

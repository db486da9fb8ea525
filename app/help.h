// The texts of --help, at most 80 columns wide. The options of a sweep come from the table of
// settings.
#pragma once

#include <string>

namespace clipsweep {

// The program's own, for no command; else one command's.
std::string help_text(const std::string& command = "");

}  // namespace clipsweep

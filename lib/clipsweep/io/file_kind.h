// Says in words what a file is that was taken for a data file: a web page in place of a download,
// a Git LFS pointer, another format.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clipsweep {

// What it is and what to do about it, such as "a web page (HTML), not data; fetch the file again".
// nullopt if the bytes do not begin as one of the kinds that it knows.
std::optional<std::string> known_file_kind(std::string_view bytes);

}  // namespace clipsweep

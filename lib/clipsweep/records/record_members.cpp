#include "clipsweep/records/record_members.h"

#include <algorithm>

namespace clipsweep {

const std::string& plain_tensor_name(const std::string& name) {
  const auto is_plain = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '.' ||
           character == '-';
  };
  if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), is_plain))
    throw DataError(fmt::format("the name of a tensor must be letters, digits and _.-, not \"{}\"",
                                printable(name)));
  return name;
}

}  // namespace clipsweep

#include "clipsweep/base/wall_clock.h"

#include <fmt/chrono.h>

namespace clipsweep {

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

}  // namespace clipsweep

// The time until something happens, where it may not have happened by the end.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace clipsweep {

// A time, and whether it happened then. Otherwise it had not happened by then: the time is
// censored.
struct Duration {
  double time = 0;
  bool happened = false;
};

// The median time by Kaplan & Meier (1958) with its 95 % interval by Brookmeyer & Crowley (1982),
// with Greenwood's variance on the scale of log(-log(share left)).
struct MedianDuration {
  std::uint64_t n = 0;
  std::uint64_t happened = 0;
  std::optional<double> median;  // nothing if it happened to fewer than half
  std::optional<double> lower;   // nothing if even this end was not reached
  std::optional<double> upper;   // nothing if this end was not reached
};

// Times > 0, in any order; a censored time may be infinite. Throws std::logic_error for others.
MedianDuration median_duration(std::vector<Duration> durations);

}  // namespace clipsweep

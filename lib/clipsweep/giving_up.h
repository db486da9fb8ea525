// Giving up a long computation that is no longer wanted: whoever computes asks between its parts.
#pragma once

#include <atomic>
#include <exception>

namespace clipsweep {

// Set from another thread or by a signal.
using StopFlag = std::atomic<bool>;

// For those whom nothing stops.
inline const StopFlag kNeverStop{false};

// What a computation that was given up ends with. No error: what it was made from is as it was.
// (LibTorch's backward pass lets through what is a std::exception.)
class GivenUp : public std::exception {
 public:
  const char* what() const noexcept override { return "given up: a stop was asked for"; }
};

// Throws GivenUp once the flag is set.
inline void give_up_if(const StopFlag& stop) {
  if (stop.load(std::memory_order_relaxed)) throw GivenUp();
}

}  // namespace clipsweep

// Giving up a long computation that is no longer wanted: whoever computes asks between its parts.
#pragma once

#include <atomic>
#include <exception>

namespace clipsweep {

// Set from another thread or by a signal.
using CancelFlag = std::atomic<bool>;

// For those whom nothing stops.
inline const CancelFlag kNotCancelled{false};

// What a computation that was given up ends with. No error: what it was made from is as it was.
// (LibTorch's backward pass lets through what is a std::exception.)
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "given up: a stop was asked for"; }
};

// Throws Cancelled once the flag is set.
inline void throw_if_cancelled(const CancelFlag& stop) {
  if (stop.load(std::memory_order_relaxed)) throw Cancelled();
}

}  // namespace clipsweep

// Cooperative cancellation: long computations poll a flag between chunks.
#pragma once

#include <atomic>
#include <exception>

namespace clipsweep {

// Set from another thread or by a signal.
using CancelFlag = std::atomic<bool>;

// A flag that is never set.
inline const CancelFlag kNotCancelled{false};

// Thrown by a cancelled computation. Not an error: its inputs are unchanged. (It is a
// std::exception because LibTorch's backward pass propagates nothing else.)
class Cancelled : public std::exception {
 public:
  const char* what() const noexcept override { return "cancelled"; }
};

// Throws Cancelled once the flag is set.
inline void throw_if_cancelled(const CancelFlag& cancel) {
  if (cancel.load(std::memory_order_relaxed)) throw Cancelled();
}

}  // namespace clipsweep

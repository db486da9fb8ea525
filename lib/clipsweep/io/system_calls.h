// Calls to the operating system that are tried again: at once after a signal, and a few times after
// a moment where the cause may pass by itself, such as too many open files or a network file system
// that does not answer.
#pragma once

#include <cerrno>
#include <chrono>
#include <thread>

namespace clipsweep {

// Repeats a call while a signal interrupts it. Returns what it returned, negative if it failed.
template <typename Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

inline bool may_pass(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
    case EIO:
    case ESTALE:
    case EAGAIN:
    case ENOMEM:
    case ENOLCK:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

// Repeats a function that returns an errno, 0 if it succeeded, while the cause may pass: for about
// 30 ms. Only for what changes nothing: after a write or sync that failed, the data may be lost.
template <typename Function>
int patiently(const Function& function) {
  std::chrono::milliseconds pause{1};
  constexpr std::chrono::milliseconds kLongest{25};
  for (;;) {
    const int error = function();
    if (error == EINTR) continue;
    if (!may_pass(error) || pause > kLongest) return error;
    std::this_thread::sleep_for(pause);
    pause *= 5;
  }
}

}  // namespace clipsweep

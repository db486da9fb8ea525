// Stops a sweep early: after Ctrl-C the last complete step is saved; a second Ctrl-C exits
// immediately.
#pragma once

#include <atomic>

namespace clipsweep {

// Installs handlers for SIGINT, SIGTERM and SIGUSR1 that set the flag they return.
std::atomic<bool>& install_stop_handlers();

// The signal that was received; 0 if none was.
int stop_signal();

}  // namespace clipsweep

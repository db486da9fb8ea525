// Asking a sweep to end early: after Ctrl-C the last whole step is saved, a second one ends at
// once.
#pragma once

#include <atomic>

namespace clipsweep {

// Installs handlers for SIGINT, SIGTERM and SIGUSR1 that set the flag they return.
std::atomic<bool>& install_stop_handlers();

// The signal that came, 0 if none did.
int stop_signal();

}  // namespace clipsweep

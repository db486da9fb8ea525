#include "stop_request.h"

#include <unistd.h>

#include <csignal>

namespace clipsweep {
namespace {

std::atomic<bool> stop_requested{false};
volatile std::sig_atomic_t received_signal = 0;

extern "C" void on_stop_signal(int signal) {
  if (received_signal != 0) ::_exit(128 + signal);
  received_signal = signal;
  stop_requested = true;
}

}  // namespace

std::atomic<bool>& install_stop_handlers() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);  // sent by cluster schedulers before preemption
  return stop_requested;
}

int stop_signal() { return received_signal; }

}  // namespace clipsweep

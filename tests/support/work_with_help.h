// Work that another thread helps with.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "clipsweep/base/parallel.h"

namespace clipsweep {

// Calls the work while a second thread helps it, or waits to.
inline void work_with_help(const std::function<void(WorkSharing&)>& work) {
  WorkSharing helpers;
  std::atomic<bool> is_at_work{false};
  run_on_threads(2, [&](std::size_t thread) {
    if (thread == 1) {
      while (!is_at_work) std::this_thread::yield();
      return helpers.help();
    }
    const WorkSharing::BusyScope at_work(helpers);
    is_at_work = true;
    work(helpers);
  });
}

}  // namespace clipsweep

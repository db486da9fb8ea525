// Work that an idle thread helps with.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "clipsweep/base/parallel.h"

namespace clipsweep {

// Calls the work while a second thread is idle and helps.
inline void work_with_help(const std::function<void(WorkSharing&)>& work) {
  WorkSharing sharing;
  std::atomic<bool> is_busy{false};
  run_on_threads(2, [&](std::size_t thread) {
    if (thread == 1) {
      while (!is_busy) std::this_thread::yield();
      return sharing.help();
    }
    const WorkSharing::BusyScope busy(sharing);
    is_busy = true;
    work(sharing);
  });
}

}  // namespace clipsweep

// A few threads for one job, whose errors are not lost.
#pragma once

#include <cstddef>
#include <functional>

namespace clipsweep {

// Calls `work` with 0 to count - 1, each on a thread of its own, and waits for all of them. Then
// throws the first exception that one of them threw, if any.
void run_on_threads(std::size_t count, const std::function<void(std::size_t)>& work);

}  // namespace clipsweep

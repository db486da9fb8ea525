#include "clipsweep/parallel.h"

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace clipsweep {

void run_on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::mutex mutex;
  std::exception_ptr first_error;
  const auto keep_error = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!first_error) first_error = std::current_exception();
  };
  std::vector<std::thread> threads;
  try {
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        try {
          work(i);
        } catch (...) {
          keep_error();
        }
      });
    }
  } catch (...) {  // the machine has no more threads: those that started do their part
    keep_error();
  }
  for (auto& thread : threads) thread.join();
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace clipsweep

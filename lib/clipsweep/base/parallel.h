// A few threads for one job, whose errors are not lost; those that are done help the others.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace clipsweep {

// Calls `work` with 0 to count - 1, each on a thread of its own, and waits for all of them. Then
// throws the first exception that one of them threw, if any; likewise if the machine has no thread
// for one of the first `needed`. Those after them are left out then.
void run_on_threads(std::size_t count, std::size_t needed,
                    const std::function<void(std::size_t)>& work);
inline void run_on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  run_on_threads(count, count, work);
}

// Threads that have no work of their own left, and lend a hand to those that have. Who takes which
// part is left to chance: parts must not depend on each other.
class WorkSharing {
 public:
  // This thread has work of its own as long as this lives.
  class BusyScope {
   public:
    explicit BusyScope(WorkSharing& helpers) : helpers_(helpers) { helpers_.begin_work(); }
    ~BusyScope() { helpers_.end_work(); }
    BusyScope(const BusyScope&) = delete;
    BusyScope& operator=(const BusyScope&) = delete;

   private:
    WorkSharing& helpers_;
  };

  // Calls `part` with 0 to count - 1, on this thread and on those that help, and returns when all
  // calls have. Then throws the first exception that one of them threw, if any; parts that nobody
  // has begun until then are left out.
  void share(std::size_t count, const std::function<void(std::size_t)>& part);

  // Helps until no thread has work of its own.
  void help();

 private:
  // What one thread shares.
  struct Shared {
    Shared(std::size_t parts, const std::function<void(std::size_t)>& call)
        : count(parts), part(call) {}

    const std::size_t count;
    const std::function<void(std::size_t)>& part;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> helpers{0};  // threads at it beside its own
    std::exception_ptr error;             // under the mutex
  };

  void begin_work();
  void end_work();
  void take_parts(Shared& shared);
  Shared* find_shared() const;
  void wait_for_news(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable has_news_;  // for those that wait to help
  std::condition_variable helped_;    // for those that are helped
  std::atomic<std::size_t> idle_{0};  // threads that help, or wait to
  std::atomic<std::size_t> news_{0};  // grows when there is something to share, or nothing any more
  std::vector<Shared*> shared_;
  std::size_t at_work_ = 0;
  bool is_one_looking_ = false;
};

// For those whom nobody helps.
inline WorkSharing kNoHelpers;

}  // namespace clipsweep

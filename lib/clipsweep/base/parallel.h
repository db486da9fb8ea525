// Runs a job on a few threads, propagating the first exception; idle threads help busy ones.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

namespace clipsweep {

// Calls `work` with 0 to count - 1, each on its own thread, and waits for all of them. Then throws
// the first exception that one of them threw, if any. If the machine cannot start all threads, it
// throws too, unless the first `needed` of them run: then the others are left out.
void run_on_threads(std::size_t count, std::size_t needed,
                    const std::function<void(std::size_t)>& work);
inline void run_on_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  run_on_threads(count, count, work);
}

// Lets threads that have finished their own work take parts of the others' work. Which thread takes
// which part is left to chance, so parts must not depend on each other.
class WorkSharing {
 public:
  // While it exists, this thread has work of its own.
  class BusyScope {
   public:
    explicit BusyScope(WorkSharing& sharing) : sharing_(sharing) { sharing_.begin_work(); }
    ~BusyScope() { sharing_.end_work(); }
    BusyScope(const BusyScope&) = delete;
    BusyScope& operator=(const BusyScope&) = delete;

   private:
    WorkSharing& sharing_;
  };

  // Calls `part` with 0 to count - 1, on this thread and on idle ones, and returns when all calls
  // have returned. Then throws the first exception that one of them threw, if any; parts that had
  // not begun by then are left out.
  void share(std::size_t count, const std::function<void(std::size_t)>& part);

  // Makes this thread an idle one, which takes parts until no thread has work of its own.
  void help();

 private:
  // What one thread shares.
  struct Job {
    Job(std::size_t parts, const std::function<void(std::size_t)>& call)
        : count(parts), part(call) {}

    const std::size_t count;
    const std::function<void(std::size_t)>& part;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> helpers{0};  // other threads that are taking parts
    std::exception_ptr error;             // under the mutex
  };

  void begin_work();
  void end_work();
  void take_parts(Job& job);
  Job* find_job() const;
  void wait_for_change(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;         // idle threads wait for it
  std::condition_variable helpers_left_;    // threads that share a job wait for it
  std::atomic<std::size_t> idle_{0};        // threads within `help`
  std::atomic<std::size_t> generation_{0};  // grows with each new job and when all work has ended
  std::vector<Job*> jobs_;
  std::size_t busy_ = 0;  // threads with work of their own
  bool has_spinner_ = false;
};

// The same without idle threads if `sharing` is null: calls `part` with 0 to count - 1, in order.
void share(WorkSharing* sharing, std::size_t count, const std::function<void(std::size_t)>& part);

}  // namespace clipsweep

#include "clipsweep/base/parallel.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace clipsweep {
namespace {

// An idle thread spins for this long before it sleeps: waking it up takes about as long.
constexpr std::chrono::microseconds kSpinTime{100};

// Returns as soon as the condition holds, or after kSpinTime.
template <typename Condition>
void spin_until(const Condition& holds) {
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

void call_each(std::size_t count, const std::function<void(std::size_t)>& part) {
  for (std::size_t i = 0; i < count; ++i) part(i);
}

std::exception_ptr no_thread_error(const std::system_error& error) {
  return std::make_exception_ptr(std::runtime_error(
      fmt::format("cannot start a thread: {}; raise the limits of memory (ulimit -v) and of "
                  "processes (ulimit -u), or use fewer --workers",
                  error.code().message())));
}

}  // namespace

void run_on_threads(std::size_t count, std::size_t needed,
                    const std::function<void(std::size_t)>& work) {
  std::mutex mutex;
  std::exception_ptr first_error;
  const auto keep_error = [&](std::exception_ptr error) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (!first_error) first_error = std::move(error);
  };
  std::vector<std::thread> threads;
  try {
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        try {
          work(i);
        } catch (...) {
          keep_error(std::current_exception());
        }
      });
    }
  } catch (const std::system_error& error) {
    // The machine has no more threads; those that started do all the work.
    if (threads.size() < needed) keep_error(no_thread_error(error));
  } catch (const std::bad_alloc&) {
    if (threads.size() < needed) keep_error(std::current_exception());
  }
  for (auto& thread : threads) thread.join();
  if (first_error) std::rethrow_exception(first_error);
}

void WorkSharing::begin_work() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++busy_;
}

void WorkSharing::end_work() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (--busy_ > 0) return;
  ++generation_;
  changed_.notify_all();
}

void WorkSharing::share(std::size_t count, const std::function<void(std::size_t)>& part) {
  if (count < 2 || idle_ == 0) return call_each(count, part);
  Job job(count, part);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(&job);
    ++generation_;
    for (std::size_t i = std::min<std::size_t>(idle_, count - 1); i > 0; --i) changed_.notify_one();
  }
  take_parts(job);
  spin_until([&] { return job.helpers == 0; });
  std::unique_lock<std::mutex> lock(mutex_);
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
  helpers_left_.wait(lock, [&] { return job.helpers == 0; });
  if (job.error) std::rethrow_exception(job.error);
}

void WorkSharing::take_parts(Job& job) {
  try {
    for (std::size_t i = job.next++; i < job.count; i = job.next++) job.part(i);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!job.error) job.error = std::current_exception();
    job.next = job.count;
  }
}

void WorkSharing::help() {
  ++idle_;
  std::unique_lock<std::mutex> lock(mutex_);
  while (busy_ > 0) {
    Job* const job = find_job();
    if (!job) {
      wait_for_change(lock);
      continue;
    }
    ++job->helpers;
    lock.unlock();
    take_parts(*job);
    lock.lock();
    if (--job->helpers == 0) helpers_left_.notify_all();
  }
  --idle_;
}

WorkSharing::Job* WorkSharing::find_job() const {
  const auto open = std::find_if(jobs_.begin(), jobs_.end(),
                                 [](const Job* job) { return job->next < job->count; });
  return open == jobs_.end() ? nullptr : *open;
}

void WorkSharing::wait_for_change(std::unique_lock<std::mutex>& lock) {
  const std::size_t seen = generation_;
  if (!has_spinner_) {  // more than one would slow each other down
    has_spinner_ = true;
    lock.unlock();
    spin_until([&] { return generation_ != seen; });
    lock.lock();
    has_spinner_ = false;
  }
  changed_.wait(lock, [&] { return generation_ != seen; });
}

void share(WorkSharing* sharing, std::size_t count, const std::function<void(std::size_t)>& part) {
  if (sharing) return sharing->share(count, part);
  call_each(count, part);
}

}  // namespace clipsweep

#include "clipsweep/base/parallel.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace clipsweep {
namespace {

// Waiting threads look for so long before they sleep: to be woken takes about as long.
constexpr std::chrono::microseconds kLooking{100};

// Returns as soon as it is so, or when it has taken too long.
template <typename Condition>
void look_for(const Condition& is_so) {
  const auto end = std::chrono::steady_clock::now() + kLooking;
  while (!is_so() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

}  // namespace

void run_on_threads(std::size_t count, std::size_t needed,
                    const std::function<void(std::size_t)>& work) {
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
    if (threads.size() < needed) keep_error();
  }
  for (auto& thread : threads) thread.join();
  if (first_error) std::rethrow_exception(first_error);
}

void WorkSharing::begin_work() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++at_work_;
}

void WorkSharing::end_work() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (--at_work_ > 0) return;
  ++news_;
  has_news_.notify_all();
}

void WorkSharing::share(std::size_t count, const std::function<void(std::size_t)>& part) {
  if (count < 2 || idle_ == 0) {
    for (std::size_t i = 0; i < count; ++i) part(i);
    return;
  }
  Shared shared(count, part);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shared_.push_back(&shared);
    ++news_;
    for (std::size_t i = std::min<std::size_t>(idle_, count - 1); i > 0; --i)
      has_news_.notify_one();
  }
  take_parts(shared);
  look_for([&] { return shared.helpers == 0; });
  std::unique_lock<std::mutex> lock(mutex_);
  shared_.erase(std::find(shared_.begin(), shared_.end(), &shared));
  helped_.wait(lock, [&] { return shared.helpers == 0; });
  if (shared.error) std::rethrow_exception(shared.error);
}

void WorkSharing::take_parts(Shared& shared) {
  try {
    for (std::size_t i = shared.next++; i < shared.count; i = shared.next++) shared.part(i);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!shared.error) shared.error = std::current_exception();
    shared.next = shared.count;
  }
}

void WorkSharing::help() {
  ++idle_;
  std::unique_lock<std::mutex> lock(mutex_);
  while (at_work_ > 0) {
    Shared* const shared = find_shared();
    if (!shared) {
      wait_for_news(lock);
      continue;
    }
    ++shared->helpers;
    lock.unlock();
    take_parts(*shared);
    lock.lock();
    if (--shared->helpers == 0) helped_.notify_all();
  }
  --idle_;
}

WorkSharing::Shared* WorkSharing::find_shared() const {
  const auto open = std::find_if(shared_.begin(), shared_.end(),
                                 [](const Shared* shared) { return shared->next < shared->count; });
  return open == shared_.end() ? nullptr : *open;
}

void WorkSharing::wait_for_news(std::unique_lock<std::mutex>& lock) {
  const std::size_t seen = news_;
  if (!is_one_looking_) {  // more would be in each other's way
    is_one_looking_ = true;
    lock.unlock();
    look_for([&] { return news_ != seen; });
    lock.lock();
    is_one_looking_ = false;
  }
  has_news_.wait(lock, [&] { return news_ != seen; });
}

}  // namespace clipsweep

// Memory set aside for the moment when there is none left, so that destructors and error messages
// have some. It is no help against a single request that is too large, which needs none.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <new>

namespace clipsweep {

namespace memory_reserve_detail {
inline constexpr std::size_t kReserveBytes = std::size_t{1} << 20;
inline std::atomic<void*> reserve{nullptr};
inline std::atomic<bool> was_short{false};
inline std::atomic<int> terminating_scopes{0};

inline void on_lack_of_memory() {
  was_short = true;
  if (terminating_scopes > 0) std::terminate();
  void* const released = reserve.exchange(nullptr);
  std::free(released);
  // Destructors must not fail while an exception is propagated: the request is repeated.
  if (released && std::uncaught_exceptions() > 0) return;
  throw std::bad_alloc();
}
}  // namespace memory_reserve_detail

// Sets memory aside unless it is, or there is too little. Call it at the start, and again after a
// lack of memory whose cause is gone.
inline void renew_memory_reserve() {
  using namespace memory_reserve_detail;
  if (reserve) return;
  std::free(reserve.exchange(std::malloc(kReserveBytes)));
}

// Frees the reserve at the first request that lacks memory, then throws std::bad_alloc as usual.
inline void use_memory_reserve() {
  std::set_new_handler(memory_reserve_detail::on_lack_of_memory);
  renew_memory_reserve();
}

// Whether a request has lacked memory since `use_memory_reserve`.
inline bool was_memory_short() { return memory_reserve_detail::was_short; }

// While it exists, lack of memory ends the program by std::terminate: for calls of a library that
// would write to a null pointer.
class LackOfMemoryTerminates {
 public:
  LackOfMemoryTerminates() { ++memory_reserve_detail::terminating_scopes; }
  ~LackOfMemoryTerminates() { --memory_reserve_detail::terminating_scopes; }
  LackOfMemoryTerminates(const LackOfMemoryTerminates&) = delete;
  LackOfMemoryTerminates& operator=(const LackOfMemoryTerminates&) = delete;
};

}  // namespace clipsweep

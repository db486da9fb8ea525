// Memory layout for SIMD kernels: vectors start at a cache line, and a row of samples fills one, so
// that no register is loaded from two cache lines.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace clipsweep {

// The number of samples next to each other in memory, in the lanes of the CPU's registers.
inline constexpr std::size_t kLanes = 16;

template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{kLanes * sizeof(float)};

  AlignedAllocator() = default;
  template <typename Other>
  AlignedAllocator(const AlignedAllocator<Other>&) {}

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* memory, std::size_t) { ::operator delete(memory, kAlignment); }

  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) { return true; }
  friend bool operator!=(const AlignedAllocator&, const AlignedAllocator&) { return false; }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

}  // namespace clipsweep

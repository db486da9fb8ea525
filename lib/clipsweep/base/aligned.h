// Memory for SIMD kernels: rows of one cache line, and vectors that start at a cache line, so that
// no load of a register crosses two lines.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace clipsweep {

// The number of samples in one row of a block: one lane each of the CPU's registers.
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

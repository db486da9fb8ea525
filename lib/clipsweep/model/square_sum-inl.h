// A sum of squares of float32 numbers, for kernels that have the numbers at hand. Compiled once for
// each instruction set (Highway's "-inl" convention); only SIMD kernels include it.
#if defined(CLIPSWEEP_SQUARE_SUM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_SQUARE_SUM_INL_H
#undef CLIPSWEEP_SQUARE_SUM_INL_H
#else
#define CLIPSWEEP_SQUARE_SUM_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kSquaresAtATime = 8;

// The square of a float32 is exact in double. There are always eight partial sums, whatever the
// width of the registers: the sum is the same on all machines.
class SquareSum {
 public:
  HWY_INLINE SquareSum() {
    for (auto& sum : sums_) sum = hn::Zero(kDoubles);
  }

  // values [kSquaresAtATime].
  HWY_INLINE void add(const float* values) {
    const hn::Rebind<float, Doubles> floats;
    for (std::size_t n = 0; n < kRegisters; ++n) {
      const auto value = hn::PromoteTo(kDoubles, hn::LoadU(floats, values + n * kLanes));
      sums_[n] = hn::MulAdd(value, value, sums_[n]);
    }
  }

  // For the numbers at the end, which are fewer than kSquaresAtATime.
  HWY_INLINE void add_rest(float number) {
    const double value = number;
    rest_ += value * value;
  }

  HWY_INLINE double total() const {
    HWY_ALIGN double s[kSquaresAtATime];
    for (std::size_t n = 0; n < kRegisters; ++n) hn::Store(sums_[n], kDoubles, s + n * kLanes);
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + rest_;
  }

 private:
  using Doubles = hn::CappedTag<double, kSquaresAtATime>;
  static constexpr Doubles kDoubles{};
  static constexpr std::size_t kLanes = hn::MaxLanes(kDoubles);
  static constexpr std::size_t kRegisters = kSquaresAtATime / kLanes;

  hn::Vec<Doubles> sums_[kRegisters];
  double rest_ = 0;
};

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

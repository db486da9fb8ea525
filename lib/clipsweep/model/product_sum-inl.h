// Sums of products and squares of float32 numbers, for kernels that have the numbers at hand.
// Compiled once for each instruction set (Highway's "-inl" convention); only SIMD kernels include
// it.
#if defined(CLIPSWEEP_PRODUCT_SUM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CLIPSWEEP_PRODUCT_SUM_INL_H
#undef CLIPSWEEP_PRODUCT_SUM_INL_H
#else
#define CLIPSWEEP_PRODUCT_SUM_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kPartialSums = 8;

// A sum of products of float32 numbers, which are exact in double. There are always eight partial
// sums, whatever the width of the registers: the sum is the same on all machines.
class ProductSum {
 public:
  HWY_INLINE ProductSum() {
    for (auto& sum : sums_) sum = hn::Zero(kDoubles);
  }

  // Adds a product to each partial sum. a, b [kPartialSums].
  HWY_INLINE void add(const float* a, const float* b) {
    const hn::Rebind<float, Doubles> floats;
    for (std::size_t n = 0; n < kRegisters; ++n) {
      const auto of_a = hn::PromoteTo(kDoubles, hn::LoadU(floats, a + n * kLanes));
      const auto of_b = hn::PromoteTo(kDoubles, hn::LoadU(floats, b + n * kLanes));
      sums_[n] = hn::MulAdd(of_a, of_b, sums_[n]);
    }
  }
  HWY_INLINE void add_squares(const float* values) { add(values, values); }

  // For the numbers at the end, which are fewer than kPartialSums.
  HWY_INLINE void add_last_square(float number) {
    const double value = number;
    last_squares_ += value * value;
  }

  // to [kPartialSums].
  HWY_INLINE void store(double* to) const {
    for (std::size_t n = 0; n < kRegisters; ++n) hn::StoreU(sums_[n], kDoubles, to + n * kLanes);
  }

  HWY_INLINE double total() const {
    double s[kPartialSums];
    store(s);
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])) + last_squares_;
  }

 private:
  using Doubles = hn::CappedTag<double, kPartialSums>;
  static constexpr Doubles kDoubles{};
  static constexpr std::size_t kLanes = hn::MaxLanes(kDoubles);
  static constexpr std::size_t kRegisters = kPartialSums / kLanes;

  hn::Vec<Doubles> sums_[kRegisters];
  double last_squares_ = 0;
};

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#include "clipsweep/engine/fused/peak_flops.h"

#include <cstdint>

#include "clipsweep/base/simd_targets.h"
#include "clipsweep/base/wall_clock.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/engine/fused/peak_flops.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Runs `rounds` rounds of fused multiply-adds and returns the number of operations. The result goes
// to `sink`, so that the compiler cannot remove any of them.
std::uint64_t multiply_and_add(std::uint64_t rounds, float* sink) {
  constexpr hn::CappedTag<float, 16> kFloats;
  constexpr std::size_t kChains = 12;  // enough to hide the latency on any processor
  hn::Vec<decltype(kFloats)> sums[kChains];
  for (std::size_t i = 0; i < kChains; ++i) sums[i] = hn::Set(kFloats, static_cast<float>(i));
  const auto factor = hn::Set(kFloats, 0.999F);
  const auto summand = hn::Set(kFloats, 0.001F);
  for (std::uint64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kChains; ++i) sums[i] = hn::MulAdd(sums[i], factor, summand);
  }
  auto total = sums[0];
  for (std::size_t i = 1; i < kChains; ++i) total = hn::Add(total, sums[i]);
  *sink = hn::GetLane(total);
  return rounds * kChains * hn::MaxLanes(kFloats) * 2;
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(multiply_and_add);

double peak_flops() {
  volatile float sink = 0;
  float result = 0;
  const Stopwatch stopwatch;
  std::uint64_t operations = 0;
  while (stopwatch.seconds() < 0.02) {
    operations += HWY_DYNAMIC_DISPATCH(multiply_and_add)(10'000, &result);
    sink = result;
  }
  static_cast<void>(sink);
  return static_cast<double>(operations) / stopwatch.seconds();
}

}  // namespace clipsweep
#endif

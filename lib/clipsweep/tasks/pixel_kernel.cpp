#include "clipsweep/tasks/pixel_kernel.h"

#include "clipsweep/base/simd_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/tasks/pixel_kernel.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// One pixel of all images: bytes [kLanes] to values [kLanes].
HWY_INLINE void scale_row(const std::uint8_t* bytes, float* values) {
  constexpr hn::CappedTag<float, kLanes> kFloats;
  const hn::RebindToSigned<decltype(kFloats)> integers;
  const hn::Rebind<std::uint8_t, decltype(kFloats)> pixels;
  for (std::size_t lane = 0; lane < kLanes; lane += hn::MaxLanes(kFloats)) {
    const auto number =
        hn::ConvertTo(kFloats, hn::PromoteTo(integers, hn::LoadU(pixels, bytes + lane)));
    hn::Store(hn::Div(number, hn::Set(kFloats, 255.0F)), kFloats, values + lane);
  }
}

void transpose_pixel(const LaneImages& images, std::size_t pixel, float* values) {
  std::uint8_t bytes[kLanes];
  for (std::size_t lane = 0; lane < kLanes; ++lane) bytes[lane] = images[lane][pixel];
  scale_row(bytes, values);
}

#if HWY_TARGET == HWY_SCALAR

constexpr std::size_t kTilePixels = 1;

void transpose_tile(const LaneImages& images, std::size_t pixel, float* values) {
  transpose_pixel(images, pixel, values);
}

#else

constexpr std::size_t kTilePixels = kLanes;

// kTilePixels pixels of all images. Each of four rounds shuffles rows and bytes like the two halves
// of a deck of cards: the highest bit of the row index moves to the end of the byte index, and the
// highest bit of the byte index to the end of the row index. After four rounds the two indices are
// swapped.
void transpose_tile(const LaneImages& images, std::size_t pixel, float* values) {
  constexpr hn::FixedTag<std::uint8_t, kLanes> kBytes;
  hn::Vec<decltype(kBytes)> rows[kLanes];
#pragma GCC unroll 16
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    rows[lane] = hn::LoadU(kBytes, images[lane] + pixel);
#pragma GCC unroll 4
  for (int round = 0; round < 4; ++round) {
    hn::Vec<decltype(kBytes)> shuffled[kLanes];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kLanes / 2; ++i) {
      shuffled[2 * i] = hn::InterleaveLower(kBytes, rows[i], rows[i + kLanes / 2]);
      shuffled[2 * i + 1] = hn::InterleaveUpper(kBytes, rows[i], rows[i + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kLanes; ++i) rows[i] = shuffled[i];
  }
  HWY_ALIGN std::uint8_t bytes[kLanes];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kLanes; ++i) {
    hn::Store(rows[i], kBytes, bytes);
    scale_row(bytes, values + i * kLanes);
  }
}

#endif

}  // namespace

void transpose_pixels(const LaneImages& images, std::size_t pixels, float* values) {
  std::size_t pixel = 0;
  for (; pixel + kTilePixels <= pixels; pixel += kTilePixels)
    transpose_tile(images, pixel, values + pixel * kLanes);
  for (; pixel < pixels; ++pixel) transpose_pixel(images, pixel, values + pixel * kLanes);
}

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {

HWY_EXPORT(transpose_pixels);

void pixels_to_lanes(const LaneImages& images, std::size_t pixels, float* values) {
  HWY_DYNAMIC_DISPATCH(transpose_pixels)(images, pixels, values);
}

}  // namespace clipsweep
#endif

// Pictures as bytes, one after the other, to samples side by side as floats: the transposition that
// every batch needs once, for all runs that share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "clipsweep/base/aligned.h"

namespace clipsweep {

// The first pixel of each of the pictures that lie side by side.
using LanePictures = std::array<const std::uint8_t*, kLanes>;

// values[pixel][lane] = pictures[lane][pixel] / 255, as a division rounds it. values [pixels,
// kLanes], aligned.
void pixels_to_lanes(const LanePictures& pictures, std::size_t pixels, float* values);

}  // namespace clipsweep

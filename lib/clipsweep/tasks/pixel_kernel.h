// Converts images from bytes, image by image, to floats with the samples interleaved: a
// transposition that each batch needs once, for all runs that share it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "clipsweep/base/aligned.h"

namespace clipsweep {

// The first pixel of the image in each lane.
using LaneImages = std::array<const std::uint8_t*, kLanes>;

// values[pixel][lane] = images[lane][pixel] / 255, rounded as a division. values [pixels, kLanes],
// aligned.
void pixels_to_lanes(const LaneImages& images, std::size_t pixels, float* values);

}  // namespace clipsweep

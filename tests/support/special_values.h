// Values that are not finite; they convert to double as they are.
#pragma once

#include <limits>

namespace clipsweep {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

}  // namespace clipsweep

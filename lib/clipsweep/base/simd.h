// The instruction set that the SIMD kernels use: the best that the processor has, or the one that
// the environment variable CLIPSWEEP_SIMD names. It may change the last bits of what the fused
// engine computes, so it is recorded; everything else comes out the same on all of them.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// Those that this build and this processor have, best first: `avx512`, `avx2`, `sse4`, ...
std::vector<std::string> simd_names();

// The one in use.
std::string simd_name();

// Holds all kernels to this one from now on; the empty name gives the choice back to the processor.
// Not while kernels are running. Throws ConfigError if it is not one of `simd_names`.
void use_simd(const std::string& name);

// The version of Google Highway: `1.0.3`.
std::string simd_library_version();

// `use_simd` with what CLIPSWEEP_SIMD says, where it is set.
void use_simd_of_environment();

}  // namespace clipsweep

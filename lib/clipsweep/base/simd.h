// The instruction set that the SIMD kernels use: the best of the processor, or the one in the
// environment variable CLIPSWEEP_SIMD. It may change the last bits of the fused engine's results,
// so it is recorded; all other results are equal on all of them.
#pragma once

#include <string>
#include <vector>

namespace clipsweep {

// The instruction sets that this build and this processor support, best first: `avx512`, `avx2`,
// `sse4`, ... None if the kernels were compiled for another processor only.
std::vector<std::string> simd_names();

// The instruction set in use.
std::string simd_name();

// Restricts all kernels to this instruction set from now on; the empty name removes the
// restriction. Do not call while kernels are running. Throws ConfigError if the name is not in
// `simd_names`.
void use_simd(const std::string& name);

// The version of Google Highway: `1.0.3`.
std::string simd_library_version();

// Calls `use_simd` with the value of CLIPSWEEP_SIMD, if that is set. Each program calls it first:
// it throws ConfigError if the kernels were compiled for another processor only.
void use_simd_of_environment();

}  // namespace clipsweep

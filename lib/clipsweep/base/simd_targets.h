// Which instruction sets the kernels are compiled for, by Google Highway: AVX-512, AVX2, SSE4 and
// what the compiler may assume anyway. To be included before any other header of Highway.
#pragma once

// Expanded only where it is used, below, when the names in it are known.
#define HWY_DISABLED_TARGETS CLIPSWEEP_TARGETS_LEFT_OUT

#include <hwy/detect_targets.h>

// Variants of AVX-512 that bring these kernels nothing, and SSSE3, on which no machine of today
// depends. Later versions of Highway know more of the first.
#if !HWY_ARCH_X86
// Vectors of no fixed length: the kernels keep arrays of vectors.
#define CLIPSWEEP_TARGETS_LEFT_OUT (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#elif defined(HWY_AVX3_SPR)
#define CLIPSWEEP_TARGETS_LEFT_OUT (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_SSSE3)
#elif defined(HWY_AVX3_ZEN4)
#define CLIPSWEEP_TARGETS_LEFT_OUT (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_SSSE3)
#else
#define CLIPSWEEP_TARGETS_LEFT_OUT (HWY_AVX3_DL | HWY_SSSE3)
#endif

// The instruction sets that the kernels are compiled for, by Google Highway: AVX-512, AVX2, SSE4
// and the compiler's default. Include it before any other header of Highway.
#pragma once

// Expanded only at its uses below, where the names in it are defined.
#define HWY_DISABLED_TARGETS CLIPSWEEP_DISABLED_TARGETS

// Highway takes the lowest set for granted. Where that is not the compiler's default, a program
// must look for it when it starts: `use_simd_of_environment`.
#if defined(CLIPSWEEP_WITHOUT_DEFAULT)
#define HWY_BASELINE_TARGETS (HWY_AVX3 | HWY_AVX2)
#endif

#include <hwy/detect_targets.h>

// Left out are variants of AVX-512 that do not make these kernels faster, and SSSE3, which no
// current machine needs. Later versions of Highway have more of the first.
#if defined(HWY_AVX3_SPR)
#define CLIPSWEEP_AVX512_VARIANTS (HWY_AVX3_DL | HWY_AVX3_ZEN4 | HWY_AVX3_SPR)
#elif defined(HWY_AVX3_ZEN4)
#define CLIPSWEEP_AVX512_VARIANTS (HWY_AVX3_DL | HWY_AVX3_ZEN4)
#else
#define CLIPSWEEP_AVX512_VARIANTS HWY_AVX3_DL
#endif
#if !HWY_ARCH_X86
// Vectors without a fixed length: the kernels have arrays of vectors, which these do not allow.
#define CLIPSWEEP_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#else
#if defined(CLIPSWEEP_WITHOUT_SSE4)
#define CLIPSWEEP_LEAVE_OUT_SSE4 (HWY_SSSE3 | HWY_SSE4)
#else
#define CLIPSWEEP_LEAVE_OUT_SSE4 HWY_SSSE3
#endif
#if defined(CLIPSWEEP_WITHOUT_AVX2)
#define CLIPSWEEP_LEAVE_OUT_AVX2 HWY_AVX2
#else
#define CLIPSWEEP_LEAVE_OUT_AVX2 0
#endif
#if defined(CLIPSWEEP_WITHOUT_AVX512)
#define CLIPSWEEP_LEAVE_OUT_AVX512 (CLIPSWEEP_AVX512_VARIANTS | HWY_AVX3)
#else
#define CLIPSWEEP_LEAVE_OUT_AVX512 CLIPSWEEP_AVX512_VARIANTS
#endif
#define CLIPSWEEP_DISABLED_TARGETS \
  (CLIPSWEEP_LEAVE_OUT_SSE4 | CLIPSWEEP_LEAVE_OUT_AVX2 | CLIPSWEEP_LEAVE_OUT_AVX512)
#endif

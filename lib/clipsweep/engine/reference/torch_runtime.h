// LibTorch as it is on this machine: its threads, its version, its BLAS.
#pragma once

#include <string>

namespace clipsweep {

// Holds LibTorch's own operations to the calling thread: at this size its thread pool costs 10 to
// 20 times what it brings, and parallelism is over cohorts. Each worker calls it once.
void use_one_thread();

// `1.13.1`
std::string torch_version();

// The instruction set of LibTorch's kernels: `AVX2`.
std::string torch_simd();

// The file that the matrix products come from, such as `openblas-pthread/libblas.so.3`.
std::string blas_library();

// That, and the processor whose kernels OpenBLAS was told to use: they decide a run's last digits.
std::string blas_description();

// Whether it is the slow reference BLAS, which LibTorch gets where nothing better is installed.
bool blas_is_reference();

}  // namespace clipsweep

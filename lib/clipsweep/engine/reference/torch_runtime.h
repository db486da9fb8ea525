// LibTorch on this machine: its threads, its version, its BLAS.
#pragma once

#include <string>

namespace clipsweep {

// Restricts LibTorch's operations to the calling thread: for models of this size its thread pool
// makes them 10 to 20 times slower, and cohorts run in parallel anyway. Each worker calls it once.
void use_one_thread();

// Loads LibTorch's part for CUDA, if it has one, which takes seconds. Returns whether there is a
// device. Call it before anything else asks LibTorch for CUDA: LibTorch looks for that part once.
bool load_cuda();

// `1.13.1`
std::string torch_version();

// The instruction set of LibTorch's kernels: `AVX2`.
std::string torch_simd();

// The library that computes the matrix products, such as `openblas-pthread/libblas.so.3`.
std::string blas_library();

// The same, with the processor type that OPENBLAS_CORETYPE selects: both affect a run's last
// digits.
std::string blas_description();

// Whether it is the slow reference BLAS, which is used if nothing better is installed.
bool blas_is_reference();

}  // namespace clipsweep

#include "clipsweep/engine/reference/torch_runtime.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <cstdlib>
#include <filesystem>

namespace clipsweep {

void use_one_thread() { at::set_num_threads(1); }

bool load_cuda() {
  ::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  return torch::cuda::is_available();
}

std::string torch_version() { return TORCH_VERSION; }

std::string torch_simd() {
  // LibTorch says so only in its configuration text, which is the same in 1.13 and 2.x.
  const std::string description = at::show_config();
  const std::string label = "CPU capability usage: ";
  const auto found = description.find(label);
  if (found == std::string::npos) return "unknown";
  const auto begin = found + label.size();
  return description.substr(begin, description.find_first_of(" \n", begin) - begin);
}

std::string blas_library() {
  namespace fs = std::filesystem;
  const void* product = ::dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info{};
  if (!product || ::dladdr(product, &info) == 0 || !info.dli_fname) return "unknown";
  std::error_code error;
  const fs::path file = fs::canonical(info.dli_fname, error);
  if (error) return info.dli_fname;
  return (file.parent_path().filename() / file.filename()).string();
}

std::string blas_description() {
  const char* kernel = std::getenv("OPENBLAS_CORETYPE");
  return kernel ? fmt::format("{}, OPENBLAS_CORETYPE={}", blas_library(), kernel) : blas_library();
}

bool blas_is_reference() { return blas_library().compare(0, 5, "blas/") == 0; }

}  // namespace clipsweep

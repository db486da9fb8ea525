#include "one_thread.h"

#include <array>
#include <cstdlib>
#include <cstring>

namespace clipsweep {
namespace {

constexpr std::array<const char*, 2> kVariables = {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"};

}  // namespace

void set_one_thread_environment() {
  for (const char* variable : kVariables) ::setenv(variable, "1", 1);
}

bool has_one_thread_environment() {
  for (const char* variable : kVariables) {
    const char* value = std::getenv(variable);
    if (!value || std::strcmp(value, "1") != 0) return false;
  }
  return true;
}

}  // namespace clipsweep

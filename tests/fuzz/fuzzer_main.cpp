// How libFuzzer calls a target.
#include <cstddef>
#include <cstdint>

#include "fuzz.h"
#include "targets.h"

namespace {

clipsweep::FuzzTarget target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** argv) {
  target = clipsweep::target_of((*argv)[0]);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  clipsweep::refusable([&] { target({reinterpret_cast<const char*>(data), size}); });
  return 0;
}

// Tests with each instruction set of this machine: a fixture that runs a whole test with each, and
// a function for tests whose expectation takes long and is the same for all.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "clipsweep/base/simd.h"

namespace clipsweep {

class EachSimd : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { use_simd(GetParam()); }
  void TearDown() override { use_simd(""); }
};

// Calls `check` with each instruction set.
template <typename Check>
void with_each_simd(const Check& check) {
  struct Reset {
    ~Reset() { use_simd(""); }
  } const reset;
  for (const std::string& simd : simd_names()) {
    SCOPED_TRACE(simd);
    use_simd(simd);
    check();
  }
}

// Instantiates a suite with this fixture, or one derived from it.
#define CLIPSWEEP_WITH_EACH_SIMD(Suite)                                    \
  INSTANTIATE_TEST_SUITE_P(With, Suite, ::testing::ValuesIn(simd_names()), \
                           [](const auto& instance) { return instance.param; })

}  // namespace clipsweep

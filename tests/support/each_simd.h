// A fixture that runs a test with each instruction set of this machine.
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

// Instantiates a suite with this fixture, or one derived from it.
#define CLIPSWEEP_WITH_EACH_SIMD(Suite)                                    \
  INSTANTIATE_TEST_SUITE_P(With, Suite, ::testing::ValuesIn(simd_names()), \
                           [](const auto& instance) { return instance.param; })

}  // namespace clipsweep

// Tests with each engine: the reference engine, and the fused one with each instruction set of this
// machine.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "clipsweep/base/simd.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"

namespace clipsweep {

// The parameter: `reference`, or the instruction set of the fused engine.
class EachEngine : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { use_simd(is_reference() ? "" : GetParam()); }
  void TearDown() override { use_simd(""); }

  static bool is_reference() { return GetParam() == "reference"; }
  static std::unique_ptr<GradientEngine> engine_for(const ParameterLayout& layout) {
    return is_reference() ? make_reference_engine(layout, "cpu") : make_fused_engine(layout);
  }
};

inline std::vector<std::string> every_engine() {
  auto names = simd_names();
  names.emplace_back("reference");
  return names;
}

// Instantiates a suite with this fixture, or one derived from it.
#define CLIPSWEEP_WITH_EACH_ENGINE(Suite)                                    \
  INSTANTIATE_TEST_SUITE_P(With, Suite, ::testing::ValuesIn(every_engine()), \
                           [](const auto& instance) { return instance.param; })

}  // namespace clipsweep

#include "clipsweep/base/simd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>

#include "clipsweep/base/error.h"
#include "clipsweep/base/simd_targets.h"
#include "clipsweep/base/text.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "clipsweep/base/simd.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipsweep::HWY_NAMESPACE {

// The target that the dispatch selects.
std::int64_t target_in_use() { return HWY_TARGET; }

}  // namespace clipsweep::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace clipsweep {
namespace {

HWY_EXPORT(target_in_use);

// The names that processor vendors use; Highway's differ for some.
std::string name_of(std::int64_t target) {
  std::string name = hwy::TargetName(target);
  if (name == "AVX3") return "avx512";
  if (name == "EMU128") return "scalar";
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return name;
}

// Best first: with Highway a lower bit is a better target.
std::vector<std::int64_t> available_targets() {
  std::vector<std::int64_t> targets;
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1)
    targets.push_back(left & -left);
#if !defined(CLIPSWEEP_WITHOUT_DEFAULT)
  // The target that the compiler may assume in any case.
  if (targets.empty() || targets.back() != HWY_STATIC_TARGET) targets.push_back(HWY_STATIC_TARGET);
#endif
  return targets;
}

void restrict_to(std::int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace

std::vector<std::string> simd_names() {
  static const std::vector<std::int64_t> kTargets = available_targets();
  std::vector<std::string> names;
  for (const std::int64_t target : kTargets) names.push_back(name_of(target));
  return names;
}

std::string simd_name() { return name_of(HWY_DYNAMIC_DISPATCH(target_in_use)()); }

void use_simd(const std::string& name) {
  const auto names = simd_names();  // of the unrestricted processor
  if (name.empty()) return restrict_to(0);
  for (std::int64_t left = HWY_TARGETS; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    const bool available = std::find(names.begin(), names.end(), name) != names.end();
    if (available && name_of(target) == name) return restrict_to(target);
  }
  throw ConfigError(fmt::format("CLIPSWEEP_SIMD: {}; supported by this machine: {}",
                                unknown_name("instruction set", name, names), join(names)));
}

std::string simd_library_version() {
  return fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH);
}

void use_simd_of_environment() {
  if (simd_names().empty())
    throw ConfigError(fmt::format(
        "this program was compiled for processors with {0} only, and this one has no {0}; compile "
        "it for all: cmake --preset release && cmake --build --preset release",
        name_of(HWY_STATIC_TARGET)));
  const char* name = std::getenv("CLIPSWEEP_SIMD");
  if (name && *name) use_simd(name);
}

}  // namespace clipsweep
#endif

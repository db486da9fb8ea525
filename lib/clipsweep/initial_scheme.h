// How initial weights are drawn: the schemes' names, and what a scheme is told. What each one does
// stands in initial_weights.h.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/model.h"

namespace clipsweep {

enum class InitialKind { kKeras, kTorch, kIdentity, kGaussian, kSparse };

struct InitialScheme {
  InitialKind kind = InitialKind::kKeras;
  double gaussian_sd = 0;  // standard deviation of a gaussian's kernels
};

bool operator==(const InitialScheme& a, const InitialScheme& b);

// `keras`, `gaussian:0.01`
std::string to_text(const InitialScheme& scheme);

// `keras, torch, identity, gaussian:SD, sparse`
std::string initial_scheme_forms();

// Throws ConfigError that says what is allowed.
InitialScheme parse_initial_scheme(std::string_view text);

// Throws ConfigError where the cell cannot begin like this.
void check_initial_scheme(const InitialScheme& scheme, Cell cell);

}  // namespace clipsweep

// How initial weights are drawn: the schemes' names, what a scheme is told, and which cell begins
// how. What each scheme does stands in initial_weights.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "clipsweep/model/model.h"

namespace clipsweep {

enum class InitialKind { kKeras, kTorch, kIdentity, kGaussian, kSparse };

struct InitialScheme {
  InitialKind kind = InitialKind::kKeras;
  // Standard deviation of normal kernels: all of `gaussian`, and those that `identity` does not set
  // (0: they are Glorot uniform).
  double deviation = 0;
};

bool operator==(const InitialScheme& a, const InitialScheme& b);

// `keras`, `identity`, `identity:0.001`, `gaussian:0.01`
std::string to_text(const InitialScheme& scheme);

// `keras, torch, identity, identity:SD, gaussian:SD, sparse`
std::string initial_scheme_forms();

// Throws ConfigError that says what is allowed.
InitialScheme parse_initial_scheme(std::string_view text);

// Throws ConfigError where the cell cannot begin like this.
void check_initial_scheme(const InitialScheme& scheme, Cell cell);

// A cell and how its weights begin: what is compared stays within one of them.
struct CellSetup {
  Cell cell = Cell::kLstm;
  InitialScheme init = {};
};

bool operator==(const CellSetup& a, const CellSetup& b);

// `rnn-tanh:gaussian:0.01`
std::string to_text(const CellSetup& setup);
// `rnn-tanh:gaussian:0.01`; the scheme is left out if it is the default.
std::string display_name(const CellSetup& setup);
// As in an arm's name: `rnn-relu-identity`, `lstm-torch`; empty for the default.
std::string slug_of(const CellSetup& setup);

// As it is named: without a scheme, that of all cells.
struct CellChoice {
  Cell cell = Cell::kLstm;
  std::optional<InitialScheme> init = std::nullopt;
};

std::string to_text(const CellChoice& choice);

// `rnn-relu` or `rnn-relu:identity`. Throws ConfigError that says what is allowed.
CellChoice parse_cell_choice(std::string_view text);

}  // namespace clipsweep

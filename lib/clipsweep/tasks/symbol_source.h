// Sources of symbols whose entropy rate is known: the loss of the best possible prediction, with
// which that of a trained network can be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "clipsweep/base/random.h"

namespace clipsweep {

// A finite automaton that emits a symbol on each transition. The symbols so far determine its
// state, so that its entropy rate is the mean entropy of the next transition.
struct SymbolSource {
  struct Transition {
    std::uint16_t symbol;
    double probability;
    std::size_t next;  // state
  };

  int symbols = 0;
  std::vector<std::vector<Transition>> states;  // of each state; it begins in the first one
};

// A Markov chain of order 2 over eight symbols, with fixed probabilities that were drawn at random.
SymbolSource markov_source();

// The embedded Reber grammar, string after string: seven symbols, of which the last but one of a
// string repeats the second one (Fahlman, 1991; Hochreiter & Schmidhuber, 1997).
SymbolSource reber_source();

// Nats per symbol: the sum over the states of their stationary probability times the entropy of
// their transitions (Cover & Thomas, Elements of Information Theory, 4.2).
double entropy_rate(const SymbolSource& source);

std::vector<std::uint16_t> draw_symbols(const SymbolSource& source, std::size_t count,
                                        RandomStream& random);

}  // namespace clipsweep

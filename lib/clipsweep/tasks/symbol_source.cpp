#include "clipsweep/tasks/symbol_source.h"

#include <cmath>

namespace clipsweep {

SymbolSource markov_source() {
  constexpr std::size_t kSymbols = 8;
  constexpr double kSpread = 1.5;  // of the logarithms of the probabilities
  RandomStream random(0, "markov-source");
  SymbolSource source;
  source.symbols = kSymbols;
  // State (a, b): the last symbols were a and then b.
  for (std::size_t state = 0; state < kSymbols * kSymbols; ++state) {
    std::vector<SymbolSource::Transition> transitions;
    double sum = 0;
    for (std::size_t symbol = 0; symbol < kSymbols; ++symbol) {
      const double weight = std::exp(kSpread * random.normal());
      sum += weight;
      transitions.push_back(
          {static_cast<std::uint16_t>(symbol), weight, state % kSymbols * kSymbols + symbol});
    }
    for (auto& transition : transitions) transition.probability /= sum;
    source.states.push_back(std::move(transitions));
  }
  return source;
}

SymbolSource reber_source() {
  enum Symbol : std::uint16_t { kB, kT, kP, kS, kX, kV, kE };
  constexpr std::size_t kBegin = 0, kOuter = 1, kEnd = 2, kInner = 3, kInnerStates = 8;
  SymbolSource source;
  source.symbols = 7;
  source.states.resize(kInner + 2 * kInnerStates);
  source.states[kBegin] = {{kB, 1, kOuter}};
  source.states[kOuter] = {{kT, 0.5, kInner}, {kP, 0.5, kInner + kInnerStates}};
  source.states[kEnd] = {{kE, 1, kBegin}};
  // The grammar itself, once for each symbol that must be repeated behind it.
  for (const Symbol repeated : {kT, kP}) {
    const std::size_t first = kInner + (repeated == kT ? 0 : kInnerStates);
    auto* const inner = &source.states[first];
    const auto either = [&](Symbol a, std::size_t after_a, Symbol b, std::size_t after_b) {
      return std::vector<SymbolSource::Transition>{{a, 0.5, first + after_a},
                                                   {b, 0.5, first + after_b}};
    };
    inner[0] = {{kB, 1, first + 1}};
    inner[1] = either(kT, 2, kP, 3);
    inner[2] = either(kS, 2, kX, 4);
    inner[3] = either(kT, 3, kV, 5);
    inner[4] = either(kX, 3, kS, 6);
    inner[5] = either(kP, 4, kV, 6);
    inner[6] = {{kE, 1, first + 7}};
    inner[7] = {{repeated, 1, kEnd}};
  }
  return source;
}

double entropy_rate(const SymbolSource& source) {
  constexpr int kIterations = 1000;  // far more than either source needs
  std::vector<double> probability(source.states.size(),
                                  1 / static_cast<double>(source.states.size()));
  for (int i = 0; i < kIterations; ++i) {
    std::vector<double> next(probability.size());
    for (std::size_t state = 0; state < probability.size(); ++state)
      for (const auto& transition : source.states[state])
        next[transition.next] += probability[state] * transition.probability;
    probability = std::move(next);
  }
  double rate = 0;
  for (std::size_t state = 0; state < probability.size(); ++state)
    for (const auto& transition : source.states[state])
      rate -= probability[state] * transition.probability * std::log(transition.probability);
  return rate;
}

std::vector<std::uint16_t> draw_symbols(const SymbolSource& source, std::size_t count,
                                        RandomStream& random) {
  std::vector<std::uint16_t> symbols;
  symbols.reserve(count);
  std::size_t state = 0;
  while (symbols.size() < count) {
    const auto& transitions = source.states[state];
    double left = random.uniform();
    std::size_t chosen = 0;
    while (chosen + 1 < transitions.size() && left >= transitions[chosen].probability)
      left -= transitions[chosen++].probability;
    symbols.push_back(transitions[chosen].symbol);
    state = transitions[chosen].next;
  }
  return symbols;
}

}  // namespace clipsweep

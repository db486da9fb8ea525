// Sources of symbols: their entropy rate, and that they emit what they say.
#include "clipsweep/tasks/symbol_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace clipsweep {
namespace {

std::vector<std::uint16_t> drawn(const SymbolSource& source, std::size_t count) {
  RandomStream random(7, "test");
  return draw_symbols(source, count, random);
}

TEST(SymbolSource, ItsProbabilitiesAddUpToOne) {
  for (const auto& source : {markov_source(), reber_source()})
    for (const auto& transitions : source.states) {
      double sum = 0;
      for (const auto& transition : transitions) {
        sum += transition.probability;
        EXPECT_LT(transition.symbol, source.symbols);
        EXPECT_LT(transition.next, source.states.size());
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
}

// Chains whose entropy rate is in the books: one state with two equal symbols, and two states that
// are left with probabilities p and q: (q H(p) + p H(q)) / (p + q).
TEST(SymbolSource, HasTheEntropyRateOfTheBooks) {
  EXPECT_NEAR(entropy_rate({2, {{{0, 0.5, 0}, {1, 0.5, 0}}}}), std::log(2), 1e-12);
  const double p = 0.3, q = 0.1;
  const auto entropy = [](double x) { return -x * std::log(x) - (1 - x) * std::log(1 - x); };
  const SymbolSource two{2, {{{0, 1 - p, 0}, {1, p, 1}}, {{1, 1 - q, 1}, {0, q, 0}}}};
  EXPECT_NEAR(entropy_rate(two), (q * entropy(p) + p * entropy(q)) / (p + q), 1e-12);
}

// Decisions of one bit, and the symbols of a string, counted by hand from the grammar: with V_k the
// expected visits of node k of the inner grammar, V_1 = 1, V_2 = 1, V_3 = 5/3, V_5 = 5/3 ...
TEST(SymbolSource, TheReberGrammarsRateIsItsBitsBySymbols) {
  // V1 = 1; V2 = (V1 + V2) / 2; V3 = (V1 + V3 + V4) / 2; V4 = (V2 + V5) / 2; V5 = V3 / 2.
  // V2 = 1; V4 = 1/2 + V3 / 4; V3 = 1 + V4 = 3/2 + V3 / 4 = 2; V4 = 1; V5 = 1.
  const double decisions = 1 + 1 + 1 + 2 + 1 + 1;  // the outer symbol, V1 to V5
  const double symbols = decisions + 5;            // B, B, E, the repeated symbol, E
  EXPECT_NEAR(entropy_rate(reber_source()), decisions / symbols * std::log(2), 1e-12);
}

TEST(SymbolSource, DrawsStringsOfTheGrammar) {
  const std::string letters = "BTPSXVE";
  std::string text;
  for (const auto symbol : drawn(reber_source(), 20'000)) text += letters[symbol];
  std::size_t begin = 0;
  int strings = 0;
  std::map<char, int> repeated;
  // A string ends with the second E after its beginning.
  for (std::size_t end = text.find('E'); end != text.npos; end = text.find('E', end + 1)) {
    end = text.find('E', end + 1);
    if (end == text.npos) break;
    const std::string one = text.substr(begin, end + 1 - begin);
    EXPECT_GE(one.size(), 9U);
    EXPECT_EQ(one.substr(0, 1) + one[2], "BB") << one;
    EXPECT_EQ(one[1], one[one.size() - 2]) << one;
    ++repeated[one[1]];
    ++strings;
    begin = end + 1;
  }
  EXPECT_GT(strings, 1000);
  EXPECT_NEAR(repeated['T'], strings / 2.0, 4 * std::sqrt(strings) / 2);
}

TEST(SymbolSource, DrawsEachSymbolAsOftenAsItsStateSays) {
  const auto source = markov_source();
  const auto text = drawn(source, 400'000);
  std::map<std::size_t, std::map<int, double>> counts;
  for (std::size_t i = 2; i < text.size(); ++i) ++counts[text[i - 2] * 8U + text[i - 1]][text[i]];
  for (auto& [state, by_symbol] : counts) {
    double total = 0;
    for (const auto& [symbol, count] : by_symbol) total += count;
    for (const auto& transition : source.states[state])
      EXPECT_NEAR(by_symbol[transition.symbol] / total, transition.probability,
                  5 * std::sqrt(0.25 / total));
  }
}

}  // namespace
}  // namespace clipsweep

// One-hot inputs that are kept as symbols give the same bits as zeros and ones, with every
// instruction set of this machine. That the latter are right is shown elsewhere.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "clipsweep/base/random.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/model/initial_weights.h"
#include "support/each_simd.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

class SymbolInputs : public EachSimd {};
CLIPSWEEP_WITH_EACH_SIMD(SymbolInputs);

struct Sizes {
  int symbols, hidden, layers, batch, time_steps;
};

// Rows that fill no tile of four, lanes that fill no register, more rows than are summed at once.
const Sizes kSizes[] = {{16, 1, 1, 1, 1},   {16, 2, 2, 5, 3},    {17, 5, 1, 20, 9},
                        {100, 9, 2, 33, 7}, {30, 33, 1, 64, 30}, {256, 13, 3, 40, 5}};

Model model_of(Cell cell, const Sizes& sizes) {
  Model model{cell, sizes.layers, sizes.symbols, sizes.hidden, 7, Target::kClassEachStep};
  model.one_hot_inputs = true;
  return model;
}

// Two sources of random symbols.
Batch symbol_batch(const Model& model, const Sizes& sizes) {
  Batch batch = make_batch(model, 2, sizes.batch, {0, 1});
  set_time_steps(batch, sizes.time_steps);
  RandomStream random(1, "symbols");
  for (int source = 0; source < 2; ++source) {
    clear_inputs(batch, source);
    for (std::size_t b = 0; b < static_cast<std::size_t>(sizes.batch); ++b)
      for (std::size_t t = 0; t < static_cast<std::size_t>(sizes.time_steps); ++t)
        set_symbol(batch, source, b, t, random.below(static_cast<std::uint64_t>(sizes.symbols)));
    pad_lanes(batch, source);
  }
  for (auto& label : batch.labels) label = static_cast<std::uint8_t>(random.below(7));
  return batch;
}

Batch with_zeros_and_ones(const Batch& symbols) {
  Batch batch = symbols;
  batch.inputs = one_hot_inputs(symbols);
  batch.keeps_symbols = false;
  batch.symbols.clear();
  return batch;
}

Block random_weights(const ParameterLayout& layout) {
  Block weights(2, layout.size());
  for (std::size_t r = 0; r < 2; ++r) {
    const auto row = initial_weights(InitialScheme{InitialKind::kTorch}, layout, r);
    std::copy(row.begin(), row.end(), weights.row(r).begin());
  }
  return weights;
}

template <typename Number>
bool same_bits(Span<const Number> a, Span<const Number> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Number)) == 0;
}

// Losses and gradients, evaluation, and the gradient through time of two runs.
void expect_same_results(const ParameterLayout& layout, const Block& weights, const Batch& symbols,
                         float limit) {
  const Batch dense = with_zeros_and_ones(symbols);
  const std::vector<float> limits(2, limit);
  const auto engine = make_fused_engine(layout);
  StepResult ours(2, layout.size()), theirs(2, layout.size());
  engine->compute_gradients(weights, symbols, limits, ours);
  engine->compute_gradients(weights, dense, limits, theirs);
  EXPECT_TRUE(same_bits<float>(ours.losses, theirs.losses));
  EXPECT_EQ(ours.correct_counts, theirs.correct_counts);
  EXPECT_EQ(ours.clipped_derivatives, theirs.clipped_derivatives);
  for (std::size_t r = 0; r < 2; ++r)
    EXPECT_TRUE(same_bits<float>(ours.gradients.row(r), theirs.gradients.row(r)));
  const auto evaluation = engine->evaluate(weights, symbols);
  const auto their_evaluation = engine->evaluate(weights, dense);
  EXPECT_TRUE(same_bits<double>(evaluation.loss_sums, their_evaluation.loss_sums));
  EXPECT_EQ(evaluation.correct_counts, their_evaluation.correct_counts);
  const auto norms = engine->state_gradient_norms(weights, symbols, {0, 1}, limits);
  const auto their_norms = engine->state_gradient_norms(weights, dense, {0, 1}, limits);
  for (std::size_t r = 0; r < 2; ++r) EXPECT_TRUE(same_bits<float>(norms[r], their_norms[r]));
}

TEST_P(SymbolInputs, GiveTheSameBitsAsZerosAndOnes) {
  for (const auto& entry : cell_table()) {
    for (const Sizes& sizes : kSizes) {
      SCOPED_TRACE(std::string(to_text(entry.cell)) + ", H " + std::to_string(sizes.hidden));
      const Model model = model_of(entry.cell, sizes);
      const auto layout = layout_of(model);
      const Batch batch = symbol_batch(model, sizes);
      ASSERT_TRUE(batch.keeps_symbols && batch.inputs.empty());
      expect_same_results(layout, random_weights(layout), batch, kInfinity);
      expect_same_results(layout, random_weights(layout), batch, 1e-4F);
    }
  }
}

// 0 times Inf is NaN, so a column counts even for samples without its symbol.
TEST_P(SymbolInputs, NonfiniteWeightsHaveTheSameEffectAsWithZerosAndOnes) {
  const Sizes sizes = {20, 6, 2, 20, 4};
  for (const auto& entry : cell_table()) {
    const Model model = model_of(entry.cell, sizes);
    const auto layout = layout_of(model);
    const Batch batch = symbol_batch(model, sizes);
    for (const float bad : {kNotANumber, kInfinity, -kInfinity, 1e38F}) {
      for (std::size_t i = 0; i < layout.size(); i += 53) {
        SCOPED_TRACE(std::string(to_text(entry.cell)) + ", " + std::to_string(bad) + " at " +
                     std::to_string(i));
        Block weights = random_weights(layout);
        weights.row(1)[i] = bad;
        expect_same_results(layout, weights, batch, kInfinity);
      }
    }
  }
}

TEST_P(SymbolInputs, AnInfiniteWeightOfASymbolThatDoesNotOccurMakesTheLossNaN) {
  const Sizes sizes = {20, 6, 1, 20, 4};
  const Model model = model_of(Cell::kLstm, sizes);
  const auto layout = layout_of(model);
  Batch batch = symbol_batch(model, sizes);
  std::fill(batch.symbols.begin(), batch.symbols.end(), 3);
  Block weights = random_weights(layout);
  weights.row(0)[4] = kInfinity;
  StepResult result(2, layout.size());
  make_fused_engine(layout)->compute_gradients(weights, batch, std::vector<float>(2, kInfinity),
                                               result);
  EXPECT_TRUE(std::isnan(result.losses[0]));
  EXPECT_TRUE(std::isfinite(result.losses[1]));
}

}  // namespace
}  // namespace clipsweep

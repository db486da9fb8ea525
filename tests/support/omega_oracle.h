// Omega and its immediate derivative (engine/omega.h) for one source of a batch by plain loops in
// double: sample by sample, without autograd, the derivative by central differences.
#pragma once

#include <cmath>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/tasks/batches.h"

namespace clipsweep {

class OmegaOracle {
 public:
  // row [P] of a plain cell. limit: of the derivatives of the states.
  OmegaOracle(Span<const float> row, const ParameterLayout& layout, const Batch& batch, int source,
              double limit = INFINITY);

  double omega() const { return omega_at(row_); }
  // [P]: with respect to the weights W_hh; 0 for all others.
  std::vector<double> derivative() const;

 private:
  using Numbers = std::vector<double>;

  // A pair of time steps (t - 1, t) of a sample and a layer.
  struct Pair {
    int layer;
    Numbers u;      // [H], dE/da_t
    Numbers error;  // [H], dE/dh_t
  };

  // One of the batch's samples.
  struct Sample {
    std::size_t block;  // among those of all sources
    std::size_t lane;
    int start;
  };

  Sample sample_at(int source, int b) const;
  void add_pairs(const Sample& sample);
  Numbers input(const Sample& sample, int t) const;
  Numbers output_derivatives(const Sample& sample, int t, const Numbers& h) const;
  // Element (unit, column) of a layer's W_ih or W_hh, or of the output layer's weights.
  double weight(const char* name, int layer, int unit, int column) const;
  std::size_t offset(const char* name, int layer) const;
  double omega_at(const Numbers& row) const;

  Numbers row_;
  const ParameterLayout& layout_;
  const Batch& batch_;
  double limit_;
  double losses_ = 0;  // whose mean is E
  double pair_count_ = 0;
  AlignedVector<float> inputs_;  // [S, blocks, T, I, kLanes]
  std::vector<Pair> pairs_;
};

}  // namespace clipsweep

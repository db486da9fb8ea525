// What clipping makes of a sample of gradients at fixed weights: its bias, its variance and the
// criteria by which it should help.
#pragma once

#include <cstddef>
#include <vector>

#include "clipsweep/model/parameters.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {

// A sample [K, D] with the products that statistics of it need.
class SampleRows {
 public:
  // The rows must outlive it.
  explicit SampleRows(const Block& rows);

  std::size_t size() const { return rows_.rows(); }  // K
  const Block& rows() const { return rows_; }
  const std::vector<float>& mean() const { return mean_; }         // [D]
  const std::vector<double>& squares() const { return squares_; }  // [K], |x_k|^2

 private:
  const Block& rows_;
  std::vector<float> mean_;
  std::vector<double> squares_;
};

// gradients [K, D] and the same gradients clipped [K, D], of which `clipped` were changed.
//
//   mu = <E c, E g> / |E g|^2,   nu = E|c|^2 / E|g|^2   (Marshall, Xiao, Agarwala and Paquette,
//   2024)
//
// Expectations are means over the batches; products of two of them are means over pairs of
// different batches, so that noise does not add to them. The intervals are those of the jackknife
// (Tukey, 1958) for the logarithm.
ClipStatistics clip_statistics(const SampleRows& gradients, const SampleRows& clipped_gradients,
                               std::size_t clipped);

}  // namespace clipsweep

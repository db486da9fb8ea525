// The gradients of one run's batches at fixed weights, collected one by one, and what follows from
// them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/clipping/clip_memory.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/model/parameters.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {

// The memory that the gradients of one run may take. Two blocks of K gradients, plain and clipped,
// are kept as they are if they fit; otherwise sketches of them take their place.
inline constexpr std::size_t kMaxProbeBytes = std::size_t{64} << 20;

// The numbers of a sketch for K batches and these many rules; nothing if the gradients fit as they
// are. A power of two up to kMaxSketchSize.
std::optional<std::size_t> sketch_size(std::size_t parameters, std::size_t batches,
                                       std::size_t rules);

class GradientSample {
 public:
  // weights [P]: those that the gradients belong to. What the arguments refer to must outlive it.
  GradientSample(const ParameterLayout& layout, const std::vector<ClipRule>& rules,
                 Span<const float> weights, std::size_t batches);

  // Adds the gradient [P] of one batch. Gradients that are not finite are only counted.
  void add(Span<const float> gradient);

  ProbeRecord record(std::uint64_t step) const;

 private:
  bool clip(const ClipRule& rule, const GradientNorms& norms, Span<float> gradient) const;
  void add_clipped(Span<const float> gradient, const GradientNorms& norms);
  Block clipped_rows(const ClipRule& rule, const Block& rows, std::size_t& clipped) const;

  const ParameterLayout& layout_;
  const std::vector<ClipRule>& rules_;
  const Span<const float> weights_;
  const std::optional<std::size_t> sketch_size_;
  const ClipMemory<float> memory_;  // of modes that have none
  Block rows_;                      // [K, P], or sketches
  std::size_t added_ = 0;
  std::uint64_t nonfinite_ = 0;
  std::vector<double> norms_;               // of the gradients added
  std::vector<Block> sketches_of_clipped_;  // of each rule, if these are sketches
  std::vector<std::size_t> clipped_;        // batches that each rule clipped, likewise
};

}  // namespace clipsweep

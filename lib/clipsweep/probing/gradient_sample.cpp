#include "clipsweep/probing/gradient_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "clipsweep/clipping/clipping.h"
#include "clipsweep/model/gradient_norms.h"
#include "clipsweep/probing/clip_statistics.h"
#include "clipsweep/probing/count_sketch.h"
#include "clipsweep/probing/gradient_statistics.h"

namespace clipsweep {
namespace {

// The first rows of a block.
Block first_rows(Block rows, std::size_t count) {
  std::vector<std::size_t> kept(count);
  std::iota(kept.begin(), kept.end(), std::size_t{0});
  rows.keep_rows(kept);
  return rows;
}

}  // namespace

std::optional<std::size_t> sketch_size(std::size_t parameters, std::size_t batches,
                                       std::size_t rules) {
  constexpr std::size_t kMaxNumbers = kMaxProbeBytes / sizeof(float);
  if (2 * batches * parameters <= kMaxNumbers) return std::nullopt;
  std::size_t size = kMaxSketchSize;
  while (size * batches * (rules + 1) > kMaxNumbers) size /= 2;
  return size;
}

GradientSample::GradientSample(const ParameterLayout& layout, const std::vector<ClipRule>& rules,
                               Span<const float> weights, std::size_t batches)
    : layout_(layout),
      rules_(rules),
      weights_(weights),
      sketch_size_(sketch_size(layout.size(), batches, rules.size())),
      rows_(batches, sketch_size_.value_or(layout.size())),
      clipped_(rules.size()) {
  if (sketch_size_) sketches_of_clipped_.assign(rules.size(), Block(batches, rows_.columns()));
}

void GradientSample::add(Span<const float> gradient) {
  GradientNorms norms;
  measure_norms(gradient, layout_, norms);
  if (!std::isfinite(norms.global)) {
    ++nonfinite_;
    return;
  }
  const auto row = rows_.row(added_);
  if (sketch_size_) {
    add_sketch(gradient, row);
    add_clipped(gradient, norms);
  } else {
    std::copy(gradient.begin(), gradient.end(), row.begin());
  }
  norms_.push_back(norms.global);
  ++added_;
}

void GradientSample::add_clipped(Span<const float> gradient, const GradientNorms& norms) {
  std::vector<float> clipped(gradient.size());
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    std::copy(gradient.begin(), gradient.end(), clipped.begin());
    if (clip(rules_[i], norms, clipped)) ++clipped_[i];
    add_sketch(clipped, sketches_of_clipped_[i].row(added_));
  }
}

bool GradientSample::clip(const ClipRule& rule, const GradientNorms& norms,
                          Span<float> gradient) const {
  return clip_gradient<float>(rule, {layout_, norms, weights_, memory_}, gradient).clipped;
}

// Exact: the gradients, clipped.
Block GradientSample::clipped_rows(const ClipRule& rule, const Block& rows,
                                   std::size_t& clipped) const {
  Block result = rows;
  GradientNorms norms;
  for (std::size_t k = 0; k < rows.rows(); ++k) {
    measure_norms(rows.row(k), layout_, norms);
    if (clip(rule, norms, result.row(k))) ++clipped;
  }
  return result;
}

ProbeRecord GradientSample::record(std::uint64_t step) const {
  ProbeRecord record;
  record.step = step;
  record.batches = added_;
  record.nonfinite = nonfinite_;
  record.sketch_size = sketch_size_;
  if (added_ < kMinProbeBatches) return record;
  const bool is_complete = added_ == rows_.rows();
  const Block finite = is_complete ? Block(0, 0) : first_rows(rows_, added_);
  const SampleRows gradients(is_complete ? rows_ : finite);
  record.gradients = gradient_statistics(gradients.rows(), gradients.mean(), norms_);
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    std::size_t clipped = clipped_[i];
    const Block rows = sketch_size_ ? first_rows(sketches_of_clipped_[i], added_)
                                    : clipped_rows(rules_[i], gradients.rows(), clipped);
    record.rules.push_back({rules_[i], clip_statistics(gradients, SampleRows(rows), clipped)});
  }
  return record;
}

}  // namespace clipsweep

#include "clipsweep/data/scaling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/name_table.h"

namespace clipsweep {
namespace {

constexpr NameTable<Scaling, 3> kScalings = {
    {{Scaling::kNone, "none"}, {Scaling::kUnit, "unit"}, {Scaling::kStandard, "standard"}}};

// x <- (x - offset) / width; a width of 0 makes it 0.
struct FeatureScale {
  double offset = 0;
  double width = 0;
};

// Calls visit(value, feature) for each value within the sequences.
template <typename Values, typename Visit>
void for_each_value(const SequenceSet& set, Values& values, std::size_t inputs,
                    const Visit& visit) {
  for (std::size_t n = 0; n < set.count; ++n) {
    auto* value = values.data() + n * set.time_steps * inputs;
    for (std::size_t t = 0; t < set.length(n); ++t)
      for (std::size_t i = 0; i < inputs; ++i) visit(*value++, i);
  }
}

std::vector<FeatureScale> unit_scales(const SequenceSet& set, std::size_t inputs) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> smallest(inputs, kInfinity);
  std::vector<double> largest(inputs, -kInfinity);
  for_each_value(set, set.inputs, inputs, [&](float value, std::size_t i) {
    if (!std::isfinite(value)) return;
    smallest[i] = std::min(smallest[i], static_cast<double>(value));
    largest[i] = std::max(largest[i], static_cast<double>(value));
  });
  std::vector<FeatureScale> scales(inputs);
  for (std::size_t i = 0; i < inputs; ++i)
    if (largest[i] > smallest[i]) scales[i] = {smallest[i], largest[i] - smallest[i]};
  return scales;
}

// Two passes: the mean, then the squares of the differences from it.
std::vector<FeatureScale> standard_scales(const SequenceSet& set, std::size_t inputs) {
  std::vector<double> counts(inputs);
  std::vector<double> sums(inputs);
  std::vector<double> squares(inputs);
  for_each_value(set, set.inputs, inputs, [&](float value, std::size_t i) {
    if (!std::isfinite(value)) return;
    ++counts[i];
    sums[i] += static_cast<double>(value);
  });
  const std::vector<FeatureScale> ranges = unit_scales(set, inputs);
  std::vector<FeatureScale> scales(inputs);
  for (std::size_t i = 0; i < inputs; ++i)
    if (counts[i] > 0) scales[i].offset = sums[i] / counts[i];
  for_each_value(set, set.inputs, inputs, [&](float value, std::size_t i) {
    if (!std::isfinite(value)) return;
    const double difference = static_cast<double>(value) - scales[i].offset;
    squares[i] += difference * difference;
  });
  for (std::size_t i = 0; i < inputs; ++i)
    if (ranges[i].width > 0) scales[i].width = std::sqrt(squares[i] / counts[i]);
  return scales;
}

void apply(const std::vector<FeatureScale>& scales, SequenceSet& set) {
  for_each_value(set, set.inputs, scales.size(), [&](float& value, std::size_t i) {
    const auto& [offset, width] = scales[i];
    // Divided in double and rounded once: what float32 gives, where it can hold the difference.
    value = width > 0 ? static_cast<float>((static_cast<double>(value) - offset) / width) : 0;
  });
}

}  // namespace

const char* to_text(Scaling scaling) { return name_in(kScalings, scaling); }
std::vector<std::string> scaling_names() { return names_in(kScalings); }
Scaling parse_scaling(std::string_view name) { return parse_choice(kScalings, "scale", name); }

void scale_inputs(SequenceData& data, Scaling scaling) {
  if (scaling == Scaling::kNone) return;
  const auto scales = scaling == Scaling::kUnit ? unit_scales(data.train, data.inputs)
                                                : standard_scales(data.train, data.inputs);
  apply(scales, data.train);
  apply(scales, data.test);
  apply(scales, data.validation);
}

}  // namespace clipsweep

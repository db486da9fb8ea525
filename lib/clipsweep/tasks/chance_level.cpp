#include "clipsweep/tasks/chance_level.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace clipsweep {
namespace {

// The largest count of equal classes.
class ClassCounts {
 public:
  void add(std::uint8_t number) { ++counts_[number]; }
  std::uint64_t largest() const { return *std::max_element(counts_.begin(), counts_.end()); }

  // Of the frequencies, in nats: -sum p log p.
  double entropy() const {
    const auto total =
        static_cast<double>(std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}));
    double entropy = 0;
    for (const std::uint64_t count : counts_)
      if (count > 0) {
        const double p = static_cast<double>(count) / total;
        entropy -= p * std::log(p);
      }
    return entropy;
  }

 private:
  std::array<std::uint64_t, std::numeric_limits<std::uint8_t>::max() + 1> counts_{};
};

// Where sample b of the batch's first source has its labels or target: a block and a lane.
struct Place {
  std::size_t block;
  std::size_t lane;
};

template <typename Visit>
void for_each_sample(const Batch& batch, const Visit& visit) {
  for (std::size_t b = 0; b < static_cast<std::size_t>(batch.size); ++b)
    visit(Place{b / kLanes, b % kLanes});
}

// The class that all time steps of a sequence have.
std::optional<std::uint8_t> common_class(const Batch& batch, const Place& place) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const auto class_at = [&](std::size_t t) {
    return batch.labels[(place.block * steps + t) * kLanes + place.lane];
  };
  for (std::size_t t = 1; t < steps; ++t)
    if (class_at(t) != class_at(0)) return std::nullopt;
  return class_at(0);
}

// Of the time steps of all samples.
std::uint64_t count_symbols(const Batch& batch, ClassCounts& counts) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  for_each_sample(batch, [&](const Place& place) {
    for (std::size_t t = 0; t < steps; ++t)
      counts.add(batch.labels[(place.block * steps + t) * kLanes + place.lane]);
  });
  return static_cast<std::uint64_t>(batch.size) * steps;
}

void count_classes(const Batch& batch, ClassCounts& counts) {
  for_each_sample(batch, [&](const Place& place) {
    if (batch.target == Target::kClass)
      counts.add(batch.labels[place.block * kLanes + place.lane]);
    else if (const auto number = common_class(batch, place))
      counts.add(*number);
  });
}

// The largest number of values in an interval of this width.
std::uint64_t most_within(std::vector<double> values, double width) {
  std::sort(values.begin(), values.end());
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < values.size(); ++last) {
    while (values[last] - values[first] > width) ++first;
    most = std::max(most, last + 1 - first);
  }
  return most;
}

}  // namespace

ChanceLevel chance_level(const Task& task) { return chance_level(task, test_set_of(task)); }

std::optional<ChanceLevel> validation_chance_level(const Task& task) {
  if (task.validation_batches() == 0) return std::nullopt;
  return chance_level(task, validation_set_of(task));
}

ChanceLevel chance_level(const Task& task, const EvaluationSet& set) {
  ClassCounts counts;
  std::vector<double> targets;
  Batch scratch;
  const bool scores_steps = task.model().scores_steps;
  std::uint64_t symbols = 0;
  for (std::size_t number = 0; number < set.batches; ++number) {
    const Batch& batch = set.batch(number, scratch);
    if (scores_steps)
      symbols += count_symbols(batch, counts);
    else if (batch.target != Target::kNumber)
      count_classes(batch, counts);
    else
      for_each_sample(batch, [&](const Place& place) {
        targets.push_back(static_cast<double>(batch.targets[place.block * kLanes + place.lane]));
      });
  }
  // A prediction is within the tolerance of the targets at most its square root away on each side.
  const std::uint64_t correct =
      targets.empty() ? counts.largest()
                      : most_within(std::move(targets), 2 * std::sqrt(task.model().tolerance));
  ChanceLevel chance;
  chance.samples = scores_steps ? symbols : set.samples;
  chance.accuracy = static_cast<double>(correct) / static_cast<double>(chance.samples);
  if (scores_steps) chance.symbol_entropy = counts.entropy();
  return chance;
}

}  // namespace clipsweep

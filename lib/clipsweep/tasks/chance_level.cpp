#include "clipsweep/tasks/chance_level.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace clipsweep {
namespace {

// The largest count of equal classes.
class ClassCounts {
 public:
  void add(std::int32_t number) {
    const auto place = static_cast<std::size_t>(number);
    if (place >= counts_.size()) counts_.resize(place + 1);
    ++counts_[place];
  }
  std::uint64_t largest() const {
    return counts_.empty() ? 0 : *std::max_element(counts_.begin(), counts_.end());
  }

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
  std::vector<std::uint64_t> counts_;
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

// The time step at which a sample begins.
std::size_t start_of(const Batch& batch, const Place& place) {
  return batch.starts.empty()
             ? 0
             : static_cast<std::size_t>(batch.starts[place.block * kLanes + place.lane]);
}

// The class that all time steps of a sequence have.
std::optional<std::int32_t> common_class(const Batch& batch, const Place& place) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const auto class_at = [&](std::size_t t) {
    return batch.labels[(place.block * steps + t) * kLanes + place.lane];
  };
  for (std::size_t t = start_of(batch, place); t + 1 < steps; ++t)
    if (class_at(t) != class_at(steps - 1)) return std::nullopt;
  return class_at(steps - 1);
}

// Of the time steps of all samples.
std::uint64_t count_symbols(const Batch& batch, ClassCounts& counts) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  for_each_sample(batch, [&](const Place& place) {
    for (std::size_t t = start_of(batch, place); t < steps; ++t)
      counts.add(batch.labels[(place.block * steps + t) * kLanes + place.lane]);
  });
  return batch.steps_of(0);
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

// The number of targets [N, K] whose mean squared difference from their mean is within the
// tolerance.
std::uint64_t count_near_mean(const std::vector<double>& targets, std::size_t numbers,
                              double tolerance) {
  const std::size_t rows = targets.size() / numbers;
  std::vector<double> mean(numbers);
  for (std::size_t i = 0; i < targets.size(); ++i)
    mean[i % numbers] += targets[i] / static_cast<double>(rows);
  std::uint64_t near = 0;
  for (std::size_t n = 0; n < rows; ++n) {
    double squares = 0;
    for (std::size_t k = 0; k < numbers; ++k) {
      const double difference = targets[n * numbers + k] - mean[k];
      squares += difference * difference;
    }
    if (squares / static_cast<double>(numbers) <= tolerance) ++near;
  }
  return near;
}

// Of all targets [N, K], those that the best constant prediction gets right: a number is within the
// tolerance of the targets at most its square root away on each side.
std::uint64_t count_by_constant(std::vector<double> targets, const Model& model) {
  const auto numbers = static_cast<std::size_t>(model.outputs);
  return numbers == 1 ? most_within(std::move(targets), 2 * std::sqrt(model.tolerance))
                      : count_near_mean(targets, numbers, model.tolerance);
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
        const auto numbers = static_cast<std::size_t>(batch.numbers);
        for (std::size_t k = 0; k < numbers; ++k)
          targets.push_back(static_cast<double>(
              batch.targets[(place.block * numbers + k) * kLanes + place.lane]));
      });
  }
  const std::uint64_t correct =
      targets.empty() ? counts.largest() : count_by_constant(std::move(targets), task.model());
  ChanceLevel chance;
  chance.samples = scores_steps ? symbols : set.samples;
  chance.accuracy = static_cast<double>(correct) / static_cast<double>(chance.samples);
  if (scores_steps) chance.symbol_entropy = counts.entropy();
  return chance;
}

}  // namespace clipsweep

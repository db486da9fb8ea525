#include "clipsweep/experiment/sweep_parts.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

// The cost of each run, relative: what the runs of a sweep have in common does not count. In units
// of the gates of a cell; of a thousandth of the lowest cost if training settings vary.
class RunCosts {
 public:
  explicit RunCosts(const std::vector<const RunSpec*>& runs) {
    for (const auto* run : runs)
      if (!run->setup.varied.values().empty())
        unit_ = std::min(unit_.value_or(std::numeric_limits<double>::infinity()),
                         relative_cost(run->setup) / 1000);
  }

  std::uint64_t of(const RunSpec& run) const {
    constexpr double kMax = 1e9;  // so that the sum over a million runs is exact
    const double cost = relative_cost(run.setup) / unit_.value_or(1);
    return static_cast<std::uint64_t>(std::lround(std::min(cost, kMax)));
  }

 private:
  std::optional<double> unit_;
};

// Where a part may end: before the run of this position, when so much cost is done.
struct Border {
  std::size_t position = 0;
  std::uint64_t cost = 0;
};

// Runs in the order in which they are cut into parts, and where they may be cut.
class CutRuns {
 public:
  explicit CutRuns(std::vector<const RunSpec*> runs) : runs_(std::move(runs)) {
    std::sort(runs_.begin(), runs_.end(), [](const auto* a, const auto* b) {
      const auto key_of_a = shared_prefix_key(*a);
      const auto key_of_b = shared_prefix_key(*b);
      return key_of_a != key_of_b ? key_of_a < key_of_b : a->id < b->id;
    });
    const RunCosts costs(runs_);
    Border border;
    all_.push_back(border);
    between_groups_.push_back(border);
    for (const auto* run : runs_) {
      ++border.position;
      border.cost += costs.of(*run);
      all_.push_back(border);
      if (is_between_groups(border.position)) between_groups_.push_back(border);
    }
  }

  // In the order of the plan, which is that of the pointers into it.
  std::vector<const RunSpec*> part(const Shard& shard) const {
    const auto place = [&](std::uint64_t parts) {
      return runs_.begin() + static_cast<std::ptrdiff_t>(end_of_parts(parts, shard.count));
    };
    std::vector<const RunSpec*> part(place(shard.index - 1), place(shard.index));
    std::sort(part.begin(), part.end());
    return part;
  }

 private:
  bool is_between_groups(std::size_t position) const {
    return position == runs_.size() ||
           shared_prefix_key(*runs_[position - 1]) != shared_prefix_key(*runs_[position]);
  }

  // The position at which the first `parts` of `count` parts end. All costs are multiplied by
  // `count`, which keeps them whole.
  std::size_t end_of_parts(std::uint64_t parts, std::uint64_t count) const {
    constexpr std::uint64_t kFractionMoved = 20;
    const std::uint64_t cost_of_part = all_.back().cost;
    const std::uint64_t ideal = parts * cost_of_part;
    const auto distance = [&](const Border& border) {
      const std::uint64_t cost = border.cost * count;
      return cost < ideal ? ideal - cost : cost - ideal;
    };
    const auto nearest = [&](const std::vector<Border>& borders) {
      const auto after =
          std::partition_point(borders.begin(), borders.end(),
                               [&](const Border& border) { return border.cost * count < ideal; });
      const bool is_before = after != borders.begin() && distance(*(after - 1)) <= distance(*after);
      return is_before ? *(after - 1) : *after;
    };
    const Border between_groups = nearest(between_groups_);
    if (distance(between_groups) * kFractionMoved <= cost_of_part) return between_groups.position;
    return nearest(all_).position;
  }

  std::vector<const RunSpec*> runs_;
  std::vector<Border> all_;
  std::vector<Border> between_groups_;
};

}  // namespace

std::vector<const RunSpec*> runs_of_shard(const std::vector<RunSpec>& runs, const Shard& shard) {
  require(shard.index >= 1 && shard.index <= shard.count, "runs_of_shard: index from 1 to count");
  return CutRuns(pointers_to(runs)).part(shard);
}

std::vector<std::vector<const RunSpec*>> all_parts(const std::vector<RunSpec>& runs,
                                                   std::uint64_t count) {
  const CutRuns cut(pointers_to(runs));
  std::vector<std::vector<const RunSpec*>> parts;
  for (std::uint64_t index = 1; index <= count; ++index) parts.push_back(cut.part({index, count}));
  return parts;
}

}  // namespace clipsweep

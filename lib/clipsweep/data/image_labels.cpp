#include "clipsweep/data/image_labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/data/sequence_data.h"

namespace clipsweep {
namespace {

[[noreturn]] void throw_bad_labels(const std::string& where, std::string_view what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// Whether each row has a single 1 among zeros.
bool is_one_hot(const IdxFile& labels) {
  const auto numbers = whole_numbers(labels);
  const std::size_t columns = labels.sizes[1];
  for (std::size_t row = 0; row < numbers.size(); row += columns) {
    const auto first = numbers.begin() + static_cast<std::ptrdiff_t>(row);
    const auto last = first + static_cast<std::ptrdiff_t>(columns);
    const auto zeros = static_cast<std::size_t>(std::count(first, last, 0));
    if (zeros + 1 != columns || std::count(first, last, 1) != 1) return false;
  }
  return true;
}

}  // namespace

std::vector<std::int32_t> labels_in(const IdxFile& idx, const std::string& where) {
  constexpr std::size_t kQmnistColumns = 8;
  const std::size_t dimensions = idx.sizes.size();
  if (dimensions > 2)
    throw_bad_labels(
        where, fmt::format("{}: labels have one dimension; are these images?", description(idx)));
  if (!is_whole_number(idx.type))
    throw_bad_labels(where,
                     fmt::format("{}: labels are whole numbers, write them as uint8 or int32",
                                 description(idx)));
  if (dimensions == 1 || idx.sizes[1] == 1) return whole_numbers(idx);
  if (is_one_hot(idx))
    throw_bad_labels(where, fmt::format("{}: one-hot labels; write the column of each 1 as its "
                                        "label, in one dimension",
                                        description(idx)));
  if (idx.type != IdxType::kInt32 || idx.sizes[1] != kQmnistColumns)
    throw_bad_labels(where, fmt::format("{}: labels have one dimension, or are int32 [N, 8] as "
                                        "those of QMNIST",
                                        description(idx)));
  return whole_numbers(idx, 0, kQmnistColumns);
}

std::vector<std::int32_t> classes_of(std::vector<std::int32_t> labels, const std::string& where) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  if (labels.size() > kMaxClasses)
    throw_bad_labels(where,
                     fmt::format("{} different labels, from {} to {}; a data set has at most "
                                 "{} classes",
                                 with_thousands(labels.size()), labels.front(), labels.back(),
                                 with_thousands(kMaxClasses)));
  if (labels.size() == 1)
    throw_bad_labels(
        where, fmt::format("all labels are {}, one class only: chance level is 100 % and there is "
                           "nothing to learn; add images of other classes",
                           labels.front()));
  return labels;
}

std::string range_text(const std::vector<std::int64_t>& classes) {
  constexpr std::size_t kFew = 10;
  const bool has_all = classes.front() >= 0 && classes.back() - classes.front() ==
                                                   static_cast<std::int64_t>(classes.size()) - 1;
  if (has_all && classes.size() > 1)
    return fmt::format("{} to {}", classes.front(), classes.back());
  if (classes.size() <= kFew) return fmt::format("{}", fmt::join(classes, ", "));
  return fmt::format("{} different ones from {} to {}", classes.size(), classes.front(),
                     classes.back());
}

std::vector<std::int32_t> class_numbers(const std::vector<std::int32_t>& labels,
                                        const std::vector<std::int32_t>& classes,
                                        const std::string& where) {
  std::vector<std::int32_t> numbers;
  numbers.reserve(labels.size());
  for (const std::int32_t label : labels) {
    const auto found = std::lower_bound(classes.begin(), classes.end(), label);
    if (found == classes.end() || *found != label)
      throw_bad_labels(
          where, fmt::format("label {} at position {}; the training set does not have "
                             "it, its labels are {}",
                             label, numbers.size(), range_text({classes.begin(), classes.end()})));
    numbers.push_back(static_cast<std::int32_t>(found - classes.begin()));
  }
  return numbers;
}

}  // namespace clipsweep

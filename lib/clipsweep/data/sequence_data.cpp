#include "clipsweep/data/sequence_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/base/subset.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {
namespace {

// ---- The checksum -------------------------------------------------------------------------------

template <typename Number>
void add_numbers(Sha256& hash, const std::vector<Number>& numbers) {
  hash.add(numbers.data(), numbers.size() * sizeof(Number));
}

void add_set(Sha256& hash, const SequenceSet& set) {
  const std::string sizes =
      fmt::format("set {} {} {} {} {} {}\n", set.count, set.time_steps, set.inputs.size(),
                  set.lengths.size(), set.classes.size(), set.targets.size());
  hash.add(sizes.data(), sizes.size());
  add_numbers(hash, set.inputs);
  add_numbers(hash, set.lengths);
  add_numbers(hash, set.classes);
  add_numbers(hash, set.targets);
}

// ---- The split ----------------------------------------------------------------------------------

SequenceSet part_of(const SequenceSet& set, const std::vector<bool>& is_drawn, bool wanted) {
  SequenceSet part;
  part.time_steps = set.time_steps;
  part.inputs = rows_of(set.inputs, is_drawn, wanted);
  part.lengths = rows_of(set.lengths, is_drawn, wanted);
  part.classes = rows_of(set.classes, is_drawn, wanted);
  part.targets = rows_of(set.targets, is_drawn, wanted);
  for (std::size_t n = 0; n < set.count; ++n)
    if (is_drawn[n] == wanted) part.rows.push_back(set.row(n));
  part.count = part.rows.size();
  return part;
}

// ---- Classes ------------------------------------------------------------------------------------

// Calls visit(place in `labels`, [n] or [n, t] as indices) for each label that counts.
template <typename Visit>
void for_each_label(const SequenceSet& set, bool each_step, const Visit& visit) {
  for (std::size_t n = 0; n < set.count; ++n) {
    if (!each_step) {
      visit(n, n, std::size_t{0});
      continue;
    }
    for (std::size_t t = 0; t < set.length(n); ++t) visit(n * set.time_steps + t, n, t);
  }
}

std::vector<std::int64_t> distinct_labels(const SequenceSet& set, bool each_step,
                                          const std::vector<std::int64_t>& labels) {
  std::vector<std::int64_t> distinct;
  for_each_label(set, each_step, [&](std::size_t place, std::size_t, std::size_t) {
    distinct.push_back(labels[place]);
    // Few classes and many labels: keep the list short.
    if (distinct.size() < 65'536) return;
    std::sort(distinct.begin(), distinct.end());
    distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
    distinct.reserve(2 * distinct.size() + 65'536);
  });
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct;
}

void number_labels(SequenceSet& set, bool each_step, const std::vector<std::int64_t>& labels,
                   const std::vector<std::int64_t>& classes, const RawLabels& raw,
                   const std::string& name) {
  set.classes.assign(labels.size(), 0);
  for_each_label(set, each_step, [&](std::size_t place, std::size_t n, std::size_t t) {
    const std::int64_t label = labels[place];
    const auto found = std::lower_bound(classes.begin(), classes.end(), label);
    if (found == classes.end() || *found != label)
      throw DataError(fmt::format(
          "{}[{}{}] is {}, which {} lacks; a network cannot learn it: remove these sequences or "
          "add some to the training set",
          name, n, each_step ? fmt::format(", {}", t) : "",
          raw.texts.empty() ? std::to_string(label)
                            : printable(raw.texts[static_cast<std::size_t>(label)]),
          raw.train_name));
    set.classes[place] = static_cast<std::int32_t>(found - classes.begin());
  });
}

void refuse_missing_classes(const SequenceData& data, const char* flag) {
  const bool each_step = data.target == SequenceTarget::kClassEachStep;
  std::vector<bool> trained(data.class_names.size(), false);
  for_each_label(data.train, each_step, [&](std::size_t place, std::size_t, std::size_t) {
    trained[static_cast<std::size_t>(data.train.classes[place])] = true;
  });
  const auto missing = std::find(trained.begin(), trained.end(), false);
  if (missing != trained.end())
    throw DataError(fmt::format(
        "{}: the split leaves no training sequence of class {}; choose another --split-seed or a "
        "smaller {}",
        data.where,
        printable(data.class_names[static_cast<std::size_t>(missing - trained.begin())]), flag));
}

// What is held out, and the option that says how much.
struct HeldOut {
  SequenceSet SequenceData::*set;
  const char* name;
  const char* flag;
  const char* purpose;  // of the random stream
};

void split_off(SequenceData& data, double share, std::uint64_t seed, const HeldOut& held_out) {
  const std::size_t count = data.train.count;
  const auto size = static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
  if (size == 0 || size == count)
    throw DataError(fmt::format("{}: a share of {} of its {} leaves {} for {}; choose another {}",
                                data.where, shortest(share), counted(count, "training sequence"),
                                size == 0 ? "none" : "nothing",
                                size == 0 ? held_out.name : "training", held_out.flag));
  const auto is_drawn = draw_subset(count, size, RandomStream(seed, held_out.purpose));
  data.*held_out.set = part_of(data.train, is_drawn, true);
  data.train = part_of(data.train, is_drawn, false);
  if (data.target != SequenceTarget::kNumbers) refuse_missing_classes(data, held_out.flag);
}

}  // namespace

std::string sha256_of_values(const SequenceData& data) {
  Sha256 hash;
  const std::string kind =
      fmt::format("sequences {} {} {}\n", static_cast<int>(data.target), data.inputs, data.numbers);
  hash.add(kind.data(), kind.size());
  for (const auto& name : data.class_names) {
    const std::string line = fmt::format("{} {}\n", name.size(), name);
    hash.add(line.data(), line.size());
  }
  add_set(hash, data.train);
  add_set(hash, data.test);
  return hash.finish();
}

bool has_own_labels(const SequenceData& data) {
  for (std::size_t c = 0; c < data.class_names.size(); ++c)
    if (data.class_names[c] != std::to_string(c)) return true;
  return false;
}

void split_off_test_set(SequenceData& data, double share, std::uint64_t seed) {
  split_off(data, share, seed, {&SequenceData::test, "the test set", "--test-share", "test-share"});
}

void split_off_validation_set(SequenceData& data, double share, std::uint64_t seed) {
  split_off(
      data, share, seed,
      {&SequenceData::validation, "the validation set", "--validation-share", "validation-share"});
}

void set_classes(SequenceData& data, const RawLabels& labels) {
  const bool each_step = data.target == SequenceTarget::kClassEachStep;
  const auto classes = distinct_labels(data.train, each_step, labels.train);
  data.labels_are_numbers = labels.texts.empty();
  data.class_names.clear();
  for (const std::int64_t label : classes)
    data.class_names.push_back(labels.texts.empty()
                                   ? std::to_string(label)
                                   : labels.texts[static_cast<std::size_t>(label)]);
  if (classes.size() == 1)
    throw DataError(
        fmt::format("{}: all labels are {}, one class only: chance level is 100 % and "
                    "there is nothing to learn; add sequences of other classes",
                    labels.train_name, printable(data.class_names.front())));
  number_labels(data.train, each_step, labels.train, classes, labels, labels.train_name);
  if (!data.test.empty())
    number_labels(data.test, each_step, labels.test, classes, labels, labels.test_name);
}

void refuse_nonfinite(const std::vector<float>& values, const std::vector<std::size_t>& shape,
                      const std::string& name, std::string_view cure) {
  // Looks for all exponent bits set, in pieces without branches: it is the compiler's to vectorise.
  constexpr std::size_t kPiece = 4096;
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::size_t first = 0;
  for (; first < values.size(); first += kPiece) {
    const std::size_t end = std::min(first + kPiece, values.size());
    std::uint32_t found = 0;
    for (std::size_t i = first; i < end; ++i) {
      std::uint32_t bits;
      std::memcpy(&bits, &values[i], sizeof bits);
      found |= static_cast<std::uint32_t>((bits & kExponent) == kExponent);
    }
    if (found) break;
  }
  while (first < values.size() && std::isfinite(values[first])) ++first;
  if (first >= values.size()) return;
  std::vector<std::size_t> place(shape.size());
  std::size_t rest = first;
  for (std::size_t d = shape.size(); d-- > 0; rest /= shape[d]) place[d] = rest % shape[d];
  throw DataError(fmt::format("{}[{}] is {} in float32; {}", name, fmt::join(place, ", "),
                              std::isnan(values[first]) ? "NaN"
                              : values[first] > 0       ? "Infinity"
                                                        : "-Infinity",
                              cure));
}

}  // namespace clipsweep

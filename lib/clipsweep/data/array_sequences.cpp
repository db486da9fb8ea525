#include "clipsweep/data/array_sequences.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/data/npy.h"

namespace clipsweep {
namespace {

[[noreturn]] void throw_bad(const std::string& where, const std::string& what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// One array of the store, open at its first element.
struct OpenArray {
  std::string where;  // `data.npz: x_train`
  std::unique_ptr<SizedSource> source;
  NpyHeader header;

  std::size_t rank() const { return header.shape.size(); }
  std::size_t size(std::size_t dimension) const {
    return static_cast<std::size_t>(header.shape[dimension]);
  }
  std::string shape() const { return shape_text(header.shape); }
};

OpenArray open_array(const ArrayStore& store, const std::string& name) {
  OpenArray array;
  array.where = fmt::format("{}: {}", store.where(), name);
  array.source = store.open(name);
  array.header = read_npy_header(*array.source, array.where);
  return array;
}

void check_names(const ArrayStore& store) {
  for (const char* name : {"x_train", "y_train"})
    if (!store.has(name))
      throw_bad(
          store.where(),
          fmt::format("no array {}; it has {}; name them as in numpy.savez(\"data.npz\", "
                      "x_train=x, y_train=y, x_test=..., y_test=...)",
                      name, store.names().empty() ? "none" : printable(join(store.names()), 200)));
  if (store.has("x_test") != store.has("y_test"))
    throw_bad(store.where(),
              fmt::format("has {0}_test but no {1}_test; add {1}_test, or remove "
                          "{0}_test and give --test-share",
                          store.has("x_test") ? "x" : "y", store.has("x_test") ? "y" : "x"));
}

// Padded test sequences without lengths would be taken for whole ones.
void check_lengths(const ArrayStore& store) {
  const bool has_train = store.has("lengths_train");
  if (!store.has("x_test") || has_train == store.has("lengths_test")) return;
  throw_bad(
      store.where(),
      fmt::format("has {} but no {}; add the time steps of each sequence of that set, even if "
                  "they are all the same",
                  has_train ? "lengths_train" : "lengths_test",
                  has_train ? "lengths_test" : "lengths_train"));
}

// ---- Inputs and lengths -------------------------------------------------------------------------

// Sets count, time steps and inputs, and returns I.
std::size_t read_inputs(const ArrayStore& store, const std::string& name, SequenceSet& set) {
  constexpr std::size_t kMaxTimeSteps = 100'000;
  constexpr std::size_t kMaxInputs = 65'536;
  OpenArray array = open_array(store, name);
  if (array.rank() != 2 && array.rank() != 3)
    throw_bad(array.where, fmt::format("its shape is {}; allowed: [N, T] or [N, T, I] (sequences, "
                                       "time steps, inputs of a step); reshape it",
                                       array.shape()));
  set.count = array.size(0);
  set.time_steps = array.size(1);
  const std::size_t inputs = array.rank() == 3 ? array.size(2) : 1;
  if (set.time_steps > kMaxTimeSteps || inputs > kMaxInputs)
    throw_bad(array.where, fmt::format("its shape is {}; at most {} time steps and {} inputs of a "
                                       "step are supported",
                                       array.shape(), with_thousands(kMaxTimeSteps),
                                       with_thousands(kMaxInputs)));
  set.inputs = read_floats(*array.source, array.header, array.where);
  return inputs;
}

// Sets the lengths, if the store has them, and clears the inputs behind the ends.
void read_lengths(const ArrayStore& store, const std::string& name, std::size_t inputs,
                  SequenceSet& set) {
  if (!store.has(name)) return;
  OpenArray array = open_array(store, name);
  if (!array.header.type.is_whole())
    throw_bad(array.where, fmt::format("holds floats; allowed: a whole number for each of the {}; "
                                       "convert them with astype(int)",
                                       counted(set.count, "sequence")));
  if (array.rank() != 1 || array.size(0) != set.count)
    throw_bad(array.where, fmt::format("its shape is {}; allowed: [N], the time steps of each of "
                                       "the {}",
                                       array.shape(), counted(set.count, "sequence")));
  const auto lengths = read_whole_numbers(*array.source, array.header, array.where);
  set.lengths.reserve(set.count);
  for (std::size_t n = 0; n < set.count; ++n) {
    if (lengths[n] < 1 || lengths[n] > static_cast<std::int64_t>(set.time_steps))
      throw_bad(fmt::format("{}[{}]", array.where, n),
                fmt::format("the length {} is not from 1 to {}, the time steps of the inputs",
                            lengths[n], set.time_steps));
    set.lengths.push_back(static_cast<std::int32_t>(lengths[n]));
  }
  const std::size_t row = set.time_steps * inputs;
  for (std::size_t n = 0; n < set.count; ++n)
    std::fill(set.inputs.begin() + static_cast<std::ptrdiff_t>(n * row + set.length(n) * inputs),
              set.inputs.begin() + static_cast<std::ptrdiff_t>((n + 1) * row), 0.0F);
  if (std::all_of(set.lengths.begin(), set.lengths.end(), [&](std::int32_t length) {
        return length == static_cast<std::int32_t>(set.time_steps);
      }))
    set.lengths.clear();
}

// Reads a set but for its labels or targets, and returns I.
std::size_t read_set(const ArrayStore& store, const std::string& part, Nonfinite nonfinite,
                     SequenceSet& set) {
  const std::size_t inputs = read_inputs(store, "x_" + part, set);
  read_lengths(store, "lengths_" + part, inputs, set);
  if (nonfinite == Nonfinite::kRefuse)
    refuse_nonfinite(set.inputs, {set.count, set.time_steps, inputs},
                     fmt::format("{}: x_{}", store.where(), part),
                     "remove or replace it, or let it through with --allow-nonfinite");
  return inputs;
}

// ---- Labels and targets -------------------------------------------------------------------------

struct TargetShape {
  SequenceTarget target = SequenceTarget::kClass;
  std::size_t numbers = 1;
};

// What an array of this type and shape says about the sequences of its set.
TargetShape target_shape(const OpenArray& array, const SequenceSet& set) {
  constexpr std::size_t kMaxNumbers = 65'536;
  constexpr const char* kAllowed =
      "[N] classes or numbers, [N, T] classes, [N, K] or [N, 1, K] numbers";
  const bool is_whole = array.header.type.is_whole();
  const bool is_one_step = array.rank() == 3 && array.size(1) == 1 && !is_whole;
  if (array.rank() == 0 || (array.rank() > 2 && !is_one_step) || array.size(0) != set.count)
    throw_bad(array.where,
              fmt::format("its shape is {}, with {} of shape [N, T, I]; allowed: {}{}",
                          array.shape(), counted(set.count, "sequence"), kAllowed,
                          array.rank() > 2 ? "; of one-hot classes take numpy.argmax(y, -1)" : ""));
  const std::size_t width = array.rank() == 1 ? 1 : array.size(array.rank() - 1);
  if (!is_whole && array.rank() == 2 && width > 1 && width == set.time_steps)
    throw_bad(
        array.where,
        fmt::format("floats of shape {}, as many as time steps: a number at each step is not "
                    "supported; if these are {} numbers to predict after the last step, write "
                    "them as [N, 1, {}], y[:, None]",
                    array.shape(), width, width));
  if (!is_whole && width > kMaxNumbers)
    throw_bad(array.where, fmt::format("its shape is {}; at most {} numbers of a sequence are "
                                       "supported",
                                       array.shape(), with_thousands(kMaxNumbers)));
  if (!is_whole) return {SequenceTarget::kNumbers, width};
  if (width == 1) return {SequenceTarget::kClass};
  if (width != set.time_steps)
    throw_bad(array.where,
              fmt::format("its shape is {}, but the sequences have {}; allowed: whole numbers [N] "
                          "(a class each) or [N, T] (a class at each step), floats [N, K]; of "
                          "one-hot classes take numpy.argmax(y, 1)",
                          array.shape(), counted(set.time_steps, "time step")));
  return {SequenceTarget::kClassEachStep};
}

void read_target(OpenArray& array, const TargetShape& shape, SequenceSet& set,
                 std::vector<std::int64_t>& labels) {
  if (shape.target != SequenceTarget::kNumbers) {
    labels = read_whole_numbers(*array.source, array.header, array.where);
    return;
  }
  set.targets = read_floats(*array.source, array.header, array.where);
  refuse_nonfinite(set.targets, {array.header.shape.begin(), array.header.shape.end()}, array.where,
                   "a target must be a finite number: remove its sequence");
}

void read_targets(const ArrayStore& store, SequenceData& data) {
  RawLabels labels;
  OpenArray train = open_array(store, "y_train");
  const TargetShape shape = target_shape(train, data.train);
  data.target = shape.target;
  data.numbers = shape.numbers;
  read_target(train, shape, data.train, labels.train);
  labels.train_name = train.where;
  if (!data.test.empty()) {
    OpenArray test = open_array(store, "y_test");
    const TargetShape test_shape = target_shape(test, data.test);
    if (test_shape.target != shape.target || test_shape.numbers != shape.numbers)
      throw_bad(test.where, fmt::format("its type and shape {} do not fit y_train, with {}; both "
                                        "must be classes or both numbers",
                                        test.shape(), train.shape()));
    read_target(test, shape, data.test, labels.test);
    labels.test_name = test.where;
  }
  if (data.target != SequenceTarget::kNumbers) set_classes(data, labels);
}

}  // namespace

SequenceData read_array_sequences(const ArrayStore& store, Nonfinite nonfinite) {
  check_names(store);
  check_lengths(store);
  SequenceData data;
  data.where = store.where();
  data.inputs = read_set(store, "train", nonfinite, data.train);
  if (store.has("x_test"))
    if (const std::size_t inputs = read_set(store, "test", nonfinite, data.test);
        inputs != data.inputs)
      throw_bad(store.where(), fmt::format("x_train has {} at each step, x_test {}; both must have "
                                           "the same",
                                           counted(data.inputs, "input"), inputs));
  read_targets(store, data);
  return data;
}

}  // namespace clipsweep

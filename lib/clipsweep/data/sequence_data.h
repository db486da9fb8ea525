// Labelled sequences in memory, whatever file they came from: a training and a test set, checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// How many classes a data set may have, of any kind.
inline constexpr std::size_t kMaxClasses = 65'536;

// What is to be predicted from a sequence.
enum class SequenceTarget {
  kClass,          // one class, after the last time step
  kClassEachStep,  // a class at each time step
  kNumbers,        // K numbers, after the last time step
};

struct SequenceSet {
  std::size_t count = 0;              // N
  std::size_t time_steps = 0;         // T, the longest
  std::vector<float> inputs;          // [N, T, I]; 0 behind the end of a sequence
  std::vector<std::int32_t> lengths;  // [N], 1 to T; empty if all sequences have T time steps
  std::vector<std::int32_t> classes;  // [N], or [N, T] for a class at each step; else empty
  std::vector<float> targets;         // [N, K]; empty for classes
  std::vector<std::uint32_t> rows;    // [N], the place of each in the file; empty: 0 to N - 1

  bool empty() const { return count == 0; }
  std::size_t length(std::size_t n) const {
    return lengths.empty() ? time_steps : static_cast<std::size_t>(lengths[n]);
  }
  std::uint32_t row(std::size_t n) const {
    return rows.empty() ? static_cast<std::uint32_t>(n) : rows[n];
  }
};

struct SequenceData {
  std::string where;        // the file or folder, for messages
  std::size_t inputs = 0;   // I
  std::size_t numbers = 1;  // K
  SequenceTarget target = SequenceTarget::kClass;
  std::vector<std::string> class_names;  // [C], in sorted order: the labels in the file
  bool labels_are_numbers = true;        // or texts
  SequenceSet train;
  SequenceSet test;        // empty if the file has none
  SequenceSet validation;  // empty unless split_off_validation_set has drawn it
};

// Identifies the data by its values: the inputs as float32, lengths, labels and targets. How they
// are stored (number type, byte order, compression, kind of file) does not matter.
std::string sha256_of_values(const SequenceData& data);

// Whether the labels in the file are anything else than 0 to C - 1.
bool has_own_labels(const SequenceData& data);

// Moves a share of the training set, in (0, 1), to the test set, which must be empty: sequences
// drawn at random by this seed. Both keep the order of the file. Throws DataError if one of the two
// would be empty, or if the training set would lack a class of the test set.
void split_off_test_set(SequenceData& data, double share, std::uint64_t seed);

// The same for the validation set, from what the training set is then. Both are drawn
// independently: a seed draws other sequences for each.
void split_off_validation_set(SequenceData& data, double share, std::uint64_t seed);

// ---- For readers of files -----------------------------------------------------------------------

// Labels of the training and test set as the file has them, [N] or [N, T]; those behind the end of
// a sequence do not count. `name` of a label, and what the labels of each set are called in
// messages: `data.npz: y_train`.
struct RawLabels {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> test;
  std::string train_name;
  std::string test_name;
  std::vector<std::string> texts;  // the labels are indices into these; empty: they are numbers
};

// Numbers the labels of the training set in sorted order, and sets `classes` of both sets and
// `class_names`. Lengths and target must be set. Throws DataError if there is one class only, or if
// the test set has a label that the training set lacks.
void set_classes(SequenceData& data, const RawLabels& labels);

// Throws DataError that names the first NaN or Inf among values [N, ...] of this shape:
// `data.npz: x_train[3, 5, 2] is NaN`, and what to do about it.
void refuse_nonfinite(const std::vector<float>& values, const std::vector<std::size_t>& shape,
                      const std::string& name, std::string_view cure);

}  // namespace clipsweep

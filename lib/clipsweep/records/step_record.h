// One step of one run, as plain data, and its columns in one table: from it follow the lines of
// steps.jsonl, their lenient and strict readers, their JSON Schema, the bytes in checkpoints and
// `step_columns` in sweep.json. results/README.md says what each column means.
//
// A new column is a member of StepRecord and a row of kStepColumns. RunTrainer fills it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

// A number that only some steps measure. Measured without a value: it was not finite, or had none.
struct Measurement {
  bool is_taken = false;
  std::optional<double> value;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(is_taken, value);
  }
};

struct StepRecord {
  std::uint64_t step = 0;
  std::uint64_t epoch = 0;
  float loss = 0;
  double accuracy = 0;
  std::optional<double> omega;  // engine/omega.h; nothing without its factor
  double grad_norm_raw = 0;
  double grad_norm_clipped = 0;
  double clip_scale = 1;
  bool clipped = false;
  double clipped_fraction = 0;
  std::optional<float> cosine;                    // of the angle between raw and clipped gradient
  std::optional<double> limit;                    // in force at this step
  std::optional<double> scheduled_learning_rate;  // of this step; nothing where it is constant
  double effective_learning_rate = 0;
  std::optional<double> update_norm;  // of the optimizer's update; nothing where none was computed
  std::optional<double> weight_norm;  // before the update
  float grad_max_abs = 0;
  std::uint64_t nonfinite = 0;
  Measurement smoothness;            // |g(mid) - g| / |mid - w| along the step
  Measurement sharpness;             // g'Hg / g'g of the batch
  std::vector<double> tensor_norms;  // in the order of the layout
  bool skipped = false;

  template <typename Archive>
  void archive(Archive& archive);
};

// Which values a column may have. Where it is an optional, null is allowed as well.
enum class ColumnRange {
  kBoolean,
  kFromZero,   // a whole number
  kFromOne,    // a whole number
  kNumber,     // any number, NaN and the infinities included
  kMagnitude,  // from 0; NaN and Infinity are allowed: a broken gradient has them
  kFiniteFromZero,
  kFinite,
  kShare,   // from 0 to 1
  kCosine,  // from -1 to 1
};

// Which lines have a column.
enum class ColumnPresence {
  kAlways,
  kOnlyIfTrue,  // a boolean that is false in all other lines
  // An optional that is empty, or a Measurement that was not taken, in all other lines, as in those
  // of earlier versions.
  kOnlyIfMeasured,
};

// The key of a column, together with its spelling within a line.
class ColumnKey {
 public:
  constexpr ColumnKey(std::string_view name) : size_(name.size()) {
    text_[0] = ',';
    text_[1] = '"';
    for (std::size_t i = 0; i < name.size(); ++i) text_[2 + i] = name[i];
    text_[2 + name.size()] = '"';
    text_[3 + name.size()] = ':';
  }

  constexpr std::string_view name() const { return {text_.data() + 2, size_}; }     // loss
  constexpr std::string_view in_line() const { return {text_.data(), size_ + 4}; }  // ,"loss":

 private:
  std::array<char, 40> text_{};
  std::size_t size_;
};

template <typename Value>
struct StepColumn {
  constexpr StepColumn(std::string_view name, Value StepRecord::*value, ColumnRange allowed,
                       ColumnPresence present = ColumnPresence::kAlways)
      : key(name), member(value), range(allowed), presence(present) {}

  ColumnKey key;
  Value StepRecord::*member;
  ColumnRange range;  // of each number, where the member is a list
  ColumnPresence presence;
};

// In the order of a line.
inline constexpr auto kStepColumns = std::make_tuple(
    StepColumn("step", &StepRecord::step, ColumnRange::kFromOne),
    StepColumn("epoch", &StepRecord::epoch, ColumnRange::kFromOne),
    StepColumn("loss", &StepRecord::loss, ColumnRange::kNumber),
    StepColumn("accuracy", &StepRecord::accuracy, ColumnRange::kShare),
    StepColumn("omega", &StepRecord::omega, ColumnRange::kMagnitude,
               ColumnPresence::kOnlyIfMeasured),
    StepColumn("grad_norm_raw", &StepRecord::grad_norm_raw, ColumnRange::kMagnitude),
    StepColumn("grad_norm_clipped", &StepRecord::grad_norm_clipped, ColumnRange::kMagnitude),
    StepColumn("clip_scale", &StepRecord::clip_scale, ColumnRange::kMagnitude),
    StepColumn("clipped", &StepRecord::clipped, ColumnRange::kBoolean),
    StepColumn("clipped_fraction", &StepRecord::clipped_fraction, ColumnRange::kShare),
    StepColumn("cosine", &StepRecord::cosine, ColumnRange::kCosine),
    StepColumn("limit", &StepRecord::limit, ColumnRange::kFiniteFromZero),
    StepColumn("scheduled_learning_rate", &StepRecord::scheduled_learning_rate,
               ColumnRange::kFiniteFromZero, ColumnPresence::kOnlyIfMeasured),
    StepColumn("effective_learning_rate", &StepRecord::effective_learning_rate,
               ColumnRange::kMagnitude),
    StepColumn("update_norm", &StepRecord::update_norm, ColumnRange::kMagnitude,
               ColumnPresence::kOnlyIfMeasured),
    StepColumn("weight_norm", &StepRecord::weight_norm, ColumnRange::kMagnitude,
               ColumnPresence::kOnlyIfMeasured),
    StepColumn("grad_max_abs", &StepRecord::grad_max_abs, ColumnRange::kMagnitude),
    StepColumn("nonfinite", &StepRecord::nonfinite, ColumnRange::kFromZero),
    StepColumn("smoothness", &StepRecord::smoothness, ColumnRange::kFiniteFromZero,
               ColumnPresence::kOnlyIfMeasured),
    StepColumn("sharpness", &StepRecord::sharpness, ColumnRange::kFinite,
               ColumnPresence::kOnlyIfMeasured),
    StepColumn("tensors", &StepRecord::tensor_norms, ColumnRange::kMagnitude),
    StepColumn("skipped", &StepRecord::skipped, ColumnRange::kBoolean,
               ColumnPresence::kOnlyIfTrue));

// Calls `visit` with each StepColumn, in order.
template <typename Visit>
constexpr void for_each_step_column(const Visit& visit) {
  std::apply([&](const auto&... column) { (visit(column), ...); }, kStepColumns);
}

template <typename Archive>
void StepRecord::archive(Archive& archive) {
  for_each_step_column([&](const auto& column) { archive(this->*column.member); });
}

template <typename Value>
struct IsOptional : std::false_type {};
template <typename Value>
struct IsOptional<std::optional<Value>> : std::true_type {};

// Appends one line of steps.jsonl with its line break.
void append_line(std::string& text, const StepRecord& record,
                 const std::vector<std::string>& tensor_names);

// Reads types, not ranges, and ignores unknown keys. Throws DataError that names the key.
StepRecord step_record_from_json(const Json& json, const std::vector<std::string>& tensor_names);

// The type of each column by its key, for readers in other languages: `{"step": "count",
// "loss": "float32", "cosine": "optional float32", ...}`.
Json step_columns_json();

}  // namespace clipsweep

#include "clipsweep/validation/step_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::array<std::string_view, 16> kKeys = {
    "step",         "epoch",         "loss",
    "accuracy",     "grad_norm_raw", "grad_norm_clipped",
    "clip_scale",   "clipped",       "clipped_fraction",
    "cosine",       "limit",         "effective_learning_rate",
    "grad_max_abs", "nonfinite",     "tensors",
    "skipped"};

// NaN and +Infinity are magnitudes too: they are what a broken gradient has.
void require_magnitude(double value, std::string_view key) {
  if (value < 0) throw DataError(fmt::format("\"{}\" must not be negative, as {} is", key, value));
}

void require_share(double value, std::string_view key) {
  if (!(value >= 0 && value <= 1))
    throw DataError(fmt::format("\"{}\" must be from 0 to 1, not {}", key, value));
}

void require_counted_from_one(std::uint64_t value, std::string_view key) {
  if (value == 0) throw DataError(fmt::format("\"{}\" counts from 1, not from 0", key));
}

template <typename Names>
void require_known_keys(const Json& object, const Names& names) {
  for (const auto& item : object.items())
    if (std::find(names.begin(), names.end(), item.key()) == names.end())
      throw DataError(fmt::format("unknown key \"{}\"", printable(item.key())));
}

}  // namespace

StepRecord read_strict_step(const Json& json, const std::vector<std::string>& tensor_names) {
  StepRecord record = step_record_from_json(json, tensor_names);
  require_known_keys(json, kKeys);
  require_known_keys(json["tensors"], tensor_names);
  require_counted_from_one(record.step, "step");
  require_counted_from_one(record.epoch, "epoch");
  require_share(record.accuracy, "accuracy");
  require_share(record.clipped_fraction, "clipped_fraction");
  require_magnitude(record.grad_norm_raw, "grad_norm_raw");
  require_magnitude(record.grad_norm_clipped, "grad_norm_clipped");
  require_magnitude(record.clip_scale, "clip_scale");
  require_magnitude(record.effective_learning_rate, "effective_learning_rate");
  require_magnitude(static_cast<double>(record.grad_max_abs), "grad_max_abs");
  if (record.cosine && !(std::abs(*record.cosine) <= 1))
    throw DataError(fmt::format("\"cosine\" must be from -1 to 1, not {}", *record.cosine));
  if (record.limit && !(*record.limit >= 0 && std::isfinite(*record.limit)))
    throw DataError(
        fmt::format("\"limit\" must be a finite number from 0 or null, not {}", *record.limit));
  for (std::size_t i = 0; i < tensor_names.size(); ++i)
    require_magnitude(record.tensor_norms[i], tensor_names[i]);
  if (json.contains("skipped") && !record.skipped)
    throw DataError("\"skipped\" is true or absent, never false");
  return record;
}

}  // namespace clipsweep

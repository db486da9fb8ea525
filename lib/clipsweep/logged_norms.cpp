#include "clipsweep/logged_norms.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "clipsweep/error.h"

namespace clipsweep {
namespace {

// Takes a number from the beginning of the text: NaN for one of the strings that are not finite.
std::optional<double> take_number(std::string_view& text) {
  if (!text.empty() && text.front() == '"') {
    const auto end = text.find('"', 1);
    if (end == text.npos) return std::nullopt;
    text.remove_prefix(end + 1);
    return std::numeric_limits<double>::quiet_NaN();
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

std::optional<double> number_after(std::string_view line, std::string_view key) {
  const auto place = line.find(key);
  if (place == line.npos) return std::nullopt;
  line.remove_prefix(place + key.size());
  return take_number(line);
}

// The largest number of the object `"tensors":{"a":1,...}`.
std::optional<double> largest_tensor_norm(std::string_view line) {
  constexpr std::string_view kKey = "\"tensors\":{";
  const auto place = line.find(kKey);
  if (place == line.npos) return std::nullopt;
  line.remove_prefix(place + kKey.size());
  double largest = 0;
  for (auto colon = line.find("\":"); colon != line.npos; colon = line.find("\":")) {
    line.remove_prefix(colon + 2);
    const auto norm = take_number(line);
    if (!norm) return std::nullopt;
    largest = std::max(largest, *norm);
    if (!line.empty() && line.front() == '}') return largest;
  }
  return std::nullopt;
}

}  // namespace

void append_logged_norms(const fs::path& steps_log, LoggedNorms& norms) {
  const std::string content = read_file(steps_log);
  std::string_view rest = content;
  for (std::size_t number = 1;; ++number) {
    const auto end = rest.find('\n');
    if (end == rest.npos) return;
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (number == 1) continue;  // the header
    const auto norm = number_after(line, "\"grad_norm_raw\":");
    const auto element = number_after(line, "\"grad_max_abs\":");
    const auto tensor = largest_tensor_norm(line);
    if (!norm || !element || !tensor)
      throw DataError(
          fmt::format("{}:{}: no step with norms; clipsweep validate says what is wrong",
                      steps_log.string(), number));
    if (!std::isfinite(*norm)) continue;
    norms.norms.push_back(*norm);
    norms.largest_elements.push_back(*element);
    norms.largest_tensor_norms.push_back(*tensor);
  }
}

}  // namespace clipsweep

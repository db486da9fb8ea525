#include "clipsweep/analysis/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

std::string fixed_text(double value, int decimals) {
  return std::abs(value) >= 1e5 ? fmt::format("{:.2e}", value)
                                : fmt::format("{:.{}f}", value, decimals);
}

}  // namespace

std::string percent_text(const std::optional<double>& share) {
  return share ? fmt::format("{:.1f}", 100 * *share) : "";
}

std::string loss_text(const std::optional<double>& loss, int decimals) {
  return loss ? fixed_text(*loss, decimals) : "";
}

std::string norm_text(const std::optional<double>& norm, int digits) {
  return norm ? fmt::format("{:.{}g}", *norm, digits) : "";
}

std::string cosine_text(const std::optional<double>& cosine) {
  return cosine ? fmt::format("{:.3f}", std::abs(*cosine) < 0.0005 ? 0 : *cosine) : "";
}

std::string signed_text(double value, int decimals) {
  const std::string magnitude = fixed_text(std::abs(value), decimals);
  if (magnitude == fixed_text(0, decimals)) return magnitude;
  return (value < 0 ? "-" : "+") + magnitude;
}

std::string signed_text(const Interval& interval, double factor, int decimals) {
  // The sign of an end that rounds to zero says whether the interval contains zero.
  const auto end_text = [&](double value) {
    std::string text = signed_text(factor * value, decimals);
    constexpr double kRoundingError = 1e-12;
    const bool has_sign = text.front() == '-' || text.front() == '+';
    if (!has_sign && std::abs(value) > kRoundingError) text.insert(0, value < 0 ? "-" : "+");
    return text;
  };
  return fmt::format("[{}, {}]", end_text(interval.lower), end_text(interval.upper));
}

std::string p_value_text(const std::optional<double>& p_value) {
  if (!p_value) return "";
  if (*p_value < 0.001) return "<0.001";
  return fmt::format("{:.{}f}", *p_value, *p_value < 0.1 ? 3 : 2);
}

std::string range_text(const std::vector<double>& values, const std::vector<double>& all) {
  if (values.empty()) return "";
  const auto first = std::find(all.begin(), all.end(), values.front());
  const bool whole = values.size() > 2 && all.end() - first >= std::ptrdiff_t(values.size()) &&
                     std::equal(values.begin(), values.end(), first);
  if (whole) return fmt::format("{} to {}", shortest(values.front()), shortest(values.back()));
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(shortest(value));
  return join(texts);
}

}  // namespace clipsweep

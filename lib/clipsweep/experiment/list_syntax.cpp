#include "clipsweep/experiment/list_syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxListSize = 1'000'000;
constexpr std::string_view kLogspace = "logspace(";

// Outside parentheses, after which a blank is a mistake of another kind.
bool has_blank(std::string_view text) { return text.find_first_of(" \t") != text.npos; }

// The elements of a list. A blank within one is what is left of "0.1 0.5", a comma at the end of
// `0.1, 0.5` without quotes, of which the shell passes only the first part.
std::vector<std::string> parts_of(std::string_view text, std::string_view example) {
  if (trimmed(text).empty())
    throw ConfigError(
        fmt::format("an empty list; give at least one value, for example {}", example));
  auto parts = split_list(text);
  if (parts.size() > 1 && parts.back().empty())
    throw ConfigError(fmt::format(
        "the list ends with a comma; write lists without blanks, for example {}", example));
  for (const auto& part : parts) {
    if (part.empty())
      throw ConfigError(fmt::format("a list with an empty element; write it like {}", example));
    if (has_blank(part) && part.find('(') == part.npos)
      throw ConfigError(
          fmt::format("\"{}\" has a blank; separate the values of a list by commas, for example {}",
                      printable(part), example));
  }
  return parts;
}

double parse_one_number(std::string_view text) {
  if (const auto value = parse_number(text)) return *value;
  throw ConfigError(
      fmt::format("\"{}\" is not a number in the range of float64; write 0.5, 1e-3 or "
                  "logspace(1e-3,1,4)",
                  printable(text)));
}

// Rounds to 12 significant digits, so that logspace(1e-3,1,4) contains 0.01 and not
// 0.010000000000000002.
double rounded(double value) { return *parse_number(fmt::format("{:.12g}", value)); }

// `logspace(start,stop,count)`: evenly spaced in the logarithm, both ends included.
std::vector<double> parse_logspace(std::string_view text) {
  const auto fail = [&](std::string_view why) {
    throw ConfigError(
        fmt::format("\"{}\": {}; write logspace(start,stop,count), for example "
                    "logspace(1e-3,1,4)",
                    printable(text), why));
  };
  if (text.back() != ')') fail("the closing parenthesis is missing");
  const auto open = text.find('(');
  const auto arguments = split_list(text.substr(open + 1, text.size() - open - 2));
  if (arguments.size() != 3) fail("it takes three numbers");
  const auto start = parse_number(arguments[0]);
  const auto stop = parse_number(arguments[1]);
  const auto count = parse_count(arguments[2]);
  if (!start || !stop || !(*start > 0) || !(*stop > 0) || std::isinf(*start) || std::isinf(*stop))
    fail("start and stop must be finite numbers above 0");
  if (!count || *count < 2 || *count > kMaxListSize)
    fail("count must be a whole number from 2 to 1,000,000");
  if (*stop <= *start) fail("stop must be above start");
  std::vector<double> values;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(*count - 1);
    values.push_back(rounded(*start * std::pow(*stop / *start, share)));
  }
  values.front() = *start;
  values.back() = *stop;
  return values;
}

// `first-last` or `first-last:step`
std::vector<std::uint64_t> parse_seed_range(std::string_view text) {
  const auto fail = [&](std::string_view why) {
    throw ConfigError(fmt::format("\"{}\": {}; write seeds as 10 (for 0-9), 3-5, 0-20:5 or 0,3,7",
                                  printable(text), why));
  };
  const auto colon = text.find(':');
  const auto range = text.substr(0, colon);
  const auto dash = range.find('-');
  const auto first = parse_count(trimmed(range.substr(0, dash)));
  const auto last = dash == range.npos ? first : parse_count(trimmed(range.substr(dash + 1)));
  const auto step =
      colon == text.npos ? std::uint64_t{1} : parse_count(trimmed(text.substr(colon + 1)));
  constexpr std::uint64_t kMaxSeed = std::uint64_t{1} << 53;  // exact in every JSON reader
  if (!first || !last || !step) fail("not a seed, a count or a range of seeds");
  if (*first > kMaxSeed || *last > kMaxSeed || *step > kMaxSeed)
    fail("a seed or step is at most 2^53");
  if (*first > *last) fail("the range is reversed");
  if (*step == 0) fail("the step is zero");
  if ((*last - *first) / *step >= kMaxListSize) fail("more than 1,000,000 seeds");
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = *first; seed <= *last; seed += *step) seeds.push_back(seed);
  return seeds;
}

// Whether the text is `MODE=THRESHOLD`, which is written with a colon here.
bool is_pair_with_equals_sign(std::string_view text) {
  const auto equals = text.find('=');
  return equals != text.npos && text.find(':') == text.npos;
}

std::vector<ClipRule> parse_clip(std::string_view text) {
  if (is_pair_with_equals_sign(text)) {
    std::string pair(text);
    std::replace(pair.begin(), pair.end(), '=', ':');
    throw ConfigError(
        fmt::format("\"{}\": a mode and its threshold are joined by a colon; write {}",
                    printable(text), printable(pair)));
  }
  const auto colon = text.find(':');
  const ClipMode mode = parse_clip_mode(trimmed(text.substr(0, colon)));
  const auto& entry = entry_of(mode);
  if (!entry.takes_threshold()) {
    if (colon != text.npos)
      throw ConfigError(fmt::format("\"{}\": mode {} takes no threshold; write {}", printable(text),
                                    entry.name, entry.name));
    return {ClipRule{mode}};
  }
  if (colon == text.npos)
    throw ConfigError(fmt::format("mode {} needs a threshold; write for example {}:{}", entry.name,
                                  entry.name, shortest(entry.example)));
  std::vector<ClipRule> rules;
  for (const double threshold : parse_numbers(text.substr(colon + 1))) {
    check_threshold(mode, threshold);
    rules.push_back({mode, threshold});
  }
  return rules;
}

template <typename Value>
void append(std::vector<Value>& to, const std::vector<Value>& from) {
  if (to.size() + from.size() > kMaxListSize)
    throw ConfigError("a list of more than 1,000,000 values; a sweep has at most 1,000,000 runs");
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::vector<double> parse_numbers(std::string_view text) {
  std::vector<double> numbers;
  for (const auto& part : parts_of(text, "0.1,0.5,1")) {
    if (part.compare(0, kLogspace.size(), kLogspace) == 0)
      append(numbers, parse_logspace(part));
    else
      numbers.push_back(parse_one_number(part));
  }
  return numbers;
}

bool is_list(std::string_view text) {
  return text.find(',') != text.npos || text.compare(0, kLogspace.size(), kLogspace) == 0;
}

std::vector<std::string> parse_texts(std::string_view text, std::string_view example) {
  std::vector<std::string> texts;
  for (auto& part : parts_of(text, example)) {
    std::vector<std::string> values;
    if (part.compare(0, kLogspace.size(), kLogspace) == 0)
      for (const double value : parse_logspace(part)) values.push_back(shortest(value));
    else
      values.push_back(std::move(part));
    append(texts, values);
  }
  return texts;
}

std::vector<std::uint64_t> parse_seeds(std::string_view text) {
  const auto parts = parts_of(text, "0-9");
  if (const auto count = parse_count(parts.front()); parts.size() == 1 && count) {
    if (*count == 0) throw ConfigError("0 seeds; give a count of at least 1, or a range like 0-9");
    return parse_seed_range(fmt::format("0-{}", *count - 1));
  }
  std::vector<std::uint64_t> seeds;
  for (const auto& part : parts) append(seeds, parse_seed_range(part));
  return seeds;
}

std::vector<std::uint64_t> parse_steps(std::string_view text) {
  std::vector<std::uint64_t> steps;
  for (const auto& part : parts_of(text, "0,2000,5000")) {
    const auto step = parse_count(part);
    if (!step)
      throw ConfigError(fmt::format(
          "\"{}\" is no number of steps; give whole numbers from 0, such as 0,2000,5000",
          printable(part)));
    steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
  return steps;
}

std::vector<CellChoice> parse_cells(std::string_view text) {
  std::vector<CellChoice> cells;
  for (const auto& part : parts_of(text, "lstm,rnn-relu:identity"))
    cells.push_back(parse_cell_choice(part));
  return cells;
}

std::vector<ClipMode> parse_modes(std::string_view text) {
  std::vector<ClipMode> modes;
  for (const auto& part : parts_of(text, "none,value,global-norm")) {
    if (part.find_first_of(":=") != part.npos)
      throw ConfigError(fmt::format(
          "\"{}\" is a pair of mode and threshold; give pairs with --clip, or modes with "
          "--mode and thresholds with --threshold",
          printable(part)));
    modes.push_back(parse_clip_mode(part));
  }
  return modes;
}

std::vector<ClipRule> parse_clips(std::string_view text) {
  std::vector<ClipRule> rules;
  for (const auto& part : parts_of(text, "none,value:0.5")) append(rules, parse_clip(part));
  return rules;
}

}  // namespace clipsweep

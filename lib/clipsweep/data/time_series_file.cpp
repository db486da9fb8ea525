#include "clipsweep/data/time_series_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxSteps = 100'000;
constexpr std::size_t kMaxChannels = 65'536;

// A line of the file and where it is, for messages.
struct Line {
  std::string_view text;
  const std::string& where;
  std::size_t number;

  [[noreturn]] void refuse(const std::string& what) const {
    throw DataError(fmt::format("{}:{}: {}", where, number, what));
  }
};

// Calls visit(Line) for each line, without line break and surrounding blanks, unless it is empty.
template <typename Visit>
void for_each_line(std::string_view text, const std::string& where, const Visit& visit) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty()) visit(Line{line, where, number});
  }
}

// Calls visit(part) for each part of a text between separators.
template <typename Visit>
void for_each_part(std::string_view text, char separator, const Visit& visit) {
  for (;;) {
    const std::size_t end = text.find(separator);
    visit(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char character : text) {
    if (character != ' ' && character != '\t') {
      word += character;
      continue;
    }
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string lower(std::string text) {
  for (char& character : text)
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  return text;
}

// ---- Values -------------------------------------------------------------------------------------

// A value of a series; `?` is a missing one.
float value_of(std::string_view text, const Line& line) {
  text = trimmed(text);
  if (text == "?" || text == "NaN") return std::numeric_limits<float>::quiet_NaN();
  const auto value = parse_number(text);
  if (!value) line.refuse(fmt::format("\"{}\" is not a number", printable(text)));
  return static_cast<float>(*value);
}

void check_value(float value, Nonfinite nonfinite, std::size_t dimension, std::size_t step,
                 const Line& line) {
  if (nonfinite == Nonfinite::kAllow || std::isfinite(value)) return;
  line.refuse(
      fmt::format("dimension {}, step {} is {} in float32; remove the series or fill the "
                  "gap, or let it through with --allow-nonfinite",
                  dimension, step, std::isnan(value) ? "missing or NaN" : "infinite"));
}

// ---- .ts ----------------------------------------------------------------------------------------

// What the lines that begin with @ declare.
struct TsHeader {
  std::optional<bool> univariate;
  std::optional<bool> equal_length;
  std::optional<std::size_t> dimensions;
  std::optional<std::size_t> length;
  bool has_classes = false;
  bool has_targets = false;
  std::vector<std::string> classes;  // empty: any
  bool data_begins = false;
};

bool switch_of(const std::vector<std::string>& words, const Line& line) {
  const std::string value = words.size() > 1 ? lower(words[1]) : "";
  if (value == "true") return true;
  if (value == "false") return false;
  line.refuse(fmt::format("{} must be true or false", printable(words[0])));
}

std::size_t count_of(const std::vector<std::string>& words, std::size_t max, const Line& line) {
  const auto count = words.size() == 2 ? parse_count(words[1]) : std::nullopt;
  if (!count || *count < 1 || *count > max)
    line.refuse(fmt::format("{} must be a whole number from 1 to {}", printable(words[0]),
                            with_thousands(max)));
  return static_cast<std::size_t>(*count);
}

void read_declaration(const Line& line, TsHeader& header) {
  const auto words = words_of(line.text);
  const std::string name = lower(words[0]);
  if (name == "@problemname" || name == "@missing") return;
  if (name == "@timestamps") {
    if (switch_of(words, line))
      line.refuse(
          "series with time stamps are not supported; write the values at equal distances, "
          "with @timeStamps false");
  } else if (name == "@univariate") {
    header.univariate = switch_of(words, line);
  } else if (name == "@dimensions" || name == "@dimension") {
    header.dimensions = count_of(words, kMaxChannels, line);
  } else if (name == "@equallength") {
    header.equal_length = switch_of(words, line);
  } else if (name == "@serieslength") {
    header.length = count_of(words, kMaxSteps, line);
  } else if (name == "@classlabel") {
    header.has_classes = switch_of(words, line);
    header.classes.assign(words.begin() + 2, words.end());
  } else if (name == "@targetlabel") {
    header.has_targets = switch_of(words, line);
  } else if (name == "@data") {
    header.data_begins = true;
  } else {
    line.refuse(
        fmt::format("unknown declaration {}; allowed: @problemName, @timeStamps, @missing, "
                    "@univariate, @dimensions, @equalLength, @seriesLength, @classLabel, "
                    "@targetLabel, @data",
                    printable(words[0])));
  }
}

void check_header(const TsHeader& header, const Line& line) {
  if (header.has_classes == header.has_targets)
    line.refuse(header.has_classes
                    ? "both @classLabel and @targetLabel are true; one of them must be false"
                    : "no labels: @classLabel true (classes) or @targetLabel true (a number) must "
                      "come before @data");
}

// The values of one series, dimension by dimension, as [T, I].
std::vector<float> by_step(const std::vector<std::vector<float>>& dimensions) {
  const std::size_t steps = dimensions.front().size();
  std::vector<float> values(steps * dimensions.size());
  for (std::size_t i = 0; i < dimensions.size(); ++i)
    for (std::size_t t = 0; t < steps; ++t) values[t * dimensions.size() + i] = dimensions[i][t];
  return values;
}

void add_label(std::string_view text, const TsHeader& header, const Line& line,
               TimeSeriesFile& file) {
  if (header.has_targets) {
    const float target = value_of(text, line);
    if (!std::isfinite(target)) line.refuse("its target is not a finite number; remove the series");
    file.targets.push_back(target);
    return;
  }
  const std::string label(text);
  if (label.empty()) line.refuse("has no class label after the last \":\"");
  if (!header.classes.empty() &&
      std::find(header.classes.begin(), header.classes.end(), label) == header.classes.end())
    line.refuse(fmt::format("class \"{}\" is not one that @classLabel declares: {}",
                            printable(label), printable(join(header.classes), 200)));
  file.labels.push_back(label);
}

void check_dimensions(const TsHeader& header, std::size_t dimensions, const Line& line) {
  if (dimensions == 0) line.refuse("has no \":\" between the values and the label");
  if (dimensions > kMaxChannels)
    line.refuse(fmt::format("more than {} dimensions", with_thousands(kMaxChannels)));
  if (header.dimensions && dimensions != *header.dimensions)
    line.refuse(fmt::format("{}, but @dimensions declares {}", counted(dimensions, "dimension"),
                            *header.dimensions));
  if (header.univariate.value_or(false) && dimensions != 1)
    line.refuse(fmt::format("{}, but @univariate is true", counted(dimensions, "dimension")));
}

void check_length(const TsHeader& header, std::size_t steps, const Line& line) {
  if (steps > kMaxSteps)
    line.refuse(fmt::format("more than {} time steps", with_thousands(kMaxSteps)));
  if (header.equal_length.value_or(false) && header.length && steps != *header.length)
    line.refuse(fmt::format("{}, but @seriesLength declares {}", counted(steps, "time step"),
                            *header.length));
}

void read_series(const Line& line, const TsHeader& header, Nonfinite nonfinite,
                 TimeSeriesFile& file) {
  const std::size_t last = line.text.rfind(':');
  std::vector<std::vector<float>> dimensions;
  if (last != std::string_view::npos)
    for_each_part(line.text.substr(0, last), ':', [&](std::string_view part) {
      auto& values = dimensions.emplace_back();
      for_each_part(part, ',', [&](std::string_view text) {
        values.push_back(value_of(text, line));
        check_value(values.back(), nonfinite, dimensions.size(), values.size(), line);
      });
      if (values.size() != dimensions.front().size())
        line.refuse(fmt::format("dimension {} has {}, dimension 1 has {}", dimensions.size(),
                                counted(values.size(), "value"), dimensions.front().size()));
    });
  check_dimensions(header, dimensions.size(), line);
  check_length(header, dimensions.front().size(), line);
  if (!file.series.empty() && dimensions.size() != file.dimensions)
    line.refuse(fmt::format("{}, but the series before it have {}",
                            counted(dimensions.size(), "dimension"), file.dimensions));
  file.dimensions = dimensions.size();
  add_label(trimmed(line.text.substr(last + 1)), header, line, file);
  file.series.push_back(by_step(dimensions));
}

void refuse_empty(const TimeSeriesFile& file) {
  if (file.series.empty())
    throw DataError(fmt::format("{}: has no series; fetch the file again", file.where));
}

// ---- Labels of both files -----------------------------------------------------------------------

// A label as a whole number: `3`, `-1`, `1.0`.
std::optional<std::int64_t> whole_label(const std::string& label) {
  constexpr double kMaxExact = 9007199254740992;  // 2^53
  const auto value = parse_number(label);
  if (!value || std::abs(*value) > kMaxExact || std::floor(*value) != *value) return std::nullopt;
  return static_cast<std::int64_t>(*value);
}

bool are_whole(const std::vector<std::string>& labels) {
  return std::all_of(labels.begin(), labels.end(),
                     [](const std::string& label) { return whole_label(label).has_value(); });
}

RawLabels raw_labels(const TimeSeriesFile& train, const TimeSeriesFile* test) {
  RawLabels raw;
  raw.train_name = train.where + ": label";
  if (test) raw.test_name = test->where + ": label";
  const bool whole = are_whole(train.labels) && (!test || are_whole(test->labels));
  if (!whole) {
    raw.texts = train.labels;
    if (test) raw.texts.insert(raw.texts.end(), test->labels.begin(), test->labels.end());
    std::sort(raw.texts.begin(), raw.texts.end());
    raw.texts.erase(std::unique(raw.texts.begin(), raw.texts.end()), raw.texts.end());
  }
  const auto coded = [&](const std::vector<std::string>& labels) {
    std::vector<std::int64_t> codes;
    for (const auto& label : labels)
      codes.push_back(whole ? *whole_label(label)
                            : std::lower_bound(raw.texts.begin(), raw.texts.end(), label) -
                                  raw.texts.begin());
    return codes;
  };
  raw.train = coded(train.labels);
  if (test) raw.test = coded(test->labels);
  return raw;
}

SequenceSet set_of(const TimeSeriesFile& file) {
  SequenceSet set;
  set.count = file.series.size();
  for (const auto& series : file.series)
    set.time_steps = std::max(set.time_steps, series.size() / file.dimensions);
  const std::size_t row = set.time_steps * file.dimensions;
  constexpr std::size_t kMaxValues = std::size_t{1} << 31;
  if (row > kMaxValues / set.count)
    throw DataError(fmt::format("{}: {} of up to {} are more than {} values", file.where,
                                counted(set.count, "series"), counted(set.time_steps, "time step"),
                                with_thousands(kMaxValues)));
  set.inputs.assign(set.count * row, 0);
  for (std::size_t n = 0; n < set.count; ++n) {
    const auto& series = file.series[n];
    std::copy(series.begin(), series.end(),
              set.inputs.begin() + static_cast<std::ptrdiff_t>(n * row));
    set.lengths.push_back(static_cast<std::int32_t>(series.size() / file.dimensions));
  }
  const auto longest = static_cast<std::int32_t>(set.time_steps);
  if (std::count(set.lengths.begin(), set.lengths.end(), longest) ==
      static_cast<std::ptrdiff_t>(set.count))
    set.lengths.clear();
  set.targets = file.targets;
  return set;
}

}  // namespace

TimeSeriesFile parse_ts(std::string_view text, const std::string& where, Nonfinite nonfinite) {
  TimeSeriesFile file;
  file.where = where;
  TsHeader header;
  for_each_line(text, where, [&](const Line& line) {
    if (line.text.front() == '#' || line.text.front() == '%') return;
    if (header.data_begins) {
      read_series(line, header, nonfinite, file);
      return;
    }
    if (line.text.front() != '@')
      line.refuse(
          "neither a declaration (@) nor a comment (#), and @data has not come yet; this "
          "is not a .ts file");
    read_declaration(line, header);
    if (header.data_begins) check_header(header, line);
  });
  refuse_empty(file);
  return file;
}

TimeSeriesFile parse_tsv(std::string_view text, const std::string& where, Nonfinite nonfinite) {
  TimeSeriesFile file;
  file.where = where;
  for_each_line(text, where, [&](const Line& line) {
    std::vector<float> values;
    std::optional<std::string> label;
    for_each_part(line.text, '\t', [&](std::string_view part) {
      if (!label)
        label = std::string(trimmed(part));
      else
        values.push_back(value_of(part, line));
    });
    while (!values.empty() && std::isnan(values.back())) values.pop_back();
    if (values.empty())
      line.refuse(
          "no values; each line has a label and the values of a series, with tabs between "
          "them");
    if (label->empty()) line.refuse("has no label before the first tab");
    if (values.size() > kMaxSteps)
      line.refuse(fmt::format("more than {} time steps", with_thousands(kMaxSteps)));
    for (std::size_t t = 0; t < values.size(); ++t)
      check_value(values[t], nonfinite, 1, t + 1, line);
    file.labels.push_back(std::move(*label));
    file.series.push_back(std::move(values));
  });
  refuse_empty(file);
  return file;
}

SequenceData sequences_of(TimeSeriesFile train, const TimeSeriesFile* test) {
  if (test && test->dimensions != train.dimensions)
    throw DataError(fmt::format("{}: its series have {}, those of {} have {}", test->where,
                                counted(test->dimensions, "dimension"), train.where,
                                train.dimensions));
  if (test && test->labels.empty() != train.labels.empty())
    throw DataError(fmt::format("{}: has {}, but {} has {}", test->where,
                                test->labels.empty() ? "targets" : "class labels", train.where,
                                train.labels.empty() ? "targets" : "class labels"));
  SequenceData data;
  data.where = train.where;
  data.inputs = train.dimensions;
  data.target = train.labels.empty() ? SequenceTarget::kNumbers : SequenceTarget::kClass;
  data.train = set_of(train);
  train.series.clear();
  if (test) data.test = set_of(*test);
  if (data.target == SequenceTarget::kClass) set_classes(data, raw_labels(train, test));
  return data;
}

}  // namespace clipsweep

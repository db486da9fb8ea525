// Time series as the archives of their field keep them, in text files:
//
//   .ts   UEA and UCR archives, as aeon and sktime read them: header lines that begin with @,
//   comments with # or %, then
//         a line per series, its dimensions separated by `:`, its label last
//         https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
//   .tsv  UCR archive of 2018: a line per series, its label first, tabs between numbers; NaN at the
//         end of a line pads a series that is shorter than others
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/data/array_sequences.h"

namespace clipsweep {

struct TimeSeriesFile {
  std::string where;
  std::size_t dimensions = 1;              // I
  std::vector<std::vector<float>> series;  // [N] of [T_n, I]
  std::vector<std::string> labels;         // [N]; empty if there are targets
  std::vector<float> targets;              // [N], of `@targetLabel true`; empty if there are labels
};

// Both throw DataError that begins with `where` and the line. A missing value (`?`, NaN) is refused
// unless non-finite values are allowed.
TimeSeriesFile parse_ts(std::string_view text, const std::string& where, Nonfinite nonfinite);
TimeSeriesFile parse_tsv(std::string_view text, const std::string& where, Nonfinite nonfinite);

// Joins a training and a test file, or only one. Labels that are all whole numbers are sorted as
// numbers, others as texts. Throws DataError if the two files do not fit together, or a label is
// only in the test file.
SequenceData sequences_of(TimeSeriesFile train, const TimeSeriesFile* test);

}  // namespace clipsweep

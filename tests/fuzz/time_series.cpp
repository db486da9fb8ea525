// Time series as text: .ts and .tsv.
#include "clipsweep/data/time_series_file.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

void check(TimeSeriesFile file) {
  const std::size_t count = file.series.size();
  must_hold(count == file.labels.size() + file.targets.size(), "each series has a label or target");
  for (const auto& series : file.series)
    must_hold(!series.empty() && series.size() % file.dimensions == 0, "series are [T, I]");
  const SequenceData data = sequences_of(std::move(file), nullptr);
  must_hold(data.train.count == count, "no series is lost");
}

}  // namespace

void fuzz_time_series(std::string_view input) {
  for (const Nonfinite nonfinite : {Nonfinite::kRefuse, Nonfinite::kAllow}) {
    refusable([&] { check(parse_ts(input, "input", nonfinite)); });
    refusable([&] { check(parse_tsv(input, "input", nonfinite)); });
  }
}

}  // namespace clipsweep

// Archives of NumPy arrays, and the sequences in them.
#include "clipsweep/data/array_sequences.h"
#include "clipsweep/data/scaling.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

void check(const SequenceData& data, const SequenceSet& set) {
  must_hold(set.inputs.size() == set.count * set.time_steps * data.inputs, "inputs are [N, T, I]");
  must_hold(set.lengths.empty() || set.lengths.size() == set.count, "lengths are [N]");
  for (std::size_t n = 0; n < set.count; ++n)
    must_hold(set.length(n) >= 1 && set.length(n) <= set.time_steps, "lengths are 1 to T");
  for (const auto number : set.classes)
    must_hold(number >= 0 && static_cast<std::size_t>(number) < data.class_names.size(),
              "classes are 0 to C - 1");
  if (data.target == SequenceTarget::kNumbers)
    must_hold(set.targets.size() == set.count * data.numbers, "targets are [N, K]");
}

}  // namespace

void fuzz_npz(std::string_view input) {
  SequenceData data = read_array_sequences(*open_npz_in_memory(input, "input"), Nonfinite::kAllow);
  check(data, data.train);
  check(data, data.test);
  if (data.test.empty()) refusable([&] { split_off_test_set(data, 0.5, 0); });
  check(data, data.train);
  check(data, data.test);
  scale_inputs(data, Scaling::kUnit);
  scale_inputs(data, Scaling::kStandard);
}

}  // namespace clipsweep

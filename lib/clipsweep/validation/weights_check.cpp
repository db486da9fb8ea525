#include "clipsweep/validation/weights_check.h"

#include <fmt/format.h>

#include "clipsweep/io/sha256.h"
#include "clipsweep/records/weights_file.h"

namespace clipsweep {
namespace {

// Without offsets, which reading does not need.
ParameterLayout layout_of_header(const StepLogHeader& header) {
  ParameterLayout layout;
  layout.model.cell = header.run.setup.cell;
  for (std::size_t i = 0; i < header.tensor_names.size(); ++i)
    layout.tensors.push_back({header.tensor_names[i], header.tensor_shapes[i]});
  return layout;
}

std::string hash_of(const std::vector<float>& weights) {
  return sha256_of({reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
}

}  // namespace

void check_weights(const RunRecord& record, const StepLogHeader& header, FileProblems& problems) {
  try {
    if (!is_there(problems.path())) return;
    const auto weights = read_weights_npz(problems.path(), layout_of_header(header));
    if (const std::string found = hash_of(weights); found != record.final_weights_sha256)
      problems.add(fmt::format(
          "its weights have the SHA-256 {}, but sha256.final_weights in run.json is {}: it is not "
          "of this run, or it was changed",
          found, record.final_weights_sha256));
  } catch (const DataError& error) {
    problems.add(error);
  }
}

}  // namespace clipsweep

#include "clipsweep/validation/record_log_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "clipsweep/base/statistics.h"
#include "clipsweep/base/text.h"
#include "clipsweep/model/parameters.h"

namespace clipsweep {
namespace {

// Up to rounding in the last digits: an earlier version may have added in another order.
bool nearly_equal(double a, double b) {
  return is_same_number(a, b) || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b));
}

// ---- The header

void check_place(std::size_t i, const Event& event, const StepLogHeader& header,
                 FileProblems& problems) {
  const auto& names = header.tensor_names;
  const auto found = std::find(names.begin(), names.end(), *event.tensor);
  if (found == names.end()) {
    problems.add(
        fmt::format("events[{}] names the tensor \"{}\", which the model does not have; its "
                    "tensors are {}",
                    i, printable(*event.tensor), join(names)));
    return;
  }
  const auto& shape = header.tensor_shapes[static_cast<std::size_t>(found - names.begin())];
  const auto size = std::accumulate(shape.begin(), shape.end(), std::uint64_t{1},
                                    std::multiplies<std::uint64_t>());
  if (event.index && *event.index >= size)
    problems.add(fmt::format("events[{}] has the index {}, but {} has {}", i, *event.index,
                             *event.tensor, counted(size, "element")));
}

// Those of the model whose tensors have these names.
std::vector<std::string> gates_of_tensors(const std::vector<std::string>& names) {
  const CellEntry* const entry = cell_of_tensor(names.front());
  return gate_letters(entry ? entry->cell : Cell::kRnnTanh);
}

void require_gates(const std::string& place, const GateNumbers& numbers,
                   const std::vector<std::string>& gates, FileProblems& problems) {
  std::vector<std::string> names;
  for (const auto& [name, number] : numbers) names.push_back(name);
  if (names != gates)
    problems.add(fmt::format("{} has the gates {}, but the model {}", place, printable(join(names)),
                             join(gates)));
}

void check_radii(const std::string& place, const LayerRadii& layer,
                 const std::vector<std::string>& tensor_names,
                 const std::vector<std::string>& gates, FileProblems& problems) {
  std::vector<std::string> recurrent;
  std::copy_if(tensor_names.begin(), tensor_names.end(), std::back_inserter(recurrent),
               is_recurrent_name);
  if (std::count(recurrent.begin(), recurrent.end(), layer.tensor) == 0)
    problems.add(fmt::format("{} names the tensor \"{}\", but the recurrent tensors are {}", place,
                             printable(layer.tensor), join(recurrent)));
  require_gates(fmt::format("{}.{}", place, printable(layer.tensor)), layer.radii, gates, problems);
}

void check_gates(const RunRecord& record, const std::vector<std::string>& tensor_names,
                 FileProblems& problems) {
  const auto gates = gates_of_tensors(tensor_names);
  for (std::size_t i = 0; i < record.epochs.size(); ++i) {
    const EpochRecord& epoch = record.epochs[i];
    if (epoch.gate_norms && !epoch.gate_norms->empty())
      require_gates(fmt::format("epochs[{}].gate_norms", i), *epoch.gate_norms, gates, problems);
    for (const auto& layer : epoch.spectral_radius.value_or(std::vector<LayerRadii>{}))
      check_radii(fmt::format("epochs[{}].spectral_radius", i), layer, tensor_names, gates,
                  problems);
  }
  for (std::size_t i = 0; i < record.events.size(); ++i)
    if (const auto& norms = record.events[i].gate_norms)
      require_gates(fmt::format("events[{}].gate_norms", i), *norms, gates, problems);
}

// ---- The sums

void require_equal(const char* key, std::uint64_t recorded, std::uint64_t summed,
                   FileProblems& problems) {
  if (recorded != summed)
    problems.add(fmt::format("{} is {}, but steps.jsonl has {}", key, recorded, summed));
}

// Compares numbers in run.json with those that the log gives.
struct LogComparison {
  bool exactly;
  FileProblems& problems;

  void require(const std::string& key, double recorded, double computed) const;
};

void LogComparison::require(const std::string& key, double recorded, double computed) const {
  if (exactly ? !is_same_number(recorded, computed) : !nearly_equal(recorded, computed))
    problems.add(fmt::format("{} is {}, but steps.jsonl gives {}", key,
                             to_line(json_number(recorded)), to_line(json_number(computed))));
}

void check_totals(const RunTotals& totals, const StepSums& sums, FileProblems& problems) {
  require_equal("totals.steps", totals.steps, sums.steps, problems);
  require_equal("totals.clipped_steps", totals.clipped_steps, sums.clipped_steps, problems);
  require_equal("totals.skipped_steps", totals.skipped_steps, sums.skipped_steps, problems);
  // Missing in runs of earlier versions.
  if (totals.trailing_skipped_steps)
    require_equal("totals.trailing_skipped_steps", *totals.trailing_skipped_steps,
                  sums.trailing_skipped_steps, problems);
  require_equal("totals.what_if.steps", totals.what_if.steps, sums.what_if.steps, problems);
  if (totals.what_if.value != sums.what_if.value ||
      totals.what_if.global_norm != sums.what_if.global_norm ||
      totals.what_if.tensor_norm != sums.what_if.tensor_norm)
    problems.add("the counts in totals.what_if are not those of steps.jsonl");
  if (totals.nonfinite_steps < sums.nonfinite_steps)
    problems.add(fmt::format("totals.nonfinite_steps is {}, but steps.jsonl has {}",
                             totals.nonfinite_steps, sums.nonfinite_steps));
}

void check_quantiles(const std::optional<NormQuantiles>& quantiles, std::vector<double> norms,
                     const LogComparison& comparison) {
  if (quantiles.has_value() == norms.empty())
    comparison.problems.add(
        "totals.grad_norm_raw must be null if, and only if, no norm was finite");
  if (!quantiles || norms.empty()) return;
  std::sort(norms.begin(), norms.end());
  const auto check = [&](const char* name, double value, double probability) {
    comparison.require(fmt::format("totals.grad_norm_raw.{}", name), value,
                       quantile_of_sorted(norms, probability));
  };
  check("median", quantiles->median, 0.5);
  check("p90", quantiles->p90, 0.9);
  check("p99", quantiles->p99, 0.99);
  check("max", quantiles->max, 1);
}

void check_epoch_means(const std::vector<EpochRecord>& epochs, const std::vector<EpochSums>& sums,
                       std::uint64_t steps_per_epoch, const LogComparison& comparison) {
  const auto steps = static_cast<double>(steps_per_epoch);
  for (std::size_t i = 0; i < std::min(epochs.size(), sums.size()); ++i) {
    const EpochRecord& epoch = epochs[i];
    const auto check = [&](const char* key, double value, double sum) {
      comparison.require(fmt::format("epochs[{}].{}", i, key), value, sum / steps);
    };
    check("train_loss", epoch.train_loss, sums[i].loss);
    check("train_accuracy", epoch.train_accuracy, sums[i].accuracy);
    check("clipped_share", epoch.clipped_share, static_cast<double>(sums[i].clipped_steps));
  }
}

// Runs of earlier versions lack it, and so do their logs.
void check_update_ratio(const std::optional<UpdateRatio>& recorded, const StepSums& sums,
                        const LogComparison& comparison) {
  const auto computed = summary_of_ratios(sums.update_ratios);
  if (recorded.has_value() != computed.has_value())
    comparison.problems.add(fmt::format(
        "totals.update_ratio is {}, but steps.jsonl has {} to compute it from",
        recorded ? "there" : "missing", counted(sums.update_ratios.size(), "finite update")));
  if (!recorded || !computed) return;
  comparison.require("totals.update_ratio.median", recorded->median, computed->median);
  comparison.require("totals.update_ratio.max", recorded->max, computed->max);
}

// Runs of earlier versions lack it.
void check_mean_cosine(const std::optional<double>& mean, const StepSums& sums,
                       const LogComparison& comparison) {
  if (mean.has_value() != (sums.cosines > 0)) {
    if (comparison.exactly)
      comparison.problems.add(
          "totals.mean_cosine must be null if, and only if, no step that clipping changed has a "
          "cosine");
  } else if (mean) {
    comparison.require("totals.mean_cosine", *mean,
                       sums.cosine_sum / static_cast<double>(sums.cosines));
  }
}

void check_smoothness(const LinearFit& fit, const LinearFit& sums,
                      const LogComparison& comparison) {
  require_equal("totals.smoothness.points", fit.points, sums.points, comparison.problems);
  const auto check = [&](const char* name, double value, double computed) {
    comparison.require(fmt::format("totals.smoothness.{}", name), value, computed);
  };
  check("mean_log_norm", fit.mean_x, sums.mean_x);
  check("mean_log_smoothness", fit.mean_y, sums.mean_y);
  check("norm_squares", fit.sum_xx, sums.sum_xx);
  check("smoothness_squares", fit.sum_yy, sums.sum_yy);
  check("products", fit.sum_xy, sums.sum_xy);
}

}  // namespace

void check_record_against_header(const RunRecord& record, const StepLogHeader& header,
                                 FileProblems& problems) {
  for (std::size_t i = 0; i < record.events.size(); ++i)
    if (record.events[i].tensor) check_place(i, record.events[i], header, problems);
  check_gates(record, header.tensor_names, problems);
}

void check_record_against_sums(const RunRecord& record, const StepSums& sums,
                               const ExpectedRun& expected, FileProblems& problems) {
  const LogComparison comparison{expected.has_hashes(), problems};
  check_totals(record.totals, sums, problems);
  check_mean_cosine(record.totals.mean_cosine, sums, comparison);
  check_update_ratio(record.totals.update_ratio, sums, comparison);
  check_quantiles(record.totals.grad_norm_raw, sums.finite_norms, comparison);
  check_smoothness(record.totals.smoothness, sums.smoothness, comparison);
  check_epoch_means(record.epochs, sums.epochs, expected.steps_per_epoch, comparison);
}

}  // namespace clipsweep

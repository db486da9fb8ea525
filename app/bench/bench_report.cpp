#include "bench/bench_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "clipsweep/base/simd.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "machine.h"
#include "version.h"

namespace clipsweep {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

const char* name_of(Contender contender, Cell cell) {
  switch (contender) {
    case Contender::kTorchLoop:
      return cell == Cell::kLstm ? "torch::nn::LSTM" : "torch::nn::RNN";
    case Contender::kReference:
      return "reference engine";
    case Contender::kFused:
      break;
  }
  return "fused engine";
}

double ratio(const ShapeResult& shape, const Throughput& row) {
  return row.run_steps_per_second.median() / shape.rows.front().run_steps_per_second.median();
}

// The time that the matrix products take at best, as a share of the time that was measured.
double share_of_floor(const BenchShape& shape, const Throughput& row) {
  return row.run_steps_per_second.median() * shape.floating_point_operations() / row.peak_flops;
}

std::string title_of(const BenchShape& shape) {
  if (shape.cell != Cell::kLstm)
    return fmt::format("{} units of {}, {} time steps, batches of {}, {} inputs (temporal order)",
                       shape.hidden, to_text(shape.cell), shape.time_steps, shape.batch_size,
                       shape.inputs);
  return fmt::format("{} units, {} time steps{}", shape.hidden, shape.time_steps,
                     shape.is_classic() ? " (the classic example)" : "");
}

std::string shape_text(const ShapeResult& result) {
  Table table({{"", Align::kLeft},
               {"", Align::kLeft},
               {"R", Align::kRight},
               {"run-steps/s", Align::kRight},
               {"us/run-step", Align::kRight},
               {"x torch", Align::kRight},
               {"floor", Align::kRight}});
  for (const auto& row : result.rows) {
    const std::string name = name_of(row.contender, result.shape.cell);
    if (!row.left_out_because.empty()) {
      table.add_row({name, row.simd, std::to_string(row.runs), "", "", "", ""});
      continue;
    }
    const double median = row.run_steps_per_second.median();
    table.add_row({name, row.simd, with_thousands(row.runs), rate_text(median),
                   fmt::format("{:.1f}", 1e6 / median), fmt::format("{:.2f}", ratio(result, row)),
                   fmt::format("{:.1f} %", 100 * share_of_floor(result.shape, row))});
  }
  return fmt::format("{}\n{}\n", title_of(result.shape), table.text());
}

const Throughput& fused_row(const ShapeResult& shape, const std::string& simd, std::size_t runs) {
  return *std::find_if(shape.rows.begin(), shape.rows.end(), [&](const Throughput& row) {
    return row.contender == Contender::kFused && row.simd == simd && row.runs == runs;
  });
}

// Per core, against the loop over torch::nn::LSTM, which neither logs nor evaluates.
double sweep_ratio(const BenchResult& result) {
  return result.sweeps.front().run_steps_per_second.median() /
         result.shapes.front().rows.front().run_steps_per_second.median();
}

// The median of the ratios within each repetition.
double paired_ratio(const Repetitions& a, const Repetitions& b) {
  Repetitions ratios;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    ratios.values.push_back(a.values[i] / b.values[i]);
  return ratios.median();
}

// "  a run-step in cohorts of 64, 256, 1,024 runs: 1.00, 1.01, 1.03 x that in one of 16, ..."
std::string cohort_text(const std::vector<CohortCost>& costs) {
  std::vector<std::string> sizes, multiples;
  double lowest = 1;
  double highest = 1;
  for (const auto& cost : costs) {
    const double multiple = cost.multiple.median();
    sizes.push_back(with_thousands(cost.runs));
    multiples.push_back(fmt::format("{:.2f}", multiple));
    lowest = std::min(lowest, multiple);
    highest = std::max(highest, multiple);
  }
  return fmt::format(
      "  a run-step in cohorts of {} runs: {} x that in one of {},\n  all within {:.1f} %\n",
      join(sizes, ", "), join(multiples, ", "), kSmallestPairedCohort,
      100 * (highest / lowest - 1));
}

// The ratio of the fused engine to the faster of the others, where it is smallest.
struct Closest {
  double ratio = 0;
  std::string where;
};
Closest closest_race(const BenchResult& result) {
  Closest closest{1e300, ""};
  for (const auto& shape : result.shapes) {
    double others = 0;
    for (const auto& row : shape.rows)
      if (row.contender != Contender::kFused && row.left_out_because.empty())
        others = std::max(others, row.run_steps_per_second.median());
    for (const auto& row : shape.rows) {
      const bool races = row.contender == Contender::kFused && row.left_out_because.empty() &&
                         row.simd == simd_name();
      const double ratio = races ? row.run_steps_per_second.median() / others : closest.ratio;
      if (ratio < closest.ratio)
        closest = {ratio, fmt::format("H = {}, T = {}, R = {}", shape.shape.hidden,
                                      shape.shape.time_steps, row.runs)};
    }
  }
  return closest;
}

std::string headline_text(const BenchResult& result) {
  const ShapeResult& classic = result.shapes.front();
  std::string text = "In short, for the classic example:\n";
  for (const auto& row : classic.rows)
    if (row.contender == Contender::kFused && row.runs == 64)
      text += fmt::format(
          "  step, {}, R = 64: {:.1f} x torch::nn::LSTM, {:.1f} us, {:.0f} % of the floor\n",
          row.simd, ratio(classic, row), 1e6 / row.run_steps_per_second.median(),
          100 * share_of_floor(classic.shape, row));
  text += cohort_text(result.cohort_costs);
  const auto& sweep = result.sweeps.front();
  text += fmt::format(
      "  whole sweep, 1 worker, {} runs: {} run-steps/s, {:.1f} x torch::nn::LSTM\n", sweep.runs,
      with_thousands(static_cast<std::uint64_t>(sweep.run_steps_per_second.median())),
      sweep_ratio(result));
  if (result.sweeps.size() > 1)
    text += fmt::format(
        "  whole sweep, {} workers: {} run-steps/s, {:.2f} x one worker\n",
        result.sweeps[1].workers,
        with_thousands(static_cast<std::uint64_t>(result.sweeps[1].run_steps_per_second.median())),
        paired_ratio(result.sweeps[1].run_steps_per_second, sweep.run_steps_per_second));
  text += fmt::format(
      "  one run of 5,000 steps, process start to exit: {:.2f} s; it loads no LibTorch,\n"
      "  which would add {:.2f} s\n",
      result.whole_run_seconds.median(), result.libtorch_load_seconds.median());
  text += fmt::format("  memory: {:.0f} MiB for that run, {:.0f} MiB for a sweep of {} runs\n",
                      static_cast<double>(result.whole_run_memory) / kMebibyte,
                      static_cast<double>(result.large_sweep_memory) / kMebibyte,
                      with_thousands(kLargestBenchCohort));
  const ShapeResult& long_sequences = result.shapes.back();
  text += fmt::format("Temporal order by {} units of rnn-tanh, R = 16: {:.1f} x torch::nn::RNN.\n",
                      long_sequences.shape.hidden,
                      ratio(long_sequences, fused_row(long_sequences, simd_name(), 16)));
  const Closest closest = closest_race(result);
  text += fmt::format(
      "For these {} shapes the fused engine is at least {:.1f} x as fast as the faster of\n"
      "the others at any R (there at {}).\n",
      result.shapes.size(), closest.ratio, closest.where);
  return text;
}

Json row_json(const ShapeResult& shape, const Throughput& row) {
  Json json = {
      {"what", name_of(row.contender, shape.shape.cell)}, {"simd", row.simd}, {"runs", row.runs}};
  if (row.left_out_because.empty()) {
    json["run_steps_per_second"] = json_number(row.run_steps_per_second.median());
    json["ratio"] = json_number(ratio(shape, row));
    json["share_of_floor"] = json_number(share_of_floor(shape.shape, row));
    json["repetitions"] = row.run_steps_per_second.values;
  } else {
    json["run_steps_per_second"] = nullptr;
    json["left_out_because"] = row.left_out_because;
  }
  return json;
}

}  // namespace

std::string bench_text(const BenchResult& result) {
  const ShapeResult& classic = result.shapes.front();
  std::string text = fmt::format(
      "CPU       {}, {}\nSIMD      {}: {:.0f} GFLOP/s on one core\nLibTorch  {}, {}\nBLAS      "
      "{}{}\n\n",
      cpu_model(), counted(usable_cores(), "core"), simd_name(),
      fused_row(classic, simd_name(), 64).peak_flops / 1e9, torch_version(), torch_simd(),
      blas_description(),
      blas_is_reference() ? " (the slow reference; install libopenblas0-pthread)" : "");
  text +=
      "One core; a step is gradient, clip, update, with batches of 32 and 28 inputs\n"
      "where nothing else is said. x torch: times the loop over torch::nn. floor: the\n"
      "share of the core's peak that the matrix products make of it. -: a step would\n"
      "take seconds or gigabytes.\n";
  const auto repetitions_of = [](const ShapeResult& shape) {
    return shape.rows.front().run_steps_per_second.values.size();
  };
  text +=
      repetitions_of(classic) == 1
          ? "A first impression: each was measured once.\n\n"
          : fmt::format("Medians of {} measurements for the classic example, {} for others.\n\n",
                        repetitions_of(classic), repetitions_of(result.shapes.back()));
  for (const auto& shape : result.shapes) text += shape_text(shape);
  return text + headline_text(result);
}

Json bench_json(const BenchResult& result) {
  Json shapes = Json::array();
  for (const auto& shape : result.shapes) {
    Json rows = Json::array();
    for (const auto& row : shape.rows) rows.push_back(row_json(shape, row));
    shapes.push_back({{"cell", to_text(shape.shape.cell)},
                      {"hidden", shape.shape.hidden},
                      {"inputs", shape.shape.inputs},
                      {"batch_size", shape.shape.batch_size},
                      {"time_steps", shape.shape.time_steps},
                      {"measurements", std::move(rows)}});
  }
  Json cohorts = Json::array();
  for (const auto& cost : result.cohort_costs)
    cohorts.push_back({{"runs", cost.runs},
                       {"multiple", json_number(cost.multiple.median())},
                       {"repetitions", cost.multiple.values}});
  Json sweeps = Json::array();
  for (const auto& sweep : result.sweeps)
    sweeps.push_back({{"workers", sweep.workers},
                      {"runs", sweep.runs},
                      {"run_steps_per_second", json_number(sweep.run_steps_per_second.median())},
                      {"repetitions", sweep.run_steps_per_second.values}});
  Json peaks = Json::object();
  for (const auto& row : result.shapes.front().rows)
    if (row.contender == Contender::kFused) peaks[row.simd] = json_number(row.peak_flops);
  return {{"schema", "clipsweep/bench-2"},
          {"cpu", cpu_model()},
          {"cores", usable_cores()},
          {"simd", simd_name()},
          {"peak_flops", std::move(peaks)},
          {"libtorch", torch_version()},
          {"blas", blas_description()},
          {"shapes", std::move(shapes)},
          {"cohort_costs",
           {{"relative_to_runs", kSmallestPairedCohort}, {"cohorts", std::move(cohorts)}}},
          {"sweeps", std::move(sweeps)},
          {"whole_run_seconds", json_number(result.whole_run_seconds.median())},
          {"libtorch_load_seconds", json_number(result.libtorch_load_seconds.median())},
          {"whole_run_memory", result.whole_run_memory},
          {"large_sweep_memory", result.large_sweep_memory}};
}

}  // namespace clipsweep

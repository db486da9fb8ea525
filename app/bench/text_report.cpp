#include <fmt/format.h>

#include "bench/ratios.h"
#include "bench/report.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "machine.h"

namespace clipsweep {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;

std::string title_of(const BenchShape& shape) {
  std::string title = fmt::format("{}, {} units, {} time steps", to_text(shape.cell), shape.hidden,
                                  shape.time_steps);
  if (shape.layers > 1) title += fmt::format(", {} layers", shape.layers);
  if (shape.is_classic()) title += " (the classic example)";
  if (shape.class_each_step) title += ", a class at each step (copy)";
  if (shape.batch_size != BenchShape().batch_size)
    title +=
        fmt::format(", batches of {}, {} inputs (temporal order)", shape.batch_size, shape.inputs);
  return title;
}

std::string shape_text(const ShapeResult& result) {
  Table table({{"", Align::kLeft},
               {"", Align::kLeft},
               {"R", Align::kRight},
               {"run-steps/s", Align::kRight},
               {"us/run-step", Align::kRight},
               {"x torch", Align::kRight},
               {"of peak", Align::kRight}});
  for (const auto& row : result.rows) {
    const std::string name = contender_name(row.contender, result.shape.cell);
    if (!row.is_measured()) {
      table.add_row({name, row.simd, std::to_string(row.runs), "", "", "", ""});
      continue;
    }
    const double median = row.run_steps_per_second.median();
    table.add_row({name, row.simd, with_thousands(row.runs), rate_text(median),
                   fmt::format("{:.1f}", 1e6 / median), fmt::format("{:.2f}", speedup(result, row)),
                   fmt::format("{:.1f} %", 100 * share_of_peak(result.shape, row))});
  }
  return fmt::format("{}\n{}\n", title_of(result.shape), table.text());
}

// "  run-step, R = 64, 256, 1,024: 1.00, 1.01, 1.03 x that at R = 16 (within 3.0 %)"
std::string cohort_text(const std::vector<CohortCost>& costs) {
  std::vector<std::string> sizes, multiples;
  for (const auto& cost : costs) {
    sizes.push_back(with_thousands(cost.runs));
    multiples.push_back(fmt::format("{:.2f}", cost.multiple.median()));
  }
  return fmt::format("  run-step, R = {}: {} x that at R = {} (within {:.1f} %)\n",
                     join(sizes, ", "), join(multiples, ", "), kSmallestPairedCohort,
                     100 * cohort_spread(costs));
}

std::string sweep_rate_text(const SweepThroughput& sweep) {
  return with_thousands(static_cast<std::uint64_t>(sweep.run_steps_per_second.median()));
}

std::string classic_step_text(const ShapeResult& classic) {
  std::string text;
  for (const auto& row : classic.rows)
    if (row.contender == Contender::kFused && row.runs == 64)
      text +=
          fmt::format("  step, {}, R = 64: {:.1f} x torch::nn::LSTM, {:.1f} us, {:.0f} % of peak\n",
                      row.simd, speedup(classic, row), 1e6 / row.run_steps_per_second.median(),
                      100 * share_of_peak(classic.shape, row));
  return text;
}

std::string sweeps_text(const BenchResult& result) {
  const auto& one_worker = result.sweeps.front();
  std::string text =
      fmt::format("  whole sweep, 1 worker, {} runs: {} run-steps/s, {:.1f} x torch::nn::LSTM\n",
                  one_worker.runs, sweep_rate_text(one_worker), sweep_speedup(result)) +
      fmt::format("    overhead (neither gradients nor evaluations): {:.1f} % of its time\n",
                  100 * one_worker.overhead.median());
  for (std::size_t i = 1; i < result.sweeps.size(); ++i) {
    const auto& sweep = result.sweeps[i];
    text += fmt::format("  whole sweep, {} workers: {} run-steps/s, {:.2f} x one worker\n",
                        sweep.workers, sweep_rate_text(sweep),
                        paired_ratio(sweep.run_steps_per_second, one_worker.run_steps_per_second));
  }
  return text;
}

std::string whole_run_text(const BenchResult& result) {
  const WholeRun& run = result.whole_run;
  return fmt::format(
      "  one run of 5,000 steps, process start to exit: {:.2f} s; it does not load\n"
      "  LibTorch, which would add {:.2f} s\n"
      "  peak memory: {:.0f} MiB for that run, {:.0f} MiB for a sweep of {} runs\n",
      run.seconds.median(), run.libtorch_load_seconds.median(),
      static_cast<double>(run.peak_memory) / kMebibyte,
      static_cast<double>(result.large_sweep_memory) / kMebibyte,
      with_thousands(result.large_sweep_runs));
}

std::string headline_text(const BenchResult& result) {
  const ShapeResult& long_sequences = result.shapes.back();
  const SmallestLead lead = smallest_lead(result, simd_name());
  return "In short, for the classic example:\n" + classic_step_text(result.shapes.front()) +
         cohort_text(result.cohort_costs) + sweeps_text(result) + whole_run_text(result) +
         fmt::format("Temporal order with {} units of rnn-tanh, R = 16: {:.1f} x torch::nn::RNN.\n",
                     long_sequences.shape.hidden,
                     speedup(long_sequences, fused_row(long_sequences, simd_name(), 16))) +
         fmt::format(
             "For these {} shapes and any R, the fused engine is at least {:.1f} x as fast as\n"
             "the faster of the others (the minimum: H = {}, T = {}, R = {}).\n",
             result.shapes.size(), lead.ratio, lead.shape.hidden, lead.shape.time_steps, lead.runs);
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
      "On one core. A step is gradient, clip, update, with batches of 32 and 28 inputs\n"
      "unless stated otherwise. x torch: speed relative to the loop over torch::nn. of\n"
      "peak: the speed of the matrix products as a share of the core's peak. -: not\n"
      "measured, because a step would take seconds or gigabytes.\n";
  const auto repetitions_of = [](const ShapeResult& shape) {
    return shape.rows.front().run_steps_per_second.values.size();
  };
  text += repetitions_of(classic) == 1
              ? "A rough estimate: each was measured once.\n\n"
              : fmt::format(
                    "Medians of {} measurements for the classic example, of {} for the others.\n\n",
                    repetitions_of(classic), repetitions_of(result.shapes.back()));
  for (const auto& shape : result.shapes) text += shape_text(shape);
  return text + headline_text(result);
}

}  // namespace clipsweep

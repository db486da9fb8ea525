#include "bench/ratios.h"

#include <algorithm>
#include <limits>

namespace clipsweep {

double speedup(const ShapeResult& shape, const Throughput& row) {
  return row.run_steps_per_second.median() / shape.rows.front().run_steps_per_second.median();
}

double share_of_peak(const BenchShape& shape, const Throughput& row) {
  return row.run_steps_per_second.median() * shape.floating_point_operations() / row.peak_flops;
}

double sweep_speedup(const BenchResult& result) {
  return result.sweeps.front().run_steps_per_second.median() /
         result.shapes.front().rows.front().run_steps_per_second.median();
}

double paired_ratio(const Repetitions& a, const Repetitions& b) {
  Repetitions ratios;
  for (std::size_t i = 0; i < a.values.size(); ++i)
    ratios.values.push_back(a.values[i] / b.values[i]);
  return ratios.median();
}

double cohort_spread(const std::vector<CohortCost>& costs) {
  double lowest = 1;  // that of the smallest cohort
  double highest = 1;
  for (const auto& cost : costs) {
    lowest = std::min(lowest, cost.multiple.median());
    highest = std::max(highest, cost.multiple.median());
  }
  return highest / lowest - 1;
}

const Throughput& fused_row(const ShapeResult& shape, const std::string& simd, std::size_t runs) {
  return *std::find_if(shape.rows.begin(), shape.rows.end(), [&](const Throughput& row) {
    return row.contender == Contender::kFused && row.simd == simd && row.runs == runs;
  });
}

SmallestLead smallest_lead(const BenchResult& result, const std::string& simd) {
  SmallestLead smallest;
  smallest.ratio = std::numeric_limits<double>::infinity();
  for (const auto& shape : result.shapes) {
    double others = 0;
    for (const auto& row : shape.rows)
      if (row.contender != Contender::kFused && row.is_measured())
        others = std::max(others, row.run_steps_per_second.median());
    for (const auto& row : shape.rows) {
      if (row.contender != Contender::kFused || !row.is_measured() || row.simd != simd) continue;
      const double ratio = row.run_steps_per_second.median() / others;
      if (ratio < smallest.ratio) smallest = {ratio, shape.shape, row.runs};
    }
  }
  return smallest;
}

}  // namespace clipsweep

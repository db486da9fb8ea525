#include "bench/ratios.h"
#include "bench/report.h"
#include "clipsweep/base/simd.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "machine.h"

namespace clipsweep {
namespace {

Json row_json(const ShapeResult& shape, const Throughput& row) {
  Json json = {{"what", contender_name(row.contender, shape.shape.cell)},
               {"simd", row.simd},
               {"runs", row.runs}};
  if (row.is_measured()) {
    json["run_steps_per_second"] = json_number(row.run_steps_per_second.median());
    json["ratio"] = json_number(speedup(shape, row));
    json["share_of_floor"] = json_number(share_of_peak(shape.shape, row));
    json["repetitions"] = row.run_steps_per_second.values;
  } else {
    json["run_steps_per_second"] = nullptr;
    json["left_out_because"] = row.left_out_because;
  }
  return json;
}

Json shapes_json(const BenchResult& result) {
  Json shapes = Json::array();
  for (const auto& shape : result.shapes) {
    Json rows = Json::array();
    for (const auto& row : shape.rows) rows.push_back(row_json(shape, row));
    shapes.push_back({{"cell", to_text(shape.shape.cell)},
                      {"layers", shape.shape.layers},
                      {"class_each_step", shape.shape.class_each_step},
                      {"hidden", shape.shape.hidden},
                      {"inputs", shape.shape.inputs},
                      {"batch_size", shape.shape.batch_size},
                      {"time_steps", shape.shape.time_steps},
                      {"measurements", std::move(rows)}});
  }
  return shapes;
}

Json cohorts_json(const BenchResult& result) {
  Json cohorts = Json::array();
  for (const auto& cost : result.cohort_costs)
    cohorts.push_back({{"runs", cost.runs},
                       {"multiple", json_number(cost.multiple.median())},
                       {"repetitions", cost.multiple.values}});
  return cohorts;
}

Json sweeps_json(const BenchResult& result) {
  Json sweeps = Json::array();
  for (const auto& sweep : result.sweeps)
    sweeps.push_back({{"workers", sweep.workers},
                      {"runs", sweep.runs},
                      {"run_steps_per_second", json_number(sweep.run_steps_per_second.median())},
                      {"repetitions", sweep.run_steps_per_second.values},
                      {"overhead", json_number(sweep.overhead.median())}});
  return sweeps;
}

Json peaks_json(const BenchResult& result) {
  Json peaks = Json::object();
  for (const auto& row : result.shapes.front().rows)
    if (row.contender == Contender::kFused) peaks[row.simd] = json_number(row.peak_flops);
  return peaks;
}

}  // namespace

Json bench_json(const BenchResult& result) {
  return {{"schema", "clipsweep/bench-2"},
          {"cpu", cpu_model()},
          {"cores", usable_cores()},
          {"simd", simd_name()},
          {"peak_flops", peaks_json(result)},
          {"libtorch", torch_version()},
          {"blas", blas_description()},
          {"shapes", shapes_json(result)},
          {"cohort_costs",
           {{"relative_to_runs", kSmallestPairedCohort}, {"cohorts", cohorts_json(result)}}},
          {"sweeps", sweeps_json(result)},
          {"whole_run_seconds", json_number(result.whole_run.seconds.median())},
          {"libtorch_load_seconds", json_number(result.whole_run.libtorch_load_seconds.median())},
          {"whole_run_memory", result.whole_run.peak_memory},
          {"large_sweep_memory", result.large_sweep_memory}};
}

}  // namespace clipsweep

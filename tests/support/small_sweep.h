// Complete small sweeps on the real data, each in its own folder, by the engine under test.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/tasks/image_folder.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/training/sweep_runner.h"
#include "support/test_support.h"

namespace clipsweep {

// The fused engine in worker_tests, the reference engine in torch_tests.
EngineFactory engine_under_test();

inline void keep_first(int count, ImageSet& images) {
  images.count = count;
  images.pixels.resize(images.offset(static_cast<std::size_t>(count)));
  images.labels.resize(static_cast<std::size_t>(count));
}

// The first images of Fashion-MNIST: each Sweep copies them.
inline const ImageData& fashion_mnist() {
  static const ImageData kData = [] {
    ImageData data = load_image_data("/usr/share/datasets/fashion-mnist");
    keep_first(6'000, data.train);
    keep_first(300, data.test);  // enough for two batches, the second not full
    return data;
  }();
  return kData;
}

inline ExperimentConfig small_config() {
  ExperimentConfig config;
  config.training.epochs = 2;
  config.training.steps_per_epoch = 6;
  config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.05}, {ClipMode::kGlobalNorm, 0.3}};
  config.learning_rates = {0.1};
  config.seeds = {0, 1};
  return config;
}

class Sweep {
 public:
  explicit Sweep(const ExperimentConfig& config)
      : plan_(make_plan(config, "data")),
        task_(make_image_task(fashion_mnist(), config.training)),
        path_(folder_.path() / "out"),
        sweep_(prepare_sweep_folder(path_, sweep_json(config, plan_, {"data", {}},
                                                      chance_level(*task_), provenance()))
                   .sweep) {}

  void train(const std::vector<const RunSpec*>& runs, std::size_t workers = 1,
             const EngineFactory& make_engine = engine_under_test()) {
    SweepJob job{plan_, *task_, path_, workers, make_engine, cancel_, progress_};
    job.cohort_sizes = {{Cell::kLstm, {16, 64, true}}};  // one cohort for each worker
    job.warn = [this](const std::string& text) { warnings_.push_back(text); };
    job.retry = retry_;
    train_runs(job, runs);
  }
  // Sets --retry for the following calls.
  void retry(std::optional<Retry> which) { retry_ = which; }
  std::vector<const RunSpec*> unfinished() const {
    return plan_status(pointers_to(plan_.runs), sweep_, retry_).unfinished;
  }
  const std::vector<std::string>& warnings() const { return warnings_; }
  RunRecord record(const RunSpec& run) const { return read_run(sweep_, run).value(); }
  std::string steps(const RunSpec& run) const { return read_file(steps_path(path_, run.id)); }
  std::string through_time(const RunSpec& run) const {
    return read_file(through_time_path(path_, run.id));
  }
  // Those of all its logged steps, concatenated.
  std::vector<float> norms_through_time(const RunSpec& run) const {
    std::vector<float> norms;
    read_log(through_time_path(path_, run.id),
             [&](const Json& json, std::uint64_t line, std::string_view) {
               if (line == 1) return;
               const auto record = through_time_record_from_json(json);
               norms.insert(norms.end(), record.norms.begin(), record.norms.end());
             });
    return norms;
  }
  const SweepPlan& plan() const { return plan_; }
  const Task& task() const { return *task_; }
  const fs::path& path() const { return path_; }
  SweepProgress& progress() { return progress_; }
  std::atomic<bool>& cancel() { return cancel_; }

 private:
  static Provenance provenance() {
    Provenance provenance;
    provenance.software = provenance.machine = Json::object();
    return provenance;
  }

  TemporaryFolder folder_;
  SweepPlan plan_;
  std::unique_ptr<Task> task_;
  fs::path path_;
  SweepFolder sweep_;
  std::atomic<bool> cancel_{false};
  SweepProgress progress_;
  std::optional<Retry> retry_;
  std::vector<std::string> warnings_;
};

}  // namespace clipsweep

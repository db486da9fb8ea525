// `clipsweep bench`: run-steps per second of the engine beside a loop over torch::nn::LSTM, and
// what logging costs. Every repetition measures each of them once, so that a slow moment of the
// machine hits all alike; medians are printed.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <optional>

#include "clipsweep/cohort_trainer.h"
#include "clipsweep/error.h"
#include "clipsweep/lstm_baseline.h"
#include "clipsweep/result_folder.h"
#include "clipsweep/statistics.h"
#include "clipsweep/table.h"
#include "clipsweep/text.h"
#include "clipsweep/torch_runtime.h"
#include "clipsweep/wall_clock.h"
#include "machine.h"
#include "messages.h"
#include "reference_training.h"
#include "version.h"

namespace clipsweep {
namespace {

constexpr int kRepetitions = 7;
constexpr int kBaselineSteps = 60;
constexpr std::size_t kRunStepsMeasured = 400;  // of each cohort size, in one repetition

// One line of the result.
struct Measurement {
  std::string what;
  std::size_t runs = 1;
  std::vector<double> run_steps_per_second{};  // of each repetition

  double median() const { return quantile(run_steps_per_second, 0.5); }
};

// A folder for logs that goes when the measurement is over.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "clipsweep-bench-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw StorageError(name + ": cannot make a temporary folder; set TMPDIR");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

enum class Logging { kOff, kOn };

// Cohorts of R runs of the classic example, all with the same seed, half of them clipped.
class EngineBench {
 public:
  EngineBench(const ImageData& data, const EngineFactory& make_engine)
      : data_(data),
        layout_(layout_for(TrainingSettings{}, data.train)),
        engine_(make_engine(layout_)) {}

  double run_steps_per_second(std::size_t runs, Logging logging) {
    const SweepPlan plan = plan_of(runs);
    std::vector<const RunSpec*> specs;
    for (const auto& run : plan.runs) specs.push_back(&run);
    std::map<std::string, RunLog> logs;
    const auto sink = [&](const RunSpec& spec) -> StepSink {
      if (logging == Logging::kOff) return [](const StepRecord&) {};
      auto& log = logs.try_emplace(spec.id, scratch_.path(), step_log_header(spec, plan, layout_))
                      .first->second;
      return [&log](const StepRecord& record) { log.append(record); };
    };
    const std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> run_steps{0};
    const std::vector<Batch> no_test;
    CohortTrainer trainer({plan, layout_, data_, no_test, stop, run_steps}, specs, *engine_, sink,
                          [](const RunRecord&) {});
    trainer.step();  // the first step pays for what later ones find ready
    const std::size_t steps = std::max<std::size_t>(10, kRunStepsMeasured / runs);
    const Stopwatch stopwatch;
    for (std::size_t step = 0; step < steps; ++step) trainer.step();
    return static_cast<double>(steps * runs) / stopwatch.seconds();
  }

 private:
  static SweepPlan plan_of(std::size_t runs) {
    ExperimentConfig config;
    config.clips = {{ClipMode::kNone}, {ClipMode::kValue, 0.5}};
    config.learning_rates.clear();
    for (std::size_t r = 0; r < (runs + 1) / 2; ++r)
      config.learning_rates.push_back(0.01 + 1e-5 * static_cast<double>(r));
    SweepPlan plan = make_plan(config, "");
    plan.runs.resize(runs);
    return plan;
  }

  const ImageData& data_;
  const ParameterLayout layout_;
  const std::unique_ptr<GradientEngine> engine_;
  const ScratchFolder scratch_;
};

std::vector<Measurement> measure(const ImageData& data, const EngineFactory& make_engine) {
  EngineBench bench(data, make_engine);
  std::vector<Measurement> table = {{"torch::nn::LSTM loop"}};
  for (const std::size_t runs : {1, 4, 16, 64}) table.push_back({"reference engine", runs});
  table.push_back({"reference engine, logging every step", 16});
  const TrainingSettings classic;
  const bool is_terminal = stderr_is_terminal();
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    if (is_terminal) say(fmt::format("\rrepetition {} of {}", repetition + 1, kRepetitions));
    for (auto& row : table) {
      const bool is_baseline = &row == &table.front();
      const auto logging = &row == &table.back() ? Logging::kOn : Logging::kOff;
      row.run_steps_per_second.push_back(
          is_baseline ? 1 / seconds_per_lstm_step(data.train, classic.hidden, classic.batch_size,
                                                  kBaselineSteps)
                      : bench.run_steps_per_second(row.runs, logging));
    }
  }
  if (is_terminal) say("\r\x1b[K");
  return table;
}

Json to_json(const std::vector<Measurement>& table) {
  Json rows = Json::array();
  for (const auto& row : table)
    rows.push_back({{"what", row.what},
                    {"runs", row.runs},
                    {"run_steps_per_second", json_number(row.median())},
                    {"ratio", json_number(row.median() / table.front().median())}});
  return {{"schema", "clipsweep/bench-1"}, {"cpu", cpu_model()},
          {"cores", usable_cores()},       {"simd", torch_simd()},
          {"libtorch", torch_version()},   {"blas", blas_description()},
          {"repetitions", kRepetitions},   {"measurements", std::move(rows)}};
}

void print_table(const std::vector<Measurement>& table) {
  fmt::print("CPU       {}, {}, one thread\nLibTorch  {}, {}\nBLAS      {}{}\n\n", cpu_model(),
             counted(usable_cores(), "core"), torch_version(), torch_simd(), blas_description(),
             blas_is_reference() ? " (the slow reference; install libopenblas0-pthread)" : "");
  Table text({{"", Align::kLeft},
              {"R", Align::kRight},
              {"run-steps/s", Align::kRight},
              {"us/run-step", Align::kRight},
              {"x nn::LSTM", Align::kRight}});
  for (const auto& row : table)
    text.add_row({row.what, std::to_string(row.runs),
                  with_thousands(static_cast<std::uint64_t>(row.median())),
                  fmt::format("{:.0f}", 1e6 / row.median()),
                  fmt::format("{:.2f}", row.median() / table.front().median())});
  fmt::print("{}", text.text());
  const double logging = table.back().median();
  const double silent = table[3].median();
  fmt::print(
      "\nOne step: forward, loss, backward, clip, update (batch 32, 28x28, 10 units).\n"
      "Median of {} repetitions. Logging every step costs {:.1f} % of the time.\n",
      kRepetitions, 100 * (1 - logging / silent));
}

}  // namespace

int run_bench(const CommandLine& line) {
  const ExperimentConfig config = config_of(line);
  const ImageData data = load_image_data(config.data_folder);
  const auto table = measure(data, reference_training_engine(config, {}).make);
  if (line.json)
    fmt::print("{}\n", to_page(to_json(table)));
  else
    print_table(table);
  return kSuccess;
}

}  // namespace clipsweep

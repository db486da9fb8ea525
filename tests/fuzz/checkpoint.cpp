// A checkpoint: the file itself, then the bytes that its checksum covers (a mutation never has the
// right checksum), with each state restored into runs that resume from it.
#include "clipsweep/records/checkpoint.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "clipsweep/io/byte_archive.h"
#include "clipsweep/training/run_trainer.h"
#include "fuzz.h"
#include "targets.h"
#include "tiny_runs.h"

namespace clipsweep {
namespace {

const SweepPlan& plan() {
  static const SweepPlan kPlan = tiny_plan();
  return kPlan;
}

const TrainingPlan& training() {
  static const TrainingPlan kTraining = training_plan(plan());
  return kTraining;
}

std::vector<std::string> run_ids() {
  std::vector<std::string> ids;
  for (const auto& run : plan().runs) ids.push_back(run.id);
  return ids;
}

void read_as_file(std::string_view input) {
  const fs::path path = scratch_file("checkpoints/input.checkpoint", input);
  std::size_t warnings = 0;
  const Warn warn = [&](const std::string&) { ++warnings; };
  const bool is_good = states_by_run(scratch_folder(), run_ids(), warn).size() > 0;
  must_hold(!is_good || warnings == 0, "a corrupt file is not used");
  for (const auto& id : run_ids()) forget_states(scratch_folder(), id, warn);
  must_hold(states_by_run(scratch_folder(), run_ids(), warn).empty(),
            "no state of a forgotten run is left");
  must_hold(fs::exists(path) || warnings == 1, "a corrupt file is reported when it is renamed");
}

// An unfinished run, trained with made-up gradients.
class TinyRun {
 public:
  // Throws DataError if the state is not valid for this run.
  TinyRun(const RunSpec& spec, const RunState& state)
      : layout_(tiny_layout(spec.setup.cell)),
        weights_(layout_.size()),
        trainer_(training(), spec, layout_, [this](const StepRecord& record) { log(record); }) {
    trainer_.restore(state, weights_);
  }

  // A few steps, one with a huge gradient and one with a NaN.
  void train() {
    finish_epochs();
    for (int i = 0; i < 4 && trainer_.steps() < training().training.steps(); ++i) {
      step(i == 1 ? 1e30F : 0.01F, i == 2);
      finish_epochs();
    }
  }

  void record() const {
    const Json json = to_json(trainer_.record(trainer_.outcome(weights_)));
    must_hold(to_json(run_record_from_json(json)) == json, "what is written reads back equal");
  }

  RunState state() { return trainer_.state(weights_); }

 private:
  void step(float value, bool has_nan) {
    std::vector<float> gradient(layout_.size(), value);
    if (has_nan) gradient[1] = std::numeric_limits<float>::quiet_NaN();
    trainer_.step(1, 2, gradient, weights_);
  }

  void finish_epochs() {
    const auto steps_per_epoch = static_cast<std::uint64_t>(training().training.steps_per_epoch);
    while (trainer_.epochs() < trainer_.steps() / steps_per_epoch)
      trainer_.finish_epoch(1, 0.5, radii_of_layers(weights_, layout_));
  }

  void log(const StepRecord& record) {
    line_.clear();
    append_line(line_, record, layout_.names());
  }

  ParameterLayout layout_;
  std::vector<float> weights_;
  RunTrainer trainer_;
  std::string line_;
};

void resume(const RunSpec& spec, RunState state) {
  state.run_id = spec.id;  // so that a mutated ID does not hide the rest of the state
  TinyRun run(spec, state);
  run.record();
  run.train();
  run.record();
  TinyRun(spec, run.state()).record();  // throws nothing
}

// Fails if the corpus is of an earlier version; `make_checkpoints` rewrites it. A DataError would
// be taken for a refused input.
bool is_current_corpus() try {
  for (const char* name : {"lstm_after_26.checkpoint", "rnn_after_5.checkpoint"})
    for (const auto& state : read_checkpoint(corpus_file(std::string("checkpoint/") + name), name))
      for (const auto& run : plan().runs)
        if (run.id == state.run_id) resume(run, state);
  return true;
} catch (const DataError&) {
  return false;
}

std::string_view after_header(std::string_view input) {
  const auto end = input.find('\n');
  return input.substr(0, 1) == "{" && end != input.npos ? input.substr(end + 1) : input;
}

}  // namespace

void fuzz_checkpoint(std::string_view input) {
  static const bool kIsCurrent = is_current_corpus();
  must_hold(kIsCurrent, "the corpus is of this version");
  read_as_file(input);
  std::vector<RunState> states;
  ByteReader reader(after_header(input));
  reader(states);
  const std::string bytes = checkpoint_bytes(states);
  std::vector<RunState> again = read_checkpoint(bytes, "what was just written");
  must_hold(checkpoint_bytes(again) == bytes, "what is written reads back equal");
  for (const auto& state : states)
    for (const auto& run : plan().runs) refusable([&] { resume(run, state); });
}

}  // namespace clipsweep

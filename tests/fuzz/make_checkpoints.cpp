// Rewrites the corpus of `checkpoint`. Run by hand when the format of states changes:
//
//   make_checkpoints FOLDER
#include <cstdio>
#include <string>

#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/io/files.h"
#include "clipsweep/tasks/make_task.h"
#include "clipsweep/training/cohort_trainer.h"
#include "tiny_runs.h"

namespace clipsweep {
namespace {

// The checkpoint of these runs when cancellation is requested in this step.
std::string checkpoint_after(std::uint64_t step, const TrainingPlan& plan,
                             const std::vector<const RunSpec*>& runs, const fs::path& folder) {
  ExperimentConfig config;
  config.training = plan.training;
  const auto task = make_task(config);
  const auto layout = layout_of(model_for(plan.training, runs.front()->setup.cell, *task));
  std::atomic<bool> cancel{false};
  std::atomic<std::uint64_t> run_steps{0};
  CheckpointFile file(folder);
  const auto make_sinks = [&](const RunSpec&) -> RunSinks {
    return {[&](const StepRecord& record) { cancel = record.step == step; }};
  };
  const auto engine = make_fused_engine(layout);
  CohortTrainer({plan, layout, *task, cancel, run_steps, &file}, from_the_beginning(runs), *engine,
                make_sinks, [](const RunRecord&) {})
      .train();
  fs::path written;
  for (const auto& entry : fs::directory_iterator(checkpoints_folder(folder)))
    if (entry.path().string().find("previous") == std::string::npos) written = entry.path();
  std::string bytes = read_file(written);
  file.remove();
  return bytes;
}

void make(const fs::path& folder) {
  const SweepPlan plan = tiny_plan();
  const TrainingPlan training = training_plan(plan);
  const std::vector<const RunSpec*> lstms = {&plan.runs[0], &plan.runs[1]};
  const auto write = [&](const char* name, const std::string& bytes) {
    write_file(folder / name, bytes);
  };
  const fs::path scratch = folder / "scratch";
  fs::create_directories(scratch);
  const std::string whole = checkpoint_after(26, training, lstms, scratch);
  write("lstm_after_26.checkpoint", whole);
  write("lstm_epoch_due.checkpoint", checkpoint_after(12, training, {lstms.front()}, scratch));
  write("rnn_after_5.checkpoint", checkpoint_after(5, training, {&plan.runs[2]}, scratch));
  fs::remove_all(scratch);
  write("cut_off.checkpoint", whole.substr(0, whole.size() / 2));
  write("header_alone.checkpoint", whole.substr(0, whole.find('\n') + 1));
  std::string flipped = whole;
  flipped[whole.size() - 20] ^= 1;
  write("flipped.checkpoint", flipped);
  // 2^60 states
  write("many_states.payload", std::string(7, '\0') + '\x10');
}

}  // namespace
}  // namespace clipsweep

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  clipsweep::make(argv[1]);
}

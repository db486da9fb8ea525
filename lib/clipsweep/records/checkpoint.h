// Runs in the middle of their training, as files: from them a sweep that was killed goes on as if
// nothing had happened.
//
// A cohort writes one file for all its runs, `DIR/checkpoints/NAME.checkpoint`: two syncs however
// many runs there are, where a file a run would cost more than the training. The one before it
// stays as `NAME.previous.checkpoint`. A header of one line of JSON says whose states these are,
// and has the SHA-256 of what follows.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "clipsweep/base/wall_clock.h"
#include "clipsweep/io/files.h"

namespace clipsweep {

inline constexpr const char* kCheckpointSchema = "clipsweep/checkpoint-2";

// One run after a whole step.
struct RunState {
  std::string run_id;
  std::uint64_t step = 0;
  std::uint64_t epochs = 0;              // evaluated
  std::string engine;                    // with its instruction set: another would round otherwise
  std::uint64_t steps_bytes = 0;         // of steps.jsonl, up to this step
  std::uint64_t through_time_bytes = 0;  // of through_time.jsonl, likewise
  std::vector<float> weights;            // [P]
  std::string trainer;                   // RunTrainer's own state
  std::string wall_started;
  double wall_seconds = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(run_id, step, epochs, engine, steps_bytes, through_time_bytes, weights, trainer,
            wall_started, wall_seconds);
  }
};

fs::path checkpoints_folder(const fs::path& folder);  // DIR/checkpoints

// The bytes of a checkpoint file, and what is in such bytes. Throws DataError, naming `where`, if
// they are damaged.
std::string checkpoint_bytes(std::vector<RunState>& states);
std::vector<RunState> read_checkpoint(const std::string& bytes, const std::string& where);

// One cohort's file.
class CheckpointFile {
 public:
  // With a name of its own in that folder, which is made. Nothing is written yet.
  explicit CheckpointFile(const fs::path& folder);

  // Whether another one now keeps the cost of all of them below 2 % of the time.
  bool is_affordable() const;
  void write(std::vector<RunState>& states);
  // When all its runs have ended.
  void remove();

 private:
  fs::path path_;
  fs::path previous_path_;
  double seconds_of_last_ = 0;
  Stopwatch since_last_;
};

// Takes what a damaged file is told of by: it is set aside, as `NAME.damaged`.
using Warn = std::function<void(const std::string& warning)>;

// The newest state of each of these runs, by ID.
std::map<std::string, RunState> newest_states(const fs::path& folder,
                                              const std::vector<std::string>& run_ids,
                                              const Warn& warn);

// Takes a run out of all files: it begins anew.
void forget_states(const fs::path& folder, const std::string& run_id, const Warn& warn);

// Removes all of them, and the folder if nothing is left: every run of the sweep has ended. What is
// set aside stays.
void remove_checkpoints(const fs::path& folder);

}  // namespace clipsweep

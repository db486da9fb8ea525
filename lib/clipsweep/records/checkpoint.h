// Checkpoints: the state of unfinished runs on disk, from which a killed sweep resumes.
//
// A cohort writes one file for all its runs, `DIR/checkpoints/NAME.checkpoint`: that takes two
// syncs for any number of runs, whereas one file per run would cost more time than the training.
// The previous file is kept as `NAME.previous.checkpoint`. The header, one line of JSON, lists the
// runs and has the SHA-256 of the bytes after it, and a hash of the columns of a step: a checkpoint
// with other columns is not used.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "clipsweep/base/wall_clock.h"
#include "clipsweep/io/files.h"

namespace clipsweep {

inline constexpr const char* kCheckpointSchema = "clipsweep/checkpoint-5";

// One run after a whole step.
struct RunState {
  std::string run_id;
  std::uint64_t step = 0;
  std::uint64_t epochs = 0;              // evaluated so far
  std::string engine;                    // and instruction set: others round differently
  std::uint64_t steps_bytes = 0;         // length of steps.jsonl up to this step
  std::string steps_sha256;              // of these bytes
  std::uint64_t through_time_bytes = 0;  // length of through_time.jsonl up to this step
  std::string through_time_sha256;       // of these bytes
  std::vector<float> weights;            // [P], then the carried states [S] where there are any
  std::string trainer;                   // RunTrainer's own state
  std::string wall_started;
  double wall_seconds = 0;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(run_id, step, epochs, engine, steps_bytes, steps_sha256, through_time_bytes,
            through_time_sha256, weights, trainer, wall_started, wall_seconds);
  }
};

fs::path checkpoints_folder(const fs::path& folder);  // DIR/checkpoints

// The bytes of a checkpoint file.
std::string checkpoint_bytes(std::vector<RunState>& states);
// Reads such bytes. Throws DataError that begins with `where` if they are corrupt.
std::vector<RunState> read_checkpoint(const std::string& bytes, const std::string& where);

// One cohort's file.
class CheckpointFile {
 public:
  // Chooses a unique name and creates the folder of checkpoints, but writes no file.
  explicit CheckpointFile(const fs::path& folder);

  // Whether the time for all checkpoints stays below 2 % if another one is written now.
  bool is_affordable() const;
  // began: when the preparation of these states began, which counts as time for checkpoints.
  void write(std::vector<RunState>& states, const Stopwatch& began = Stopwatch());
  // For a cohort whose runs have all ended.
  void remove();

 private:
  fs::path path_;
  fs::path previous_path_;
  double seconds_of_last_ = 0;
  Stopwatch since_last_;
};

// Receives a warning for each corrupt file, which is renamed to `NAME.damaged`.
using Warn = std::function<void(const std::string& warning)>;

// The newest states of each of these runs, by ID, the newest first: at most three. Throws
// UnreadableError if a checkpoint cannot be read at the moment.
std::map<std::string, std::vector<RunState>> states_by_run(const fs::path& folder,
                                                           const std::vector<std::string>& run_ids,
                                                           const Warn& warn);

// Removes the states of a run from all files, so that it restarts.
void forget_states(const fs::path& folder, const std::string& run_id, const Warn& warn);

// Removes all checkpoints, and the folder if it is empty then; corrupt files that were renamed
// stay. For a sweep whose runs have all ended.
void remove_checkpoints(const fs::path& folder);

}  // namespace clipsweep

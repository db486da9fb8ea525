#include "clipsweep/records/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/byte_archive.h"
#include "clipsweep/io/json.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/records/step_record.h"

namespace clipsweep {
namespace {

constexpr const char* kExtension = ".checkpoint";
constexpr std::size_t kMaxCheckpointHeaderBytes = std::size_t{1} << 20;

// States hold steps: with other columns, their bytes have another layout.
const std::string& hash_of_step_columns() {
  static const std::string kHash = sha256_of(to_line(step_columns_json())).substr(0, 8);
  return kHash;
}

// The first line.
struct Header {
  std::string sha256;
  std::vector<std::string> run_ids;
  std::size_t bytes = 0;  // of the line, line break included
};

std::vector<std::string> ids_of(const std::vector<RunState>& states) {
  std::vector<std::string> ids;
  for (const auto& state : states) ids.push_back(state.run_id);
  return ids;
}

Header read_header(const std::string& bytes, const std::string& where) {
  const auto end = bytes.find('\n');
  if (end == std::string::npos || end > kMaxCheckpointHeaderBytes)
    throw DataError(where + ": corrupt: the first line is not a header");
  const Json json = parse_json(std::string_view(bytes).substr(0, end), where);
  try {
    require_schema(json, kCheckpointSchema);
    if (string_member(json, "step_columns") != hash_of_step_columns())
      throw DataError("its steps have other columns than those of this version");
    Header header{string_member(json, "sha256"), {}, end + 1};
    const Json& runs = member(json, "runs");
    if (!runs.is_array()) throw DataError("\"runs\" must be a list");
    for (const auto& run : runs) {
      if (!run.is_string()) throw DataError("\"runs\" must be a list of IDs");
      header.run_ids.push_back(run.get<std::string>());
    }
    return header;
  } catch (const DataError& problem) {
    throw DataError(fmt::format("{}: {}", where, problem.what()));
  }
}

std::vector<fs::path> checkpoint_paths(const fs::path& folder) {
  std::vector<fs::path> paths;
  for (auto& path : paths_in(checkpoints_folder(folder)))
    if (path.extension() == kExtension) paths.push_back(std::move(path));
  return paths;
}

// Whether a file has the state of one of these runs, by its first line. Throws DataError if that is
// corrupt.
bool is_about(const fs::path& path, const std::vector<std::string>& run_ids) {
  if (!fs::is_regular_file(link_status(path)))
    throw DataError(path.string() + ": not a regular file (link or directory)");
  InputFile file(path);
  std::string beginning(std::min(file.size(), kMaxCheckpointHeaderBytes + 1), '\0');
  file.read_fully(beginning.data(), beginning.size());
  const Header header = read_header(beginning, path.string());
  return std::any_of(header.run_ids.begin(), header.run_ids.end(), [&](const auto& id) {
    return std::find(run_ids.begin(), run_ids.end(), id) != run_ids.end();
  });
}

std::vector<RunState> states_of(const fs::path& path) {
  return read_checkpoint(read_file(path, std::size_t{1} << 32), path.string());
}

void make_checkpoints_folder(const fs::path& place) {
  if (make_subfolder(place)) sync_folder(place.parent_path());
}

void set_aside(const fs::path& path, const std::string& problem, const Warn& warn) {
  // Unless another process has renamed it and reported that.
  if (!move_file(path, path.string() + ".damaged")) return;
  warn(
      fmt::format("warning: {}; renamed to {}.damaged; its runs resume from an earlier checkpoint "
                  "if there is one, or restart",
                  problem, path.filename().string()));
}

// Calls `use` with the path and the states of each file that has the state of one of these runs.
// Sets corrupt files aside, but not those that cannot be read at the moment.
void for_each_file_about(
    const fs::path& folder, const std::vector<std::string>& run_ids, const Warn& warn,
    const std::function<void(const fs::path& path, std::vector<RunState> states)>& use) {
  for (const auto& path : checkpoint_paths(folder)) {
    try {
      if (is_about(path, run_ids)) use(path, states_of(path));
    } catch (const UnreadableError&) {
      throw;
    } catch (const DataError& problem) {
      // Another process may just have removed or renamed the file.
      if (fs::exists(link_status(path))) set_aside(path, problem.what(), warn);
    }
  }
}

// Keeps the states of a run sorted, the newest first, and only the newest few.
void add_state(std::vector<RunState>& states, RunState state) {
  constexpr std::size_t kMaxStates = 3;
  const auto is_newer = [](const RunState& a, const RunState& b) { return a.step > b.step; };
  states.insert(std::upper_bound(states.begin(), states.end(), state, is_newer), std::move(state));
  if (states.size() > kMaxStates) states.pop_back();
}

}  // namespace

fs::path checkpoints_folder(const fs::path& folder) { return folder / "checkpoints"; }

std::string checkpoint_bytes(std::vector<RunState>& states) {
  ByteWriter writer;
  writer(states);
  const std::string payload = writer.take();
  const Json header = {{"schema", kCheckpointSchema},
                       {"step_columns", hash_of_step_columns()},
                       {"sha256", sha256_of(payload)},
                       {"runs", ids_of(states)}};
  return to_line(header) + "\n" + payload;
}

std::vector<RunState> read_checkpoint(const std::string& bytes, const std::string& where) {
  const Header header = read_header(bytes, where);
  const auto payload = std::string_view(bytes).substr(header.bytes);
  if (sha256_of(payload) != header.sha256) throw DataError(where + ": corrupt: checksum mismatch");
  std::vector<RunState> states;
  try {
    ByteReader reader(payload);
    reader(states);
    if (!reader.is_at_end()) throw DataError("trailing bytes after the last state");
    if (ids_of(states) != header.run_ids)
      throw DataError("the header lists other runs than the states");
  } catch (const DataError& problem) {
    throw DataError(fmt::format("{}: {}", where, problem.what()));
  }
  return states;
}

CheckpointFile::CheckpointFile(const fs::path& folder) {
  static std::atomic<std::uint64_t> number{0};
  const fs::path place = checkpoints_folder(folder);
  make_checkpoints_folder(place);
  const std::string name = fmt::format("{}-{}", process_token(), ++number);
  path_ = place / (name + kExtension);
  previous_path_ = place / (name + ".previous" + kExtension);
}

bool CheckpointFile::is_affordable() const {
  constexpr double kMinRatio = 50;
  return since_last_.seconds() >= kMinRatio * seconds_of_last_;
}

void CheckpointFile::write(std::vector<RunState>& states, const Stopwatch& began) {
  make_checkpoints_folder(path_.parent_path());  // another process may have removed it
  move_file(path_, previous_path_);              // the first time there is none
  write_file(path_, checkpoint_bytes(states));
  seconds_of_last_ = began.seconds();
  since_last_ = Stopwatch();
}

void CheckpointFile::remove() {
  std::error_code error;
  fs::remove(previous_path_, error);
  fs::remove(path_, error);
}

std::map<std::string, std::vector<RunState>> states_by_run(const fs::path& folder,
                                                           const std::vector<std::string>& run_ids,
                                                           const Warn& warn) {
  std::map<std::string, std::vector<RunState>> states_of_runs;
  for_each_file_about(folder, run_ids, warn, [&](const fs::path&, std::vector<RunState> states) {
    for (auto& state : states) {
      if (std::find(run_ids.begin(), run_ids.end(), state.run_id) == run_ids.end()) continue;
      auto& known = states_of_runs[state.run_id];
      add_state(known, std::move(state));
    }
  });
  return states_of_runs;
}

void forget_states(const fs::path& folder, const std::string& run_id, const Warn& warn) {
  const auto is_of_run = [&](const RunState& state) { return state.run_id == run_id; };
  for_each_file_about(
      folder, {run_id}, warn, [&](const fs::path& path, std::vector<RunState> states) {
        states.erase(std::remove_if(states.begin(), states.end(), is_of_run), states.end());
        write_file(path, checkpoint_bytes(states));
      });
}

void remove_checkpoints(const fs::path& folder) {
  std::error_code error;
  for (const auto& path : checkpoint_paths(folder)) fs::remove(path, error);
  remove_temporary_files(checkpoints_folder(folder));
  fs::remove(checkpoints_folder(folder), error);  // fails unless it is empty
}

}  // namespace clipsweep

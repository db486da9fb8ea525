#include "clipsweep/merging/folder_merge.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/io/links.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/merging/merged_plan.h"
#include "clipsweep/records/sweep_manifest.h"

namespace clipsweep {
namespace {

// A run.json.
struct FoundRun {
  const SweepFolder* folder = nullptr;
  std::string bytes;
  Json json;
  RunRecord record;
};

std::string path_text(const FoundRun& found) {
  return run_path(found.folder->folder, found.record.spec.id).string();
}

// Nothing if the folder has no run.json of the run. Throws DataError if it is corrupt.
std::optional<FoundRun> find_in(const SweepFolder& folder, const RunSpec& run) {
  const fs::path path = run_path(folder.folder, run.id);
  if (!is_there(path)) return std::nullopt;
  FoundRun found{&folder, read_file(path), {}, {}};
  found.json = parse_json(found.bytes, path.string());
  try {
    found.record = run_record_from_json(found.json);
    if (to_json(found.record.spec) != to_json(run))
      throw DataError(fmt::format("it belongs to the run {}", found.record.spec.id));
    const Json& hashes = found.json["sha256"];
    if (hashes.contains("record") && hashes["record"] != record_sha256(found.json))
      throw DataError("its content does not match \"sha256\": {\"record\": ...}");
  } catch (const DataError& problem) {
    throw DataError(fmt::format("{}: {}", path.string(), problem.what()));
  }
  return found;
}

// What equal runs of two machines have in common.
Json common_part(Json run) {
  for (const char* key : {"engine", "simd", "wall_started", "wall_seconds"}) run.erase(key);
  run["sha256"].erase("record");
  return run;
}

// The first member that differs; empty if the runs are equal.
std::string difference_of(const FoundRun& a, const FoundRun& b) {
  const Json first = common_part(a.json);
  const Json second = common_part(b.json);
  for (const auto& [key, value] : first.items())
    if (!second.contains(key) || second[key] != value) return key;
  for (const auto& item : second.items())
    if (!first.contains(item.key())) return item.key();
  return "";
}

// ---- Copying ------------------------------------------------------------------------------------

void require_hash(const fs::path& path, const std::string& actual, const std::string& expected) {
  if (expected.empty() || actual == expected) return;  // earlier versions wrote no hash
  throw DataError(fmt::format("{}: its bytes do not match their hash in run.json", path.string()));
}

// Calls `on_piece` with all bytes of a file, in order.
template <typename OnPiece>
void read_in_pieces(const fs::path& path, const OnPiece& on_piece) {
  InputFile file(path);
  std::string piece(std::size_t{1} << 20, '\0');
  while (const std::size_t size = file.read(piece.data(), piece.size()))
    on_piece(std::string_view(piece).substr(0, size));
}

void copy_plain_log(const fs::path& from, const fs::path& to, const std::string& sha256) {
  if (remove_file(compressed_path(to))) sync_folder(to.parent_path());
  AppendFile log(to);
  read_in_pieces(from, [&](std::string_view piece) {
    log.buffer().append(piece);
    log.flush();
  });
  log.close();
  require_hash(from, log.sha256(), sha256);
}

// The plain log, on which the claim is, becomes empty: readers take the compressed one.
void copy_compressed_log(const fs::path& from, const fs::path& to, const std::string& sha256) {
  ReplacingFile compressed(compressed_path(to));
  read_in_pieces(from, [&](std::string_view piece) { compressed.write(piece); });
  compressed.commit();
  if (is_there(to)) AppendFile(to).close();
  require_hash(from, sha256_of_log(to), sha256);
}

// Copies a log as it is, compressed or not, under the claim of this process, so that no other one
// writes to it.
void copy_log(const fs::path& from, const fs::path& to, const std::string& sha256) {
  const fs::path stored = stored_log(from);
  if (is_compressed_path(stored))
    copy_compressed_log(stored, to, sha256);
  else
    copy_plain_log(stored, to, sha256);
}

void copy_weights(const fs::path& from, const fs::path& to, const std::string& sha256) {
  const std::string bytes = read_file(from);
  require_hash(from, sha256_of(bytes), sha256);
  write_file(to, bytes);
}

// Those that the run does not have yet.
void copy_cliffs(const fs::path& source, const fs::path& out, const std::string& id) {
  for (const auto& from : cliff_paths(source, id))
    if (const fs::path to = run_folder(out, id) / from.filename(); !is_there(to))
      write_file(to, read_file(from));
}

// Before anything is written. Throws DataError if a file is missing or does not match its hash.
void check_files(const FoundRun& found) {
  const RunRecord& record = found.record;
  const fs::path& source = found.folder->folder;
  const auto check_log = [](const fs::path& log, const std::string& sha256) {
    require_hash(stored_log(log), sha256_of_log(log), sha256);
  };
  check_log(steps_path(source, record.spec.id), record.steps_sha256);
  const fs::path through_time = through_time_path(source, record.spec.id);
  if (is_there(stored_log(through_time))) check_log(through_time, record.through_time_sha256);
  const fs::path weights = weights_path(source, record.spec.id);
  if (is_there(weights))
    require_hash(weights, hash_of_beginning(weights).finish(), record.weights_file_sha256);
}

// Copies the files of a run, run.json last: where it exists, the others are complete. Throws
// DataError if a file of the source is missing or does not match its hash.
void copy_run(const FoundRun& found, const fs::path& out, FileLocks locks) {
  const RunRecord& record = found.record;
  const std::string& id = record.spec.id;
  const fs::path& source = found.folder->folder;
  check_files(found);
  const auto claim = claim_run(out, id, locks);
  if (!claim)
    throw StorageError(
        fmt::format("{}: another clipsweep is training this run; when it has ended, rerun the same "
                    "command to continue",
                    run_folder(out, id).string()));
  if (remove_file(run_path(out, id))) sync_folder(run_folder(out, id));
  copy_log(steps_path(source, id), steps_path(out, id), record.steps_sha256);
  if (is_there(stored_log(through_time_path(source, id))))
    copy_log(through_time_path(source, id), through_time_path(out, id), record.through_time_sha256);
  if (is_there(weights_path(source, id)))
    copy_weights(weights_path(source, id), weights_path(out, id), record.weights_file_sha256);
  copy_cliffs(source, out, id);
  write_file(run_path(out, id), found.bytes);
  remove_duplicate_logs(out,
                        id);  // last: another process may then claim the run, which is finished
}

// ---- Merging ------------------------------------------------------------------------------------

class Merge {
 public:
  Merge(const std::vector<SweepFolder>& sources, SweepFolder out, FileLocks locks)
      : sources_(sources), locks_(locks) {
    report_.sweep = std::move(out);
    report_.taken.resize(sources.size());
  }

  MergeReport run() {
    for (const auto& run : report_.sweep.runs) merge(run);
    sync_folder(report_.sweep.folder / "runs");  // the names of the runs' folders
    return std::move(report_);
  }

 private:
  void merge(const RunSpec& run) {
    const std::size_t damaged = report_.damaged.size();
    std::optional<FoundRun> kept = find(report_.sweep, run);
    if (report_.damaged.size() > damaged) return;  // only the user can judge what to keep of it
    if (kept && reached_outcome(kept->record)) ++report_.already_there;
    for (std::size_t i = 0; i < sources_.size(); ++i)
      if (auto found = find(sources_[i], run)) consider(std::move(*found), kept, i);
    if (!kept || !reached_outcome(kept->record)) report_.unfinished.push_back(run.id);
  }

  // A run whose run.json is corrupt is reported and left alone.
  std::optional<FoundRun> find(const SweepFolder& folder, const RunSpec& run) {
    try {
      return find_in(folder, run);
    } catch (const UnreadableError& error) {
      throw_as_storage_error(error);
    } catch (const DataError& error) {
      report_.damaged.emplace_back(error.what());
      return std::nullopt;
    }
  }

  void consider(FoundRun found, std::optional<FoundRun>& kept, std::size_t source) {
    const bool is_finished = reached_outcome(found.record);
    if (!is_finished && found.record.outcome != Outcome::kFailed) return;
    if (kept && reached_outcome(kept->record)) {
      if (!is_finished) return;
      const std::string difference = difference_of(*kept, found);
      if (!difference.empty())
        report_.conflicts.push_back({path_text(*kept), path_text(found), difference});
      else
        copy_cliffs(sources_[source].folder, report_.sweep.folder, found.record.spec.id);
      return;
    }
    if (kept && kept->record.outcome == Outcome::kFailed && !is_finished) return;
    if (take(found)) {
      report_.taken[source] += is_finished ? 1 : 0;
      kept = std::move(found);
    }
  }

  // Returns whether it was copied.
  bool take(const FoundRun& found) {
    try {
      copy_run(found, report_.sweep.folder, locks_);
      return true;
    } catch (const UnreadableError& error) {
      throw_as_storage_error(error);
    } catch (const DataError& error) {
      report_.damaged.emplace_back(error.what());
      return false;
    }
  }

  const std::vector<SweepFolder>& sources_;
  const FileLocks locks_;
  MergeReport report_;
};

// Returns whether the folder has locks.
FileLocks write_merged_sweep(const std::vector<SweepFolder>& sources, const fs::path& out) {
  const FolderLock lock(out);
  std::vector<SweepFolder> folders;
  if (is_there(sweep_path(out))) folders.push_back(open_sweep_folder(out));
  folders.insert(folders.end(), sources.begin(), sources.end());
  write_sweep(out, merged_sweep_json(folders));
  return lock.problem().empty() ? FileLocks::kSupported : FileLocks::kMissing;
}

}  // namespace

MergeReport merge_folders(const std::vector<SweepFolder>& sources, const fs::path& out) {
  check_ownership(out);
  refuse_links_of_sweep(out);
  merged_sweep_json(sources);  // before anything is written
  make_folder(out);
  make_folder(out / "runs");
  const FileLocks locks = write_merged_sweep(sources, out);
  return Merge(sources, open_sweep_folder(out), locks).run();
}

}  // namespace clipsweep

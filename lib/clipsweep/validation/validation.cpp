#include "clipsweep/validation/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "clipsweep/analysis/runs_csv.h"
#include "clipsweep/analysis/summary_json.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/links.h"
#include "clipsweep/records/checkpoint.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/validation/run_check.h"

namespace clipsweep {
namespace {

// A run may have failed before it had weights or samples.
bool has_begun(const RunRecord& record) {
  return record.outcome != Outcome::kFailed || record.totals.steps > 0 ||
         !record.initial_weights_sha256.empty();
}

class FolderChecker {
 public:
  // problems: of sweep.json
  FolderChecker(SweepFolder sweep, FileProblems problems) : sweep_(std::move(sweep)) {
    check_hash(problems);
    problems.move_to(result_.problems);
  }

  Validation check() {
    check_plan();
    for (const auto& run : sweep_.runs) check_one_run(run);
    check_pairing("initial_weights", &RunRecord::initial_weights_sha256, [](const RunSpec& run) {
      return std::make_tuple(slug_of(run.setup), run.seed, run.perturbed);
    });
    // Batches depend on the task, the length and the batch size, which may vary.
    check_pairing("batch_order", &RunRecord::batch_order_sha256, [](const RunSpec& run) {
      return std::make_tuple(run.setup.varied.slug(), run.seed);
    });
    check_unplanned_runs();
    check_sweep_has_hash();
    // The results cannot be computed if a run cannot be read.
    if (!damaged_) check_results();
    return std::move(result_);
  }

 private:
  FileProblems problems_of(const fs::path& file) const { return {sweep_.folder, file}; }

  void add(const fs::path& file, const std::string& message) {
    result_.problems.push_back({file.string(), std::nullopt, message});
  }

  // Unless something else is wrong. Sweeps of earlier versions have no hash.
  void check_hash(FileProblems& problems) const {
    const auto recorded = sweep_.sweep.find("sha256");
    if (recorded == sweep_.sweep.end() || !problems.empty()) return;
    if (const std::string found = sweep_sha256(sweep_.sweep); *recorded != found)
      problems.add(
          fmt::format("its contents have the SHA-256 {}, but \"sha256\" is {}: they were "
                      "changed",
                      found, to_line(*recorded)));
  }

  // Whoever writes the hashes of a run writes that of the sweep first.
  void check_sweep_has_hash() {
    const bool has_hashes = std::any_of(records_.begin(), records_.end(), [](const auto& record) {
      return record && !record->steps_sha256.empty();
    });
    if (has_hashes && !has_hash()) add("sweep.json", "\"sha256\" is missing");
  }

  bool has_hash() const { return sweep_.sweep.contains("sha256"); }

  void check_plan() {
    std::set<std::string> ids;
    for (const auto& run : sweep_.runs)
      if (!ids.insert(run.id).second)
        add("sweep.json", fmt::format("the plan has the run {} twice", run.id));
  }

  void check_one_run(const RunSpec& run) {
    CheckedRun checked = check_run(sweep_, run, result_.problems);
    ++result_.runs;
    result_.steps += checked.steps;
    result_.unfinished += checked.record || checked.damaged ? 0 : 1;
    damaged_ |= checked.damaged;
    records_.push_back(std::move(checked.record));
  }

  // All runs of a group must have the same hash; the most common one counts as correct.
  template <typename GroupOf>
  void check_pairing(const char* key, std::string RunRecord::*hash, const GroupOf& group_of) {
    std::map<decltype(group_of(RunSpec{})), std::map<std::string, std::size_t>> counts;
    const auto is_known = [&](const std::optional<RunRecord>& record) {
      if (!record || !has_begun(*record)) return false;
      const bool may_lack_it =
          hash == &RunRecord::batch_order_sha256 && record->outcome == Outcome::kInterrupted;
      return !may_lack_it || !((*record).*hash).empty();
    };
    for (const auto& record : records_)
      if (is_known(record)) ++counts[group_of(record->spec)][(*record).*hash];
    for (const auto& record : records_) {
      if (!is_known(record)) continue;
      const auto& hashes = counts[group_of(record->spec)];
      const auto most_common =
          std::max_element(hashes.begin(), hashes.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      if ((*record).*hash != most_common->first)
        add(fs::path("runs") / record->spec.id / "run.json",
            fmt::format(
                "sha256.{} differs from that of the other runs with seed {}: they are not paired",
                key, record->spec.seed));
    }
  }

  void check_unplanned_runs() {
    std::set<std::string> planned;
    for (const auto* runs : {&sweep_.runs, &sweep_.dropped})
      for (const auto& run : *runs) planned.insert(run.id);
    std::set<std::string> unplanned;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(sweep_.folder / "runs", error))
      if (const auto name = entry.path().filename().string();
          name.front() != '.' && planned.count(name) == 0)
        unplanned.insert(name);
    for (const auto& name : unplanned)
      add(fs::path("runs") / name, "not a run of the plan in sweep.json; move it elsewhere");
  }

  void check_results() {
    MetricBasis basis = metric_basis_of(sweep_);
    if (const fs::path path = summary_path(sweep_.folder); !has_hash() && is_there(path))
      basis = metric_basis_like(read_file(path), basis);
    const SweepRuns runs{sweep_.runs, records_, {}, basis, setup_bases_of(sweep_)};
    const Summary summary = summarize(runs);
    // Earlier versions wrote fewer columns, and before there was the hash of a sweep fewer members.
    check_derived("runs.csv",
                  [&](const std::string& content) { return runs_csv_like(content, runs); });
    check_derived("summary.json", [&](const std::string& content) {
      return has_hash() ? summary_page(summary) : summary_page_like(content, summary);
    });
    if (!is_there(summary_path(sweep_.folder))) return;
    FileProblems problems = problems_of("summary.json");
    read_checked_json("summary", problems);
    problems.move_to(result_.problems);
  }

  // Compares a file, byte by byte, with the one that the runs give now, in the form of its version.
  template <typename Expected>
  void check_derived(const char* file, const Expected& expected_like) {
    FileProblems problems = problems_of(file);
    if (is_there(problems.path())) {
      const std::string content = read_file(problems.path());
      compare_derived(content, expected_like(content), problems);
    } else if (is_finished()) {
      problems.add("missing; clipsweep summarize writes it");
    } else {
      result_.results_are_older |= all_ended();
    }
    problems.move_to(result_.problems);
  }

  void compare_derived(const std::string& content, const std::string& expected,
                       FileProblems& problems) {
    if (content == expected) return;
    if (!is_finished()) {
      result_.results_are_older = true;
      return;
    }
    const auto [found, wanted] =
        std::mismatch(content.begin(), content.end(), expected.begin(), expected.end());
    problems.add(1 + static_cast<std::uint64_t>(std::count(content.begin(), found, '\n')),
                 "does not follow from the runs; clipsweep summarize rewrites it");
  }

  // An unfinished sweep may have no results yet, or older ones. The folder of its checkpoints is
  // removed after the results are written.
  bool is_finished() const { return all_ended() && !is_there(checkpoints_folder(sweep_.folder)); }

  bool all_ended() const {
    return std::all_of(records_.begin(), records_.end(), [](const auto& record) {
      return record && record->outcome != Outcome::kInterrupted;
    });
  }

  SweepFolder sweep_;
  Validation result_;
  std::vector<std::optional<RunRecord>> records_;  // in the order of the plan
  bool damaged_ = false;
};

// The file that an error is about, "FOLDER/FILE: ...", relative to the folder.
fs::path file_of(const DataError& error, const fs::path& folder) {
  const std::string message = error.what();
  const std::string prefix = (folder / "").string();
  const auto end = message.find(": ");
  if (message.compare(0, prefix.size(), prefix) != 0 || end == message.npos) return "sweep.json";
  return message.substr(prefix.size(), end - prefix.size());
}

// Without a plan, nothing else in a folder can be checked.
Validation without_plan(FileProblems problems) {
  Validation result;
  problems.move_to(result.problems);
  return result;
}

}  // namespace

Validation validate_folder(const fs::path& folder) {
  FileProblems problems(folder, "sweep.json");
  try {
    refuse_links_of_sweep(folder);
    if (is_there(problems.path()) && !read_checked_json("sweep", problems))
      return without_plan(std::move(problems));
    return FolderChecker(open_sweep_folder(folder), std::move(problems)).check();
  } catch (const DataError& error) {
    FileProblems about(folder, file_of(error, folder));
    about.add(error);
    return without_plan(std::move(about));
  }
}

}  // namespace clipsweep

#include "clipsweep/records/result_folder.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/records/sweep_manifest.h"
#include "support/sample_folder.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

Json sample_sweep_json(const ExperimentConfig& config) {
  return sweep_json(config, make_plan(config, "data"), {"data", {}}, {0.1, 10}, {});
}

class OutFolder : public ::testing::Test {
 protected:
  std::string refusal(const ExperimentConfig& config) {
    return message_of<ConfigError>([&] { prepare_sweep_folder(out_, sample_sweep_json(config)); });
  }
  void prepare(const ExperimentConfig& config) {
    prepare_sweep_folder(out_, sample_sweep_json(config));
  }
  TemporaryFolder folder_;
  fs::path out_ = folder_.path() / "out";
};

TEST_F(OutFolder, AcceptsTheSamePlanAgainAndOneThatAddsRuns) {
  auto config = sample_config();
  prepare(config);
  prepare(config);
  config.seeds.push_back(7);
  prepare(config);
  EXPECT_EQ(open_sweep_folder(out_).runs.size(), make_plan(config, "data").runs.size());
}

std::vector<std::string> ids_of(const std::vector<RunSpec>& runs) {
  std::vector<std::string> ids;
  for (const auto& run : runs) ids.push_back(run.id);
  return ids;
}

// The sample sweep has `none` and `value:0.5` with seeds 0 and 1. Of the arm that the new plan
// lacks, one run has finished.
TEST(PrepareSweepFolder, KeepsFinishedRunsAndDropsPlannedOnes) {
  const SampleFolder folder;
  folder.write(completed_run(folder.plan(), folder.spec(3)));
  SampleRun interrupted = completed_run(folder.plan(), folder.spec(2));
  interrupted.record.outcome = Outcome::kInterrupted;
  folder.write(interrupted);
  auto config = sample_config();
  config.clips = {{ClipMode::kNone}};
  const auto prepare_again = [&](const ExperimentConfig& plan) {
    return prepare_sweep_folder(
        folder.path(),
        sweep_json(plan, sample_plan(plan), {sha256_of("data"), {}}, {0.1, 10'000}, {}));
  };
  const PreparedFolder prepared = prepare_again(config);
  EXPECT_EQ(prepared.kept, 1U);
  EXPECT_EQ(prepared.dropped, std::vector<std::string>{folder.spec(2).id});
  EXPECT_EQ(ids_of(prepared.sweep.runs),
            (std::vector{folder.spec(0).id, folder.spec(1).id, folder.spec(3).id}));
  EXPECT_EQ(ids_of(prepared.sweep.dropped), std::vector{folder.spec(2).id});
  EXPECT_TRUE(is_there(folder.steps_log(2)));  // a plan that has it again resumes it

  // The same plan again changes nothing and says so.
  const std::string content = read_file(sweep_path(folder.path()));
  const PreparedFolder again = prepare_again(config);
  EXPECT_EQ(again.kept, 1U);
  EXPECT_TRUE(again.dropped.empty());
  EXPECT_EQ(read_file(sweep_path(folder.path())), content);

  // The first plan brings the dropped run back.
  const PreparedFolder back = prepare_again(sample_config());
  EXPECT_EQ(back.kept, 0U);
  EXPECT_EQ(ids_of(back.sweep.runs), ids_of(folder.plan().runs));
  EXPECT_TRUE(back.sweep.dropped.empty());
}

TEST(PrepareSweepFolder, KeepsRunsThatAnotherProcessTrainsAndDamagedOnes) {
  const SampleFolder folder;
  folder.write(completed_run(folder.plan(), folder.spec(2)));
  write_file(folder.run_json(2), "{");
  const auto claim = claim_run(folder.path(), folder.spec(3).id);
  ASSERT_TRUE(claim);
  auto config = sample_config();
  config.clips = {{ClipMode::kNone}};
  const PreparedFolder prepared = prepare_sweep_folder(
      folder.path(),
      sweep_json(config, sample_plan(config), {sha256_of("data"), {}}, {0.1, 10'000}, {}));
  EXPECT_EQ(prepared.kept, 2U);
  EXPECT_TRUE(prepared.dropped.empty());
}

TEST_F(OutFolder, RefusesAPlanWithoutAnyOfItsRuns) {
  auto config = sample_config();
  prepare(config);
  config.learning_rates = {0.5};
  EXPECT_TRUE(holds(refusal(config), "none of its 4 runs is in this plan"));
}

TEST_F(OutFolder, NamesTheSettingThatDiffers) {
  auto config = sample_config();
  prepare(config);
  config.training.hidden = 20;
  EXPECT_TRUE(holds(refusal(config), "its hidden is 10, not 20"));
  config = sample_config();
  config.log_every = 5;
  EXPECT_TRUE(holds(refusal(config), "its log_every is 1, not 5"));
}

TEST_F(OutFolder, AcceptsOtherSettingsOfHowTheSweepIsTrained) {
  auto config = sample_config();
  prepare(config);
  config.workers = 5;
  config.max_runs = 1;
  prepare(config);
}

TEST_F(OutFolder, SaysWhichColumnsAStepHas) {
  prepare(sample_config());
  EXPECT_EQ(open_sweep_folder(out_).sweep["step_columns"], step_columns_json());
}

// A sweep of an earlier version lacks the columns, or has fewer; the next call brings them.
TEST_F(OutFolder, AcceptsASweepWithOtherColumns) {
  const auto config = sample_config();
  for (const bool has_columns : {false, true}) {
    prepare(config);
    Json sweep = open_sweep_folder(out_).sweep;
    sweep.erase("step_columns");
    if (has_columns) sweep["step_columns"] = {{"step", "count"}};
    write_file(sweep_path(out_), to_page(sweep));
    prepare(config);
    record_call(out_, {{"command", Json::array()}});
    EXPECT_EQ(open_sweep_folder(out_).sweep["step_columns"], step_columns_json());
  }
}

TEST_F(OutFolder, RefusesAFile) {
  write_text(out_, "x");
  EXPECT_TRUE(holds(refusal(sample_config()), "is a file; name a folder"));
}

TEST_F(OutFolder, RefusesAFolderOfSomethingElse) {
  fs::create_directories(out_);
  write_text(out_ / "thesis.tex", "x");
  EXPECT_TRUE(holds(refusal(sample_config()), "holds something else (thesis.tex)"));
  EXPECT_FALSE(fs::exists(out_ / ".lock"));
}

TEST_F(OutFolder, AcceptsTheFilesOfASweepThatWasKilledAtItsStart) {
  fs::create_directories(out_ / "runs");
  write_text(out_ / ".lock", "");
  write_text(out_ / "sweep.json.123.tmp", "{");
  prepare(sample_config());
  EXPECT_FALSE(fs::exists(out_ / "sweep.json.123.tmp"));
}

TEST_F(OutFolder, CanBeSharedByProcessesThatClaimTheirRuns) {
  prepare(sample_config());
  prepare(sample_config());
  const auto claim = claim_run(out_, "none_lr-0.01_seed-0_4d037482");
  ASSERT_TRUE(claim);
  EXPECT_TRUE(claim->is_in_place());
  EXPECT_FALSE(claim_run(out_, "none_lr-0.01_seed-0_4d037482"));  // another description of it
  EXPECT_TRUE(claim_run(out_, "none_lr-0.01_seed-1_4d037482"));
  fs::remove_all(run_folder(out_, "none_lr-0.01_seed-0_4d037482"));
  EXPECT_FALSE(claim->is_in_place());
  EXPECT_TRUE(claim_run(out_, "none_lr-0.01_seed-0_4d037482"));
  EXPECT_FALSE(claim->is_in_place());
}

TEST_F(OutFolder, RefusesACorruptSweepJson) {
  prepare(sample_config());
  write_text(sweep_path(out_), "{\"schema\": ");
  EXPECT_TRUE(
      holds(message_of<DataError>([&] { prepare(sample_config()); }), "sweep.json: not valid"));
}

TEST(OpenSweepFolder, SaysWhatIsMissing) {
  const TemporaryFolder folder;
  EXPECT_TRUE(
      holds(message_of<ConfigError>([] { open_sweep_folder("/nowhere"); }), "no such folder"));
  EXPECT_TRUE(holds(message_of<ConfigError>([&] { open_sweep_folder(folder.path()); }),
                    "no sweep.json in this folder"));
}

TEST(ReadStepLog, ReadsBackWhatWasAppended) {
  const SampleFolder sample;
  const auto run = completed_run(sample.plan(), sample.spec(0));
  sample.write(run);
  std::vector<StepRecord> read;
  const auto reading = read_step_log(
      sample.steps_log(0), [&](const Json& step, std::uint64_t line, std::string_view) {
        EXPECT_EQ(line, read.size() + 2);
        read.push_back(step_record_from_json(step, {"lstm.weight_ih"}));
      });
  ASSERT_EQ(read.size(), run.steps.size());
  EXPECT_EQ(reading.header.run.id, sample.spec(0).id);
  EXPECT_FALSE(reading.torn);
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].loss, run.steps[i].loss);
    EXPECT_EQ(read[i].grad_norm_raw, run.steps[i].grad_norm_raw);
  }
}

TEST(ReadStepLog, ReportsACutOffLastLine) {
  const SampleFolder sample;
  sample.write(completed_run(sample.plan(), sample.spec(0)));
  cut_off(sample.steps_log(0), 30);
  std::uint64_t steps = 0;
  EXPECT_TRUE(read_step_log(sample.steps_log(0), [&](const Json&, std::uint64_t, std::string_view) {
                ++steps;
              }).torn);
  EXPECT_EQ(steps, training_plan(sample.plan()).training.steps() - 1);
}

TEST(ReadStepLog, NamesFileAndLineOfABadLine) {
  const SampleFolder sample;
  sample.write(completed_run(sample.plan(), sample.spec(0)));
  damage(sample.steps_log(0), "\"step\":3,", "\"step\":NaN,");
  const auto message = message_of<DataError>([&] {
    read_step_log(sample.steps_log(0), [](const Json&, std::uint64_t, std::string_view) {});
  });
  EXPECT_TRUE(holds(message, "steps.jsonl:4: not valid JSON"));
}

TEST_F(OutFolder, HasTheLogsOfAStateWhoseHashesAreTheirs) {
  prepare(sample_config());
  const std::string id = sample_plan(sample_config()).runs[0].id;
  make_folder(run_folder(out_, id));
  const std::string log = "{}\n{\"step\":1}\n{\"step\":2}\n";
  const std::string profile = "{}\n{\"step\":2}\n";
  const auto has_logs = [&](std::uint64_t steps_bytes, std::uint64_t through_time_bytes) {
    RunState state;
    state.run_id = id;
    state.step = 2;
    state.steps_bytes = steps_bytes;
    state.steps_sha256 = sha256_of(log.substr(0, steps_bytes));
    state.through_time_bytes = through_time_bytes;
    state.through_time_sha256 = sha256_of(profile.substr(0, through_time_bytes));
    return has_logs_of(out_, state);
  };
  EXPECT_FALSE(has_logs(log.size(), 0));  // there are none
  write_file(steps_path(out_, id), log + "{\"step\":3}\n{\"st");
  EXPECT_TRUE(has_logs(log.size(), 0));  // what follows is cut off
  EXPECT_TRUE(has_logs(3, 0));
  EXPECT_FALSE(has_logs(0, 0));  // step 2 without a line
  EXPECT_FALSE(has_logs(log.size() + 100, 0));
  EXPECT_FALSE(has_logs(log.size(), profile.size()));
  write_file(through_time_path(out_, id), profile);
  EXPECT_TRUE(has_logs(log.size(), profile.size()));
  // As after a power loss.
  std::string zeroed = log;
  zeroed.replace(5, 4, 4, '\0');
  write_file(steps_path(out_, id), zeroed);
  EXPECT_FALSE(has_logs(log.size(), profile.size()));
}

TEST_F(OutFolder, IsReportedIfItDisappears) {
  prepare(sample_config());
  EXPECT_NO_THROW(require_in_place(out_));
  fs::rename(out_, folder_.path() / "elsewhere");
  const std::string message = message_of<StorageError>([&] { record_call(out_, Json::object()); });
  EXPECT_TRUE(holds(message, out_.string() + ": this folder disappeared during the sweep"));
  EXPECT_FALSE(fs::exists(out_));
  EXPECT_THROW(claim_run(out_, "some_run"), StorageError);
  EXPECT_FALSE(fs::exists(out_));
}

// The hashes of the logs do not tell whether a run was resumed, or a step taken back.
TEST(RunLog, HashesItsFiles) {
  const SampleFolder sample;
  const auto run = completed_run(sample.plan(), sample.spec(0));
  const auto hashes = [&] {
    return parse_json(read_file(sample.run_json(0)), "run.json")["sha256"];
  };
  sample.write(run);
  const Json whole = hashes();
  EXPECT_EQ(whole["steps"], sha256_of(read_file(sample.steps_log(0))));
  EXPECT_EQ(whole["through_time"], sha256_of(read_file(sample.through_time_log(0))));
  EXPECT_EQ(whole["weights"], Json(nullptr));

  const Json header = parse_json(*first_line_of_log(sample.steps_log(0)), "header");
  RunState state;
  state.run_id = sample.spec(0).id;
  const auto log_from = [&](const RunState* from) {
    return RunLog(sample.path(), step_log_header_from_json(header),
                  sample.plan().through_time_every, from);
  };
  {
    RunLog log = log_from(nullptr);
    log.append(run.steps[0]);
    log.append(ThroughTimeRecord{1, 1, false, {0.25F, 0.5F, 1}});
    log.note_length(state);
    log.append(run.steps[5]);  // is lost: the process ends here
  }
  RunLog log = log_from(&state);
  for (std::size_t i = 1; i < run.steps.size(); ++i) {
    log.note_length(state);
    log.append(run.steps[0]);
    log.cut_back_to(state);
    log.append(run.steps[i]);
  }
  log.finish(run.record);
  EXPECT_EQ(hashes(), whole);
}

TEST(CompressLogs, ChangeNothingForAReader) {
  const SampleFolder sample;
  sample.write(completed_run(sample.plan(), sample.spec(0)));
  const auto steps = [&] {
    std::vector<std::string> lines;
    const auto reading = read_step_log(
        sample.steps_log(0),
        [&](const Json&, std::uint64_t, std::string_view text) { lines.emplace_back(text); });
    EXPECT_FALSE(reading.torn);
    return lines;
  };
  const auto before = steps();
  const auto header = first_line_of_log(sample.through_time_log(0));
  ASSERT_TRUE(has_plain_logs(sample.path(), sample.spec(0).id));
  compress_logs(sample.path(), sample.spec(0).id);
  EXPECT_FALSE(has_plain_logs(sample.path(), sample.spec(0).id));
  EXPECT_FALSE(is_there(sample.steps_log(0)));
  EXPECT_EQ(steps(), before);
  EXPECT_EQ(first_line_of_log(sample.through_time_log(0)), header);
  EXPECT_FALSE(is_torn(sample.steps_log(0)));
}

// The claim of a finished run creates an empty steps.jsonl next to the compressed log.
TEST(CompressLogs, AreNotHiddenByAClaim) {
  const SampleFolder sample;
  sample.write(completed_run(sample.plan(), sample.spec(0)));
  compress_logs(sample.path(), sample.spec(0).id);
  const std::string hash = sha256_of_log(sample.steps_log(0));
  const auto claim = claim_run(sample.path(), sample.spec(0).id);
  ASSERT_TRUE(claim);
  EXPECT_FALSE(claim_run(sample.path(), sample.spec(0).id));
  EXPECT_EQ(sha256_of_log(sample.steps_log(0)), hash);
  remove_duplicate_logs(sample.path(), sample.spec(0).id);
  EXPECT_FALSE(claim->is_in_place());
  EXPECT_EQ(sha256_of_log(sample.steps_log(0)), hash);
}

TEST(RunLog, RemovesTheCompressedLogsOfAnEarlierAttempt) {
  const SampleFolder sample;
  const auto run = completed_run(sample.plan(), sample.spec(0));
  sample.write(run);
  compress_logs(sample.path(), sample.spec(0).id);
  sample.write(run);
  EXPECT_TRUE(is_there(sample.steps_log(0)));
  EXPECT_FALSE(is_there(compressed_path(sample.steps_log(0))));
  EXPECT_FALSE(is_there(compressed_path(sample.through_time_log(0))));
}

TEST(RunLog, RestartsAnUnfinishedRun) {
  const SampleFolder sample;
  const auto run = completed_run(sample.plan(), sample.spec(0));
  sample.write(run);
  sample.write(run);
  std::uint64_t steps = 0;
  read_step_log(sample.steps_log(0),
                [&](const Json&, std::uint64_t, std::string_view) { ++steps; });
  EXPECT_EQ(steps, training_plan(sample.plan()).training.steps());
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/validation/validation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "clipsweep/base/error.h"
#include "clipsweep/io/log_file.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/through_time.h"
#include "support/sample_folder.h"

namespace clipsweep {
namespace {

std::vector<std::string> problems_of(const SampleFolder& folder) {
  std::vector<std::string> texts;
  for (const auto& problem : validate_folder(folder.path()).problems)
    texts.push_back(to_text(problem));
  return texts;
}

using Texts = std::vector<std::string>;

// Whether one of the problems is at this place, or in a line of this file, and says this.
testing::AssertionResult names(const Texts& problems, const std::string& place,
                               const std::string& what) {
  for (const auto& problem : problems)
    if (problem.find(place + ":") == 0 && problem.find(what) != std::string::npos)
      return testing::AssertionSuccess();
  auto failure = testing::AssertionFailure()
                 << "no problem \"" << place << ": ..." << what << "\" in";
  for (const auto& problem : problems) failure << "\n  " << problem;
  return failure;
}

// A complete and valid folder, and the names of its files in problems.
class ValidationTest : public testing::Test {
 protected:
  ValidationTest() { folder.write_all(); }

  std::string log(std::size_t run_id) const {
    return "runs/" + folder.spec(run_id).id + "/steps.jsonl";
  }
  std::string log(std::size_t run_id, int line) const {
    return log(run_id) + ":" + std::to_string(line);
  }
  std::string record(std::size_t run_id) const {
    return "runs/" + folder.spec(run_id).id + "/run.json";
  }
  Texts problems() const { return problems_of(folder); }

  SampleFolder folder;
};

TEST_F(ValidationTest, FindsNothingInAWholeFolder) {
  const Validation found = validate_folder(folder.path());
  EXPECT_EQ(problems(), Texts{});
  EXPECT_EQ(found.runs, 4U);
  EXPECT_EQ(found.steps, 4U * 8U);
  EXPECT_EQ(found.unfinished, 0U);
}

TEST_F(ValidationTest, AcceptsAFolderWithATrailingSlash) {
  EXPECT_TRUE(validate_folder(folder.path() / "").problems.empty());
  damage(folder.steps_log(0), R"({"step":3)", "NaN");
  const auto found = validate_folder(folder.path() / "").problems;
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().file, log(0));
  EXPECT_EQ(found.front().line, 4U);
}

// All runs but one are compressed, as after a sweep that was continued with --compress.
class CompressedValidationTest : public ValidationTest {
 protected:
  CompressedValidationTest() {
    for (const std::size_t run_id : {0, 1, 2}) compress_logs(folder.path(), folder.spec(run_id).id);
  }
  std::string compressed_log() const { return log(0) + ".gz"; }
  std::string bytes() const { return read_file(folder.path() / compressed_log()); }
  void write(const std::string& bytes) const {
    write_text(folder.path() / compressed_log(), bytes);
  }
};

TEST_F(CompressedValidationTest, ReadsBothKindsOfLogs) {
  const Validation found = validate_folder(folder.path());
  EXPECT_EQ(problems(), Texts{});
  EXPECT_EQ(found.steps, 4U * 8U);
}

TEST_F(CompressedValidationTest, NamesADamagedFile) {
  const std::string whole = bytes();
  write(whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(names(problems(), compressed_log(), "the gzip stream is truncated"));
  write(whole + whole);
  EXPECT_TRUE(names(problems(), compressed_log(), "bytes follow the end of the gzip stream"));
  std::string with_time = whole;
  with_time[4] = 1;
  write(with_time);
  EXPECT_EQ(problems(), Texts{compressed_log() + ": not compressed as clipsweep does it: another "
                                                 "header, or bits after the end"});
}

TEST_F(CompressedValidationTest, NamesTheLineOfAWrongStep) {
  fs::remove(folder.path() / compressed_log());
  write_text(folder.steps_log(0), read_file(folder.steps_log(3)));
  compress_log(folder.steps_log(0));
  EXPECT_TRUE(names(problems(), compressed_log() + ":1", "but the plan"));
}

// A kill leaves both, a claim an empty steps.jsonl.
TEST_F(CompressedValidationTest, AcceptsALogThatIsThereTwice) {
  for (const std::size_t size : {std::size_t{0}, read_file(folder.steps_log(3)).size()}) {
    compress_logs(folder.path(), folder.spec(3).id);
    std::string content(1 << 20, '\0');
    content.resize(open_log(folder.steps_log(3))(content.data(), content.size()));
    write_text(folder.steps_log(3), content.substr(0, size));
    EXPECT_EQ(problems(), Texts{});
  }
  write_text(folder.steps_log(3), "{}\n");
  EXPECT_EQ(problems(), Texts{log(3) + ".gz: steps.jsonl is there as well and says something else; "
                                       "remove one of them"});
}

TEST_F(ValidationTest, RefusesAFolderThatHoldsNoSweep) {
  EXPECT_THROW(validate_folder(folder.path() / "none"), ConfigError);
  EXPECT_THROW(validate_folder(folder.path() / "runs"), ConfigError);
}

TEST_F(ValidationTest, FindsNothingInADivergedRun) {
  folder.write(diverged_run(folder.plan(), folder.spec(2), 6));
  folder.write_summary();
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ValidationTest, FindsNothingIfARunStopsOnTheLastStepOfAnEpoch) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(2), 4);
  run.record.epochs.clear();
  folder.write(run);
  folder.write_summary();
  EXPECT_EQ(problems(), Texts{});
}

// ---- The sequence of steps

TEST_F(ValidationTest, NamesAMissingStep) {
  damage(folder.steps_log(0), R"({"step":3,)", R"({"step":4,)");
  EXPECT_TRUE(names(problems(), log(0, 4), "step 3 is missing"));
}

TEST_F(ValidationTest, NamesARepeatedStep) {
  damage(folder.steps_log(0), R"({"step":3,)", R"({"step":2,)");
  EXPECT_TRUE(names(problems(), log(0, 4), "step 2 comes after step 2"));
}

TEST_F(ValidationTest, NamesAStepInTheWrongEpoch) {
  damage(folder.steps_log(0), R"("step":5,"epoch":2)", R"("step":5,"epoch":1)");
  EXPECT_TRUE(names(problems(), log(0, 6), "step 5 is in epoch 2, not 1"));
}

TEST_F(ValidationTest, NamesALogThatEndsTooEarly) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  run.steps.pop_back();
  folder.write(run);
  EXPECT_TRUE(names(problems(), log(0, 8), "the log ends after step 7"));
}

TEST_F(ValidationTest, NamesAClippedStepOfARunWithoutClipping) {
  damage(folder.steps_log(0), R"("clipped":false)", R"("clipped":true)");
  EXPECT_TRUE(names(problems(), log(0, 2), "mode none"));
}

TEST_F(ValidationTest, NamesNormsThatDisagree) {
  damage(folder.steps_log(0), R"("grad_norm_raw":0.)", R"("grad_norm_raw":7.)");
  damage(folder.steps_log(1), R"("output.bias":0.)", R"("output.bias":7.)");
  damage(folder.steps_log(2), R"("clip_scale":0.)", R"("clip_scale":7.)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2), "but \"clipped\" is false"));
  EXPECT_TRUE(names(found, log(1, 2), "the tensors' norms give"));
  EXPECT_TRUE(names(found, "runs/" + folder.spec(2).id + "/steps.jsonl:2", "\"clip_scale\""));
}

TEST_F(ValidationTest, NamesCosinesAndLearningRatesThatDisagree) {
  damage(folder.steps_log(0), R"("cosine":1)", R"("cosine":0.5)");
  damage(folder.steps_log(1), R"("effective_learning_rate":0.01)",
         R"("effective_learning_rate":0.02)");
  folder.write(diverged_run(folder.plan(), folder.spec(2), 1));
  damage(folder.steps_log(2), R"("cosine":null)", R"("cosine":1)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2), "\"cosine\" is 0.5, but \"clipped\" is false"));
  EXPECT_TRUE(names(found, log(1, 2), "the step's learning rate times \"clip_scale\" is 0.01"));
  EXPECT_TRUE(names(found, log(2, 2), "a gradient without a direction has none"));
}

TEST_F(ValidationTest, NamesNormsOfUpdatesThatDisagree) {
  damage(folder.steps_log(0), R"("update_norm":0.)", R"("update_norm":7.)");
  damage(folder.steps_log(1), R"("weight_norm":4,)", "");
  SampleRun run = completed_run(folder.plan(), folder.spec(2));
  run.steps[3].update_norm.reset();
  folder.write(run);
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2), "but the learning rate times \"grad_norm_clipped\" is 0.0"));
  EXPECT_TRUE(names(found, log(1, 3), "\"weight_norm\" is there, unlike in the lines before"));
  EXPECT_TRUE(names(found, log(2, 5), "\"update_norm\" is missing, but loss and gradient"));
}

TEST_F(ValidationTest, NamesOmegaInARunWithoutIt) {
  damage(folder.steps_log(0), R"("grad_norm_raw":)", R"("omega":0.5,"grad_norm_raw":)");
  EXPECT_TRUE(names(problems(), log(0, 2), "\"omega\" is there, but the setting omega is 0"));
}

TEST_F(ValidationTest, NamesARatioOfUpdatesThatDiffersFromTheLog) {
  SampleRun run = completed_run(folder.plan(), folder.spec(2));
  run.record.totals.update_ratio->median *= 2;
  folder.write(run);
  run = completed_run(folder.plan(), folder.spec(3));
  run.record.totals.update_ratio.reset();
  folder.write(run);
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(2), "totals.update_ratio.median is"));
  EXPECT_TRUE(names(found, record(3), "totals.update_ratio is missing, but steps.jsonl has 8"));
}

TEST_F(ValidationTest, AcceptsLogsOfAnEarlierVersionWithoutTheseNorms) {
  for (std::size_t run_id = 0; run_id < 4; ++run_id) {
    SampleRun run = completed_run(folder.plan(), folder.spec(run_id));
    for (StepRecord& step : run.steps) step.update_norm = step.weight_norm = std::nullopt;
    run.record.totals.update_ratio.reset();
    folder.write(run);
  }
  folder.write_summary();
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ValidationTest, NamesThresholdCountsThatDifferFromTheLog) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  ++run.record.totals.what_if.value[3];
  folder.write(run);
  EXPECT_TRUE(
      names(problems(), record(0), "the counts in totals.what_if are not those of steps.jsonl"));
}

TEST_F(ValidationTest, NamesALimitInARunThatHasNone) {
  damage(folder.steps_log(0), R"("limit":null)", R"("limit":0.5)");
  EXPECT_TRUE(names(problems(), log(0, 2), "\"limit\" is 0.5 in a run that only measures"));
}

TEST_F(ValidationTest, NamesWrongStepsInTheHistoryOfAnEvent) {
  const auto history_problems = [&](const std::string& from, const std::string& to) {
    folder.write(diverged_run(folder.plan(), folder.spec(0), 6));
    damage(folder.run_json(0), from, to);
    return problems();
  };
  EXPECT_TRUE(names(history_problems(R"("shared": 0)", R"("shared": 1)"), record(0),
                    "but the event at step 6 covers 5"));
  EXPECT_TRUE(names(history_problems(R"("step": 2)", R"("step": 3)"), record(0),
                    "events[0].before.steps[1] is step 3, not 2"));
  EXPECT_TRUE(names(history_problems(R"("accuracy": 0)", R"("accuracy": 7)"), record(0),
                    "events[0].before.steps[0]: \"accuracy\" must be from 0 to 1"));
  EXPECT_TRUE(names(history_problems(R"("clip_scale": 1)", R"("clip_scale": 2)"), log(0, 2),
                    "step 1 differs from its copy in the events of run.json"));
}

TEST_F(ValidationTest, NamesASharedStepThatNoEarlierEventHas) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  run.record.events.front().before.steps.erase(run.record.events.front().before.steps.begin());
  run.record.events.front().before.shared = 1;
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "shares step 1, which no earlier event has"));
}

TEST(Validation, ChecksWhichStepsAThinnedLogHas) {
  ExperimentConfig config = sample_config();
  config.log_every = 3;
  SampleFolder folder(config);
  folder.write_all();
  folder.write(diverged_run(folder.plan(), folder.spec(0), 7));
  folder.write_summary();
  EXPECT_EQ(problems_of(folder), Texts{});
  EXPECT_EQ(read_file(folder.steps_log(0)).find(R"({"step":2,)"), std::string::npos);

  damage(folder.steps_log(1), R"({"step":6,)", R"({"step":5,)");
  const Texts found = problems_of(folder);
  const std::string log = "runs/" + folder.spec(1).id + "/steps.jsonl";
  EXPECT_TRUE(names(found, log + ":4", "unexpected step 5: not a multiple of log_every (3)"));
  EXPECT_TRUE(names(found, log + ":5", "step 6 is missing"));
}

// ---- The gradient through time

// Measured at the steps 1, 3 and 6 of a run.
class ThroughTimeValidation : public testing::Test {
 protected:
  ThroughTimeValidation() { folder.write_all(); }

  static ExperimentConfig config() {
    ExperimentConfig config = sample_config();
    config.through_time_every = 3;
    return config;
  }
  std::string log(std::size_t run_id) const {
    return "runs/" + folder.spec(run_id).id + "/through_time.jsonl";
  }
  std::string log(std::size_t run_id, int line) const {
    return log(run_id) + ":" + std::to_string(line);
  }
  std::string record(std::size_t run_id) const {
    return "runs/" + folder.spec(run_id).id + "/run.json";
  }
  // The first run's log with something else in it.
  Texts problems_with(const std::string& from, const std::string& to) const {
    folder.write(completed_run(folder.plan(), folder.spec(0)));
    damage(folder.through_time_log(0), from, to);
    return problems_of(folder);
  }

  SampleFolder folder{config()};
};

TEST_F(ThroughTimeValidation, FindsNothingInWholeLogs) {
  folder.write(diverged_run(folder.plan(), folder.spec(2), 5));
  folder.write_summary();
  EXPECT_EQ(problems_of(folder), Texts{});
  EXPECT_TRUE(holds(read_file(folder.through_time_log(2)), R"({"step":5,"epoch":2,"event":true,)"));
}

TEST_F(ThroughTimeValidation, NamesAMissingOrUnexpectedStep) {
  EXPECT_TRUE(
      names(problems_with(R"({"step":3,)", R"({"step":6,)"), log(0, 3), "step 3 is missing"));
  EXPECT_TRUE(names(problems_with(R"({"step":3,)", R"({"step":2,)"), log(0, 3),
                    "unexpected step 2: step 3 is the next to be measured"));
  EXPECT_TRUE(names(problems_with(R"({"step":3,)", R"({"step":1,)"), log(0, 3),
                    "step 1 comes after step 1"));
  EXPECT_TRUE(
      names(problems_with(R"({"step":6,)", R"({"step":9,)"), log(0, 4), "step 6 is missing"));
  EXPECT_TRUE(
      names(problems_with("{\"step\":6,\"epoch\":2,\"event\":false,\"norms\":[0.25,0.5,1]}\n", ""),
            log(0, 3), "the log ends after step 3; step 6 of 8 is missing"));
}

TEST_F(ThroughTimeValidation, NamesWhatIsWrongInALine) {
  EXPECT_TRUE(names(problems_with(R"("step":6,"epoch":2)", R"("step":6,"epoch":1)"), log(0, 4),
                    "step 6 is in epoch 2, not 1"));
  EXPECT_TRUE(names(problems_with(R"("event":false)", R"("event":true)"), log(0, 2),
                    "\"event\" is true, but run.json has no event at step 1"));
  EXPECT_TRUE(names(problems_with("[0.25,0.5,1]}\n{\"step\":6", "[0.25,0.5]}\n{\"step\":6"),
                    log(0, 3), "\"norms\" has 2 numbers, but 3 in the first step"));
  EXPECT_TRUE(names(problems_with("0.25", "-0.25"), log(0, 2), "norms[0]"));
  EXPECT_TRUE(names(problems_with("0.25", "null"), log(0, 2), "norms[0]"));
  EXPECT_TRUE(names(problems_with("0.25", "NaN"), log(0, 2), "not valid JSON"));
  EXPECT_TRUE(names(problems_with("norms", "norm"), log(0, 2), "\"norms\""));
}

TEST_F(ThroughTimeValidation, NamesAHeaderOfAnotherRun) {
  EXPECT_TRUE(names(problems_with(R"("seed":0)", R"("seed":1)"), log(0, 1), "the header has"));
  EXPECT_TRUE(names(problems_with(R"("through_time_every":3)", R"("through_time_every":1)"),
                    log(0, 1), "\"through_time_every\" is 1, but 3 in sweep.json"));
  EXPECT_TRUE(names(problems_with(R"("through_time_every":3)", R"("through_time_every":0)"),
                    log(0, 1), "through_time_every"));
  EXPECT_TRUE(names(problems_with("through-time-1", "through-time-2"), log(0, 1), "schema"));
}

TEST_F(ThroughTimeValidation, NamesAMissingAnEmptyAndATornLog) {
  remove_file(folder.through_time_log(0));
  write_file(folder.through_time_log(1), "");
  cut_off(folder.through_time_log(2), 3);
  const Texts found = problems_of(folder);
  EXPECT_TRUE(names(found, log(0), "through_time_every is 3 in sweep.json"));
  EXPECT_TRUE(names(found, log(1), "the log is empty"));
  EXPECT_TRUE(names(found, log(2, 4), "cut off"));
}

TEST_F(ThroughTimeValidation, AcceptsTheLogOfAKilledRun) {
  remove_file(folder.run_json(0));
  cut_off(folder.through_time_log(0), 3);
  for (const auto& problem : problems_of(folder)) EXPECT_FALSE(holds(problem, "through_time"));
}

TEST_F(ThroughTimeValidation, AcceptsRunsOfEarlierVersions) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  for (auto& epoch : run.record.epochs) {
    epoch.gate_norms.reset();
    epoch.spectral_radius.reset();
  }
  folder.write(run);
  folder.remove_hashes();
  remove_file(folder.through_time_log(0));
  EXPECT_EQ(problems_of(folder), Texts{});
}

TEST_F(ThroughTimeValidation, NamesGatesThatTheModelDoesNotHave) {
  damage(folder.run_json(0), R"("g": 0.3)", R"("z": 0.3)");
  damage(folder.run_json(1), R"("lstm.weight_hh": {)", R"("lstm.weight_ih": {)");
  const Texts found = problems_of(folder);
  EXPECT_TRUE(names(found, record(0),
                    "epochs[0].gate_norms has the gates i, f, z, o, but the model i, f, g, o"));
  EXPECT_TRUE(names(found, record(1), "the recurrent tensors are lstm.weight_hh"));
}

TEST_F(ThroughTimeValidation, NamesGateNormsOfASpikeThatDifferFromItsStep) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 5);
  Event spike = run.record.events.front();
  spike.kind = EventKind::kSpike;
  spike.step = 4;
  spike.epoch = 1;
  spike.action = Action::kContinued;
  spike.before = {};
  const double norm = run.steps[3].tensor_norms[0];  // the only one of the recurrent layers
  spike.gate_norms = {{"i", 0.6 * norm}, {"f", 0.8 * norm}, {"g", 0}, {"o", 0}};
  run.record.events.insert(run.record.events.begin(), spike);
  folder.write(run);
  const std::string message = "the recurrent layers' tensors have the norm";
  for (const auto& problem : problems_of(folder)) EXPECT_FALSE(holds(problem, message)) << problem;
  run.record.events.front().gate_norms->front().second = norm;
  folder.write(run);
  EXPECT_TRUE(names(problems_of(folder), "runs/" + folder.spec(0).id + "/steps.jsonl:5", message));
}

// ---- Lines and files that cannot be read

TEST_F(ValidationTest, NamesTheLineOfABareNan) {
  damage(folder.steps_log(1), R"("clip_scale":1,)", R"("clip_scale":NaN,)");
  EXPECT_TRUE(names(problems(), log(1, 2), "not valid JSON"));
}

TEST_F(ValidationTest, NamesTheWrongKey) {
  damage(folder.steps_log(0), R"("accuracy":)", R"("acuracy":)");
  damage(folder.steps_log(1), R"("nonfinite":0)", R"("nonfinite":-1)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2), "\"accuracy\" is missing"));
  EXPECT_TRUE(names(found, log(1, 2), "\"nonfinite\""));
}

TEST_F(ValidationTest, ContinuesAfterABadStep) {
  damage(folder.steps_log(0), R"("step":2,"epoch":1)", R"("step":2,"epoch":"one")");
  damage(folder.steps_log(0), R"("step":5,"epoch":2)", R"("step":5,"epoch":0)");
  const Texts found = problems();
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(names(found, log(0, 3), "\"epoch\""));
  EXPECT_TRUE(names(found, log(0, 6), "\"epoch\""));
}

TEST_F(ValidationTest, NamesACutOffLineOfAFinishedRun) {
  cut_off(folder.steps_log(0), 10);
  EXPECT_TRUE(names(problems(), log(0, 9), "cut off"));
}

TEST_F(ValidationTest, NamesALogOfAnotherRun) {
  damage(folder.steps_log(0), R"("seed":0)", R"("seed":1)");
  EXPECT_TRUE(names(problems(), log(0, 1), "the header has"));
}

TEST_F(ValidationTest, NamesAHeaderThatViolatesItsSchema) {
  damage(folder.steps_log(0), R"("log_every":1)", R"("log_every":0)");
  EXPECT_TRUE(names(problems(), log(0, 1), "log_every"));
}

TEST_F(ValidationTest, NamesAMissingAndAnEmptyLog) {
  remove_file(folder.steps_log(0));
  write_file(folder.steps_log(1), "");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0), "cannot read"));
  EXPECT_TRUE(names(found, log(1), "the log is empty"));
}

TEST_F(ValidationTest, NamesTheLineOfAMalformedRunJson) {
  damage(folder.run_json(0), R"("mode": "none")", R"("mode": none)");
  EXPECT_TRUE(names(problems(), record(0) + ":4", "not valid JSON"));
}

TEST_F(ValidationTest, NamesANumberThatNoDoubleCanHold) {
  damage(folder.steps_log(0), R"("loss":)", R"("loss":1e400, "was":)");
  damage(folder.run_json(1), R"("train_loss": )", R"("train_loss": 1e400, "was": )");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2), "1e400"));
  EXPECT_TRUE(names(found, record(1), "1e400"));
}

TEST_F(ValidationTest, NamesThePlaceInRunJsonThatViolatesTheSchema) {
  damage(folder.run_json(0), R"("test_accuracy": 0.)", R"("test_accuracy": 7.)");
  damage(folder.run_json(1), R"("outcome": "completed")", R"("outcome": "fine")");
  damage(folder.run_json(2), R"("simd")", R"("sind")");
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "epochs[0].test_accuracy"));
  EXPECT_TRUE(names(found, record(1), "outcome"));
  EXPECT_TRUE(names(found, record(2), "simd"));
}

TEST_F(ValidationTest, SaysThatAPlanCannotBeRead) {
  damage(folder.path() / "sweep.json", R"("schema")", R"("schema)");
  EXPECT_TRUE(names(problems(), "sweep.json:2", "not valid JSON"));
}

TEST_F(ValidationTest, NamesWhatViolatesTheSchemaOfThePlan) {
  damage(folder.path() / "sweep.json", R"("log_every": 1,
  "step_columns")",
         R"("log_every": 0,
  "step_columns")");
  EXPECT_TRUE(names(problems(), "sweep.json", "log_every"));
}

// Matching a pattern recurses over the text, which once overflowed the stack.
TEST_F(ValidationTest, RefusesAnEndlessId) {
  const std::string endless(300'000, 'a');
  damage(folder.run_json(0), R"("id": ")", R"("id": ")" + endless);
  damage(folder.steps_log(1), R"("run":")", R"("run":")" + endless);
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "id"));
  EXPECT_TRUE(names(found, log(1, 1), "run"));
  damage(folder.path() / "sweep.json", R"("id": ")", R"("id": ")" + endless);
  EXPECT_TRUE(names(problems(), "sweep.json", "runs[0].id"));
}

TEST_F(ValidationTest, NamesAnIdThatLeadsOutOfTheFolder) {
  for (const char* id : {"..", "../../etc", "a/b", ".hidden", "a\\u0000b"}) {
    const SampleFolder climbing;
    damage(climbing.path() / "sweep.json", climbing.spec(0).id, id);
    EXPECT_TRUE(names(problems_of(climbing), "sweep.json", "runs[0].id")) << id;
  }
}

TEST_F(ValidationTest, NamesALineThatIsTooLong) {
  damage(folder.steps_log(0), R"({"step":3,)",
         "{\"x\":\"" + std::string(2 << 20, 'x') + "\",\"step\":3,");
  EXPECT_TRUE(names(problems(), log(0, 4), "a line is longer than 1 MiB"));
}

TEST_F(ValidationTest, NamesDeepNesting) {
  const std::string deep(100'000, '[');
  damage(folder.run_json(0), R"("events": )", R"("events": )" + deep);
  damage(folder.steps_log(1), R"({"step":3,)", R"({"step":)" + deep);
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "nested deeper than 32 levels"));
  EXPECT_TRUE(names(found, log(1, 4), "nested deeper than 32 levels"));
}

TEST_F(ValidationTest, NamesAFolderInPlaceOfAFile) {
  remove_file(folder.run_json(0));
  make_folder(folder.run_json(0));
  remove_file(folder.steps_log(1));
  make_folder(folder.steps_log(1));
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "not a regular file"));
  EXPECT_TRUE(names(found, log(1), "not a regular file"));
}

TEST_F(ValidationTest, KeepsEscapeSequencesFromTheTerminal) {
  make_folder(folder.path() / "runs" / "\x1b[31mred");
  damage(folder.steps_log(0), R"("lstm.weight_ih":[40,28])", R"("\u001b[31m":[40,28])");
  const Texts found = problems();
  EXPECT_TRUE(names(found, "runs/?[31mred", "not a run of the plan"));
  EXPECT_TRUE(names(found, log(0, 1), "the name of a tensor must be letters"));
  for (const auto& text : found) EXPECT_EQ(text.find('\x1b'), text.npos) << text;
}

TEST_F(ValidationTest, ListsOnlyTheFirstProblemsOfAFile) {
  ExperimentConfig config = sample_config();
  config.training.steps_per_epoch = 100;
  SampleFolder large(config);
  large.write_all();
  SampleRun run = completed_run(large.plan(), large.spec(0));
  for (auto& step : run.steps) step.accuracy = 2;
  large.write(run);
  const Texts found = problems_of(large);
  EXPECT_LT(found.size(), 30U);
  EXPECT_TRUE(names(found, "runs/" + large.spec(0).id + "/steps.jsonl", "and 180 problems more"));
}

// ---- What is recorded twice

TEST_F(ValidationTest, NamesARunThatDiffersFromThePlan) {
  damage(folder.run_json(2), R"("threshold": 0.5)", R"("threshold": 0.7)");
  EXPECT_TRUE(names(problems(), record(2), "\"threshold\" is 0.7, but 0.5 in the plan"));
}

TEST_F(ValidationTest, NamesASettingThatDiffersFromTheSweep) {
  damage(folder.run_json(0), R"("batch_size": 32)", R"("batch_size": 33)");
  EXPECT_TRUE(names(problems(), record(0), "settings.batch_size is 33, but 32"));
}

TEST_F(ValidationTest, NamesARunWhoseHashDisagreesWithItsSettings) {
  // In sweep.json and run.json alike, so that only the ID tells.
  damage(folder.path() / "sweep.json", R"("momentum": 0)", R"("momentum": 0.9)");
  for (std::size_t run_id = 0; run_id < 4; ++run_id)
    damage(folder.run_json(run_id), R"("momentum": 0)", R"("momentum": 0.9)");
  EXPECT_TRUE(names(problems(), record(0),
                    "\"id\" is " + folder.spec(0).id + ", but the settings here make it none_"));
}

TEST_F(ValidationTest, AcceptsARunOfAnEarlierVersionWithFewerSettings) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  for (const char* key : {"nesterov", "adam_beta1", "layers"}) run.record.settings.erase(key);
  folder.write(run);
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ValidationTest, NamesAnAxisThatThePlanDoesNotHave) {
  damage(folder.run_json(0), R"("seed": 0)", R"("seed": 0, "l1": 0.5)");
  EXPECT_TRUE(names(problems(), record(0), "\"l1\" is 0.5, but the plan has no such key"));
}

TEST_F(ValidationTest, NamesTotalsThatDifferFromTheSteps) {
  damage(folder.run_json(0), R"("clipped_steps": 0)", R"("clipped_steps": 1)");
  damage(folder.run_json(1), R"("max": )", R"("max": 1)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "totals.clipped_steps is 1, but steps.jsonl has 0"));
  EXPECT_TRUE(names(found, record(1), "totals.grad_norm_raw.max"));
}

TEST_F(ValidationTest, NamesEpochsThatDifferFromTheMeansOfTheirSteps) {
  damage(folder.run_json(0), R"("train_loss": )", R"("train_loss": 1)");
  EXPECT_TRUE(names(problems(), record(0), "epochs[0].train_loss"));
}

TEST_F(ValidationTest, NamesACompletedRunThatLacksAnEpoch) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  run.record.epochs.pop_back();
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "\"epochs\" has 1 epoch"));
}

TEST_F(ValidationTest, NamesADivergenceWithoutAnEvent) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  run.record.events.clear();
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "no event says where"));
}

// ---- Changes that no rule sees: the hashes tell. scripts/mutation_test tries every field and bit.

TEST_F(ValidationTest, NamesAChangedFile) {
  damage(folder.run_json(0), R"("i": 0.5)", R"("i": 0.4)");
  damage(folder.steps_log(1), R"("lstm.weight_hh":0)", R"("lstm.weight_hh":1e-09)");
  damage(folder.through_time_log(2), "0.25", "0.26");
  damage(folder.path() / "sweep.json", R"("chance_accuracy": 0.1)", R"("chance_accuracy": 0.2)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "but sha256.record is"));
  EXPECT_TRUE(names(found, log(1), "but sha256.steps in run.json is"));
  EXPECT_TRUE(names(found, "runs/" + folder.spec(2).id + "/through_time.jsonl",
                    "but sha256.through_time in run.json is"));
  EXPECT_TRUE(names(found, "sweep.json", "but \"sha256\" is"));
}

TEST_F(ValidationTest, NamesAMissingHash) {
  const fs::path sweep_json = folder.path() / "sweep.json";
  Json sweep = parse_json(read_file(sweep_json), "sweep.json");
  sweep.erase("sha256");
  write_file(sweep_json, to_page(sweep) + "\n");
  EXPECT_TRUE(names(problems(), "sweep.json", "\"sha256\" is missing"));
  Json run = parse_json(read_file(folder.run_json(0)), "run.json");
  run["sha256"].erase("record");
  write_file(folder.run_json(0), to_page(run) + "\n");
  EXPECT_TRUE(names(problems(), record(0), "but sha256.record is null"));
}

TEST_F(ValidationTest, NamesATextThatIsNotAsThisProgramWritesIt) {
  damage(folder.run_json(0), R"("seed": 0,)", "\"seed\": 1,\n  \"seed\": 0,");
  damage(folder.run_json(1), "{\n", "{\r\n");
  damage(folder.path() / "sweep.json", R"("log_every": 1,)", R"("log_every":  1,)");
  damage(folder.steps_log(0), R"({"step":2,)", R"({"step":7,"step":2,)");
  damage(folder.steps_log(1), R"("step":3,"epoch":1)", R"("epoch":1,"step":3)");
  damage(folder.steps_log(2), R"("schema":)", R"("schema": )");
  damage(folder.through_time_log(0), "0.25", "0.250");
  const Texts found = problems();
  const std::string words = "not in the form that clipsweep writes";
  EXPECT_TRUE(names(found, record(0) + ":7", words));
  EXPECT_TRUE(names(found, record(1) + ":1", words));
  EXPECT_TRUE(names(found, "sweep.json", words));
  EXPECT_TRUE(names(found, log(0, 3), words + ", from byte 9 of the line"));
  EXPECT_TRUE(names(found, log(1, 4), words));
  EXPECT_TRUE(names(found, log(2, 1), words));
  EXPECT_TRUE(names(found, "runs/" + folder.spec(0).id + "/through_time.jsonl:2", words));
}

TEST_F(ValidationTest, AcceptsAFolderOfAnEarlierVersionWithoutHashes) {
  folder.remove_hashes();
  EXPECT_EQ(problems(), Texts{});
}

TEST_F(ValidationTest, NamesTensorsThatTheModelDoesNotHave) {
  damage(folder.steps_log(0), R"("lstm.bias":[40])", R"("lstm.bias":[41])");
  EXPECT_TRUE(names(problems(), log(0, 1), "\"tensors\" are not those of the model"));
}

TEST_F(ValidationTest, NamesStepsThatContradictTheirMode) {
  damage(folder.steps_log(2), R"("limit":0.5)", R"("limit":0.25)");
  damage(folder.steps_log(3), R"("grad_max_abs":0.6)", R"("grad_max_abs":0.4)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(2), "\"limit\" is 0.25, but the threshold is 0.5"));
  EXPECT_TRUE(names(found, log(3), "\"clipped\" is true, but the gradient is within the limit"));
}

TEST_F(ValidationTest, ComparesTotalsToTheLastDigit) {
  SampleRun run = completed_run(folder.plan(), folder.spec(2));
  double& loss = run.record.epochs[0].train_loss;
  loss = std::nextafter(loss, 9);
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(2), "epochs[0].train_loss"));
  run = completed_run(folder.plan(), folder.spec(2));
  run.record.totals.mean_cosine = std::nextafter(0.75, 1);
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(2), "totals.mean_cosine"));
}

// ---- Outcomes that contradict their steps

TEST_F(ValidationTest, NamesANanWithoutAnEventInACompletedRun) {
  damage(folder.steps_log(0), R"("nonfinite":0)", R"("nonfinite":7)");
  SampleRun run = completed_run(folder.plan(), folder.spec(1));
  run.steps.back().loss = std::numeric_limits<float>::quiet_NaN();
  folder.write(run);
  const Texts found = problems();
  EXPECT_TRUE(names(found, log(0, 2),
                    "the gradient has 7 NaN or Inf values here, but the events in run.json, "
                    "whose outcome is \"completed\", have 0"));
  EXPECT_TRUE(names(found, log(1, 9), "the last loss is not finite, but the outcome"));
}

TEST_F(ValidationTest, NamesADivergenceThatTheStepsDoNotShow) {
  folder.write(diverged_run(folder.plan(), folder.spec(0), 6));
  damage(folder.steps_log(0), R"("nonfinite":1120)", R"("nonfinite":0)");
  EXPECT_TRUE(names(problems(), log(0, 7),
                    "the gradient has 0 NaN or Inf values here, but the events in run.json"));
}

TEST_F(ValidationTest, NamesADivergedRunThatIsCalledCompleted) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  run.record.outcome = Outcome::kCompleted;
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "an event stopped the run at step 6, but it completed"));
}

TEST_F(ValidationTest, NamesAnActionThatDisagreesWithTheSettings) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  run.record.events.front().action = Action::kSkipped;
  run.steps.back().skipped = true;
  folder.write(run);
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "the action \"skipped\", but \"on_nonfinite\" is \"stop\""));
  EXPECT_TRUE(names(found, record(0), "no event stopped the run"));
  EXPECT_TRUE(names(found, log(0, 7), "\"skipped\" is true, but \"on_nonfinite\" is \"stop\""));
}

TEST_F(ValidationTest, NamesAnImpossibleEvent) {
  SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  run.record.events.front().index = 1120;  // of 40 x 28 elements
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "has the index 1120"));
  run.record.events.front().tensor = "gru.weight";
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "\"gru.weight\""));
  run.record.events.front().step = 5;
  folder.write(run);
  EXPECT_TRUE(names(problems(), record(0), "stopped the run at step 5"));
}

TEST_F(ValidationTest, NamesARunThatIsNotPaired) {
  SampleRun run = completed_run(folder.plan(), folder.spec(2));
  run.record.batch_order_sha256 = run.record.final_weights_sha256;
  folder.write(run);
  const Texts found = problems();
  EXPECT_EQ(std::count_if(found.begin(), found.end(),
                          [](const auto& text) { return text.find("not paired") != text.npos; }),
            1);
}

TEST_F(ValidationTest, NamesRunFoldersThatThePlanDoesNotHave) {
  make_folder(folder.path() / "runs" / "stranger");
  EXPECT_TRUE(names(problems(), "runs/stranger", "not a run of the plan"));
}

TEST_F(ValidationTest, NamesResultsThatDoNotFollowFromTheRuns) {
  damage(folder.path() / "summary.json", R"("completed": 4)", R"("completed": 5)");
  damage(folder.path() / "runs.csv", ",completed,", ",diverged,");
  const Texts found = problems();
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(names(found, "summary.json:10", "does not follow"));
  EXPECT_TRUE(names(found, "runs.csv:2", "does not follow"));
}

// As earlier versions wrote summary.json: without what was added later, and with their own answer
// and usable arms. All other values must follow from the runs.
TEST_F(ValidationTest, AcceptsTheSummaryOfAnEarlierVersion) {
  folder.remove_hashes();
  const fs::path file = folder.path() / "summary.json";
  Json summary = parse_json(read_file(file), "summary.json");
  summary["answer"] = Json::array({"Yes.", "Everywhere.", "Use value:0.5."});
  summary["arms"][0]["usable"] = !summary["arms"][0]["usable"].get<bool>();
  write_file(file, to_page(summary) + "\n");
  EXPECT_TRUE(names(problems(), "summary.json:4", "does not follow"));
  summary.erase("test_samples");
  summary["runs"].erase("stalled");
  for (auto& arm : summary["arms"])
    for (const char* key : {"better_than_chance", "stalled", "skipped", "skipped_share"})
      arm.erase(key);
  write_file(file, to_page(summary) + "\n");
  EXPECT_EQ(problems(), Texts{});
  summary.erase("constants");
  write_file(file, to_page(summary) + "\n");
  EXPECT_EQ(problems(), Texts{});
  damage(file, R"("completed": 4)", R"("completed": 5)");
  EXPECT_TRUE(names(problems(), "summary.json:10", "does not follow"));
}

// They did not count chance accuracy on the test set: a diverged run has theirs.
TEST(Validation, AcceptsTheChanceAccuracyOfAnEarlierVersion) {
  const SampleFolder folder;
  folder.write(diverged_run(folder.plan(), folder.spec(0), 6));
  for (std::size_t i = 1; i < 4; ++i) folder.write(completed_run(folder.plan(), folder.spec(i)));
  folder.remove_hashes();
  const fs::path sweep_json = folder.path() / "sweep.json";
  Json sweep = parse_json(read_file(sweep_json), "sweep.json");
  sweep["data"]["chance_accuracy"] = 0.25;  // what the earlier version has
  write_file(sweep_json, to_page(sweep) + "\n");
  folder.write_summary();
  sweep["data"].erase("chance_accuracy");
  sweep["data"].erase("test_samples");
  write_file(sweep_json, to_page(sweep) + "\n");
  EXPECT_EQ(problems_of(folder).size(), 2U);  // as of this version, both files must have 0.1
  const fs::path file = folder.path() / "summary.json";
  Json summary = parse_json(read_file(file), "summary.json");
  summary.erase("test_samples");
  write_file(file, to_page(summary) + "\n");
  EXPECT_EQ(problems_of(folder), Texts{});
}

// Earlier versions had fewer columns.
TEST_F(ValidationTest, AcceptsTheRunsCsvOfAnEarlierVersion) {
  folder.remove_hashes();
  const fs::path file = folder.path() / "runs.csv";
  std::istringstream lines(read_file(file));
  std::string earlier;
  for (std::string line; std::getline(lines, line);) {
    for (int i = 0; i < 10; ++i) line.resize(line.rfind(','));
    earlier += line + "\n";
  }
  EXPECT_EQ(earlier.substr(earlier.find('\n') - 10, 11), ",cell,init\n");
  write_file(file, earlier);
  EXPECT_EQ(problems(), Texts{});
  damage(file, ",completed,", ",diverged,");
  EXPECT_TRUE(names(problems(), "runs.csv:2", "does not follow"));
}

TEST_F(ValidationTest, NamesTheSkippedStepsAtTheEndThatTheLogDoesNotHave) {
  damage(folder.run_json(0), R"("trailing_skipped_steps": 0)", R"("trailing_skipped_steps": 3)");
  const Texts found = problems();
  EXPECT_TRUE(names(found, record(0), "trailing_skipped_steps is 3, but steps.jsonl has 0"));
  EXPECT_TRUE(
      names(found, record(0), "trailing_skipped_steps is 3, but totals.skipped_steps is 0"));
}

TEST_F(ValidationTest, NamesMissingResults) {
  remove_file(folder.path() / "summary.json");
  remove_file(folder.path() / "runs.csv");
  const Texts found = problems();
  EXPECT_TRUE(names(found, "summary.json", "missing"));
  EXPECT_TRUE(names(found, "runs.csv", "missing"));
}

// ---- Unfinished sweeps

TEST(Validation, FindsNothingInASweepWithoutRuns) {
  const SampleFolder folder;
  const Validation found = validate_folder(folder.path());
  EXPECT_TRUE(found.problems.empty());
  EXPECT_EQ(found.unfinished, 4U);
}

TEST_F(ValidationTest, LetsAnUnfinishedLogEndAnywhere) {
  for (std::size_t run_id = 0; run_id < 4; ++run_id) remove_file(folder.run_json(run_id));
  cut_off(folder.steps_log(0), 10);                                         // within a line
  cut_off(folder.steps_log(1), read_file(folder.steps_log(1)).size() - 5);  // within the header
  write_file(folder.steps_log(2), "");
  folder.write_summary();
  EXPECT_EQ(problems(), Texts{});
}

// As in a sweep that was killed, or whose disk was full, after runs were added to it.
TEST_F(ValidationTest, AcceptsOlderResultsUntilAllRunsHaveEnded) {
  const std::string record = read_file(folder.run_json(0));
  remove_file(folder.run_json(0));
  remove_file(folder.run_json(1));
  folder.write_summary();
  write_file(folder.run_json(0), record);
  const Validation found = validate_folder(folder.path());
  EXPECT_TRUE(found.problems.empty());
  EXPECT_TRUE(found.results_are_older);
  folder.write_summary();
  EXPECT_FALSE(validate_folder(folder.path()).results_are_older);
}

// As in a sweep that was killed after its last run ended: the folder of the checkpoints is removed
// last.
TEST_F(ValidationTest, AcceptsMissingAndOlderResultsWhileThereAreCheckpoints) {
  const fs::path checkpoints = folder.path() / "checkpoints";
  make_folder(checkpoints);
  remove_file(folder.path() / "runs.csv");
  remove_file(folder.path() / "summary.json");
  const Validation missing = validate_folder(folder.path());
  EXPECT_TRUE(missing.problems.empty());
  EXPECT_TRUE(missing.results_are_older);
  write_file(folder.path() / "runs.csv", "older\n");
  EXPECT_TRUE(validate_folder(folder.path()).problems.empty());
  fs::remove(checkpoints);
  const Texts found = problems();
  EXPECT_TRUE(names(found, "runs.csv:1", "does not follow from the runs"));
  EXPECT_TRUE(names(found, "summary.json", "missing"));
}

// The last planned step is logged whatever becomes of the run.
TEST(Validation, FindsNothingInARunInterruptedInItsLastEvaluation) {
  auto config = sample_config();
  config.log_every = 3;
  const SampleFolder folder(config);
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  run.record.outcome = Outcome::kInterrupted;
  run.record.epochs.pop_back();
  folder.write(run);
  EXPECT_EQ(problems_of(folder), Texts{});
}

TEST_F(ValidationTest, IgnoresInThePairingARunThatFailedBeforeItsFirstStep) {
  SampleRun run = completed_run(folder.plan(), folder.spec(0));
  run.steps.clear();
  run.record.outcome = Outcome::kFailed;
  run.record.reason = "out of memory";
  run.record.epochs.clear();
  run.record.totals = {};
  run.record.initial_weights_sha256 = "";
  run.record.batch_order_sha256 = "";
  folder.write(run);
  folder.write_summary();
  EXPECT_EQ(problems(), Texts{});
  run.record.outcome = Outcome::kInterrupted;  // which has weights and samples
  folder.write(run);
  const Texts found = problems();
  EXPECT_TRUE(std::any_of(found.begin(), found.end(), [](const auto& text) {
    return text.find("sha256.initial_weights differs from that of the other") != text.npos;
  }));
}

TEST_F(ValidationTest, NamesDamageInsideAnUnfinishedLog) {
  remove_file(folder.run_json(0));
  folder.write_summary();
  damage(folder.steps_log(0), R"({"step":3,)", R"({"step":4,)");
  EXPECT_TRUE(names(problems(), log(0, 4), "step 3 is missing"));
}

}  // namespace
}  // namespace clipsweep

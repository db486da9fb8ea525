#include "clipsweep/records/checkpoint.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "clipsweep/base/error.h"
#include "clipsweep/io/byte_archive.h"
#include "clipsweep/records/run_record.h"
#include "support/special_values.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

RunState state_of(const std::string& run_id, std::uint64_t step) {
  RunState state;
  state.run_id = run_id;
  state.step = step;
  state.engine = "fused, avx512";
  state.steps_bytes = 100 * step;
  state.weights = {0.5F, kNotANumber, -0.0F};
  state.trainer = std::string("\0trainer", 8);
  return state;
}

class Checkpoints : public testing::Test {
 protected:
  std::map<std::string, RunState> newest(const std::vector<std::string>& run_ids) {
    const auto states = states_by_run(folder_.path(), run_ids,
                                      [this](const auto& text) { warnings_.push_back(text); });
    std::map<std::string, RunState> newest;
    for (const auto& [id, all] : states) newest.emplace(id, all.front());
    return newest;
  }
  void forget(const std::string& run_id) {
    forget_states(folder_.path(), run_id, [this](const auto& text) { warnings_.push_back(text); });
  }
  // The only file.
  fs::path only_path() const {
    return fs::directory_iterator(checkpoints_folder(folder_.path()))->path();
  }

  const TemporaryFolder folder_;
  std::vector<std::string> warnings_;
};

TEST_F(Checkpoints, AreReadBackToTheLastBit) {
  std::vector<RunState> states = {state_of("a", 7), state_of("b", 7)};
  CheckpointFile(folder_.path()).write(states);
  const auto read = newest({"b", "c"});
  ASSERT_EQ(read.size(), 1U);
  const RunState& state = read.at("b");
  EXPECT_EQ(state.step, 7U);
  EXPECT_EQ(state.engine, "fused, avx512");
  EXPECT_EQ(state.trainer, std::string("\0trainer", 8));
  EXPECT_TRUE(std::isnan(state.weights.at(1)));
  EXPECT_TRUE(std::signbit(state.weights.at(2)));
}

TEST_F(Checkpoints, TheNewestStateOfEachRunCounts) {
  std::vector<RunState> late = {state_of("a", 9)};
  std::vector<RunState> early = {state_of("a", 5), state_of("b", 5)};
  CheckpointFile(folder_.path()).write(late);
  CheckpointFile(folder_.path()).write(early);
  const auto read = newest({"a", "b"});
  EXPECT_EQ(read.at("a").step, 9U);
  EXPECT_EQ(read.at("b").step, 5U);
}

// Nothing of a corrupt file is used; the previous file is.
TEST_F(Checkpoints, ACorruptFileIsRenamedAndThePreviousOneUsed) {
  CheckpointFile file(folder_.path());
  std::vector<RunState> states = {state_of("a", 5)};
  file.write(states);
  states = {state_of("a", 6)};
  file.write(states);
  fs::path newest_path;
  for (const auto& entry : fs::directory_iterator(checkpoints_folder(folder_.path())))
    if (entry.path().string().find("previous") == std::string::npos) newest_path = entry.path();
  std::string bytes = read_file(newest_path);
  bytes[bytes.size() - 20] ^= 1;
  write_file(newest_path, bytes);
  EXPECT_EQ(newest({"a"}).at("a").step, 5U);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_TRUE(holds(warnings_[0], "corrupt: checksum mismatch"));
  EXPECT_TRUE(holds(warnings_[0], "renamed to"));
  EXPECT_FALSE(fs::exists(newest_path));
  EXPECT_TRUE(fs::exists(newest_path.string() + ".damaged"));
}

TEST_F(Checkpoints, ALinkOrAFolderInPlaceOfAFileIsRenamedToo) {
  std::vector<RunState> states = {state_of("a", 5)};
  CheckpointFile(folder_.path()).write(states);
  const fs::path place = checkpoints_folder(folder_.path());
  const fs::path target = folder_.path() / "target";
  std::vector<RunState> elsewhere = {state_of("a", 9)};
  write_file(target, checkpoint_bytes(elsewhere));
  fs::create_symlink(target, place / "link.checkpoint");
  make_folder(place / "folder.checkpoint" / "below");
  EXPECT_EQ(newest({"a"}).at("a").step, 5U);
  ASSERT_EQ(warnings_.size(), 2U);
  EXPECT_TRUE(holds(warnings_[0], "folder.checkpoint: not a regular file (link or directory)"));
  EXPECT_TRUE(holds(warnings_[1], "link.checkpoint: not a regular file (link or directory)"));
  EXPECT_TRUE(fs::is_symlink(place / "link.checkpoint.damaged"));
  EXPECT_TRUE(fs::is_directory(place / "folder.checkpoint.damaged" / "below"));
  EXPECT_EQ(newest({"a"}).size(), 1U);
  EXPECT_EQ(warnings_.size(), 2U);
}

TEST_F(Checkpoints, TheirFolderIsRecreatedButNotItsParent) {
  std::vector<RunState> states = {state_of("a", 5)};
  const fs::path sweep = folder_.path() / "sweep";
  make_folder(sweep);
  CheckpointFile file(sweep);
  fs::remove_all(checkpoints_folder(sweep));
  file.write(states);
  EXPECT_TRUE(fs::exists(checkpoints_folder(sweep)));
  fs::remove_all(sweep);
  const std::string message = message_of<StorageError>([&] { file.write(states); });
  EXPECT_TRUE(holds(message, "No such file or directory; if its folder was removed, restore it"));
  EXPECT_THROW(CheckpointFile{sweep}, StorageError);
  EXPECT_FALSE(fs::exists(sweep));
}

TEST_F(Checkpoints, AreRefusedWhereCutOffOrMadeUp) {
  std::vector<RunState> states = {state_of("a", 5)};
  const std::string bytes = checkpoint_bytes(states);
  EXPECT_EQ(read_checkpoint(bytes, "x").size(), 1U);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(read_checkpoint(bytes.substr(0, size), "x"), DataError) << size;
  EXPECT_THROW(read_checkpoint(bytes + "x", "x"), DataError);
  EXPECT_THROW(read_checkpoint("{}\n", "x"), DataError);
  EXPECT_THROW(read_checkpoint(std::string(5'000'000, '['), "x"), DataError);
}

TEST_F(Checkpoints, ForgetARunThatRestartsAndKeepTheOthers) {
  std::vector<RunState> states = {state_of("a", 5), state_of("b", 5)};
  CheckpointFile(folder_.path()).write(states);
  forget("a");
  const auto read = newest({"a", "b"});
  EXPECT_EQ(read.count("a"), 0U);
  EXPECT_EQ(read.count("b"), 1U);
}

TEST_F(Checkpoints, ACorruptFileIsRenamedWhenARunIsForgotten) {
  std::vector<RunState> states = {state_of("a", 5)};
  CheckpointFile(folder_.path()).write(states);
  const fs::path path = only_path();
  write_file(path, read_file(path) + "x");
  forget("a");
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_TRUE(holds(warnings_[0], "renamed to"));
  EXPECT_EQ(only_path(), path.string() + ".damaged");
}

// The checksum does not cover the first line.
TEST_F(Checkpoints, AFileWhoseFirstLineNamesOtherRunsIsCorrupt) {
  std::vector<RunState> states = {state_of("a", 5)};
  std::string bytes = checkpoint_bytes(states);
  bytes.replace(bytes.find("[\"a\"]"), 5, "[\"b\"]");
  EXPECT_TRUE(holds(message_of<DataError>([&] { read_checkpoint(bytes, "x"); }), "other runs"));
}

// The bytes of a state depend on the columns.
TEST_F(Checkpoints, AFileWithOtherColumnsOfAStepIsNotUsed) {
  std::vector<RunState> states = {state_of("a", 5)};
  std::string bytes = checkpoint_bytes(states);
  const std::string key = "\"step_columns\":\"";
  bytes.replace(bytes.find(key) + key.size(), 8, "00000000");
  EXPECT_TRUE(holds(message_of<DataError>([&] { read_checkpoint(bytes, "x"); }), "other columns"));
}

TEST_F(Checkpoints, AreRemovedWithTheirFolderWhenAllRunsHaveEnded) {
  std::vector<RunState> states = {state_of("a", 5), state_of("b", 5)};
  CheckpointFile(folder_.path()).write(states);
  write_file(checkpoints_folder(folder_.path()) / "1-1.checkpoint.1.tmp", "x");
  remove_checkpoints(folder_.path());
  EXPECT_FALSE(fs::exists(checkpoints_folder(folder_.path())));
  remove_checkpoints(folder_.path());
}

TEST(ByteArchive, ChecksSizesBeforeItAllocates) {
  const std::uint64_t huge = std::uint64_t{1} << 60;
  std::string bytes(reinterpret_cast<const char*>(&huge), sizeof huge);
  std::vector<double> numbers;
  std::vector<StepRecord> records;
  std::string text;
  EXPECT_THROW(ByteReader{bytes}(numbers), DataError);
  EXPECT_THROW(ByteReader{bytes}(records), DataError);
  EXPECT_THROW(ByteReader{bytes}(text), DataError);
}

TEST(ByteArchive, KeepsWhatItIsGiven) {
  EpochRecord epoch;
  epoch.gate_norms = GateNumbers{{"i", 0.1}, {"f", kNotANumber}};
  epoch.spectral_radius = std::vector<LayerRadii>{{"lstm.weight_hh", {{"i", 0.9}}}};
  StepRecord step;
  step.cosine = 0.25F;
  step.tensor_norms = {1, 2};
  step.skipped = true;
  ByteWriter writer;
  writer(epoch, step);
  const std::string bytes = writer.take();
  EpochRecord read_epoch;
  StepRecord read_step;
  ByteReader reader(bytes);
  reader(read_epoch, read_step);
  EXPECT_TRUE(reader.is_at_end());
  EXPECT_EQ(read_epoch.gate_norms->at(0), (std::pair<std::string, double>("i", 0.1)));
  EXPECT_TRUE(std::isnan(read_epoch.gate_norms->at(1).second));
  EXPECT_EQ(read_epoch.spectral_radius->at(0).tensor, "lstm.weight_hh");
  EXPECT_EQ(read_step.cosine, 0.25F);
  EXPECT_FALSE(read_step.limit);
  EXPECT_EQ(read_step.tensor_norms, step.tensor_norms);
  EXPECT_TRUE(read_step.skipped);
}

}  // namespace
}  // namespace clipsweep

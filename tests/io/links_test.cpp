#include "clipsweep/io/links.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clipsweep/base/error.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/sweep_manifest.h"
#include "clipsweep/validation/validation.h"
#include "support/sample_folder.h"

namespace clipsweep {
namespace {

// A sample folder, and a folder elsewhere that must not be read or written.
class LinksTest : public ::testing::Test {
 protected:
  LinksTest() {
    folder_.write_all();
    make_folder(path("checkpoints"));
  }

  // Moves the file or folder elsewhere and replaces it by a link.
  void put_link(const fs::path& path) {
    const fs::path target = elsewhere_.path() / path.filename();
    fs::rename(path, target);
    fs::create_symlink(target, path);
  }
  std::string refusal() const {
    return message_of<DataError>([&] { open_sweep_folder(folder_.path()); });
  }
  fs::path path(const std::string& name) const { return folder_.path() / name; }

  SampleFolder folder_;
  TemporaryFolder elsewhere_;
};

TEST_F(LinksTest, EachFileOfASweepIsNamedWithWhatToDo) {
  for (const fs::path& file :
       {path("sweep.json"), path("summary.json"), path("runs.csv"), path(".lock"),
        path("checkpoints"), folder_.run_json(1), folder_.steps_log(1),
        folder_.run_json(2).parent_path(), path("runs")}) {
    put_link(file);
    EXPECT_TRUE(holds(refusal(), file.string() + ": is a link"));
    EXPECT_TRUE(holds(refusal(), "replace it by its target"));
    fs::remove(file);
    fs::rename(elsewhere_.path() / file.filename(), file);
  }
  EXPECT_NO_THROW(open_sweep_folder(folder_.path()));
}

TEST_F(LinksTest, ABrokenLinkIsRefusedToo) {
  fs::create_symlink("/nowhere/at/all", folder_.run_json(0).parent_path() / "later.json");
  EXPECT_TRUE(holds(refusal(), "later.json: is a link"));
}

TEST_F(LinksTest, TheFolderItselfMayBeALink) {
  const fs::path link = elsewhere_.path() / "link";
  fs::create_symlink(folder_.path(), link);
  EXPECT_NO_THROW(open_sweep_folder(link));
  EXPECT_TRUE(validate_folder(link).problems.empty());
}

TEST_F(LinksTest, ValidateNamesTheLinkAsTheFile) {
  put_link(folder_.steps_log(0));
  const auto problems = validate_folder(folder_.path()).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems.front().file, "runs/" + folder_.spec(0).id + "/steps.jsonl");
}

TEST_F(LinksTest, ValidateNamesTheLinkOfACompressedLog) {
  compress_logs(folder_.path(), folder_.spec(0).id);
  put_link(folder_.steps_log(0).string() + ".gz");
  const auto problems = validate_folder(folder_.path()).problems;
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems.front().file, "runs/" + folder_.spec(0).id + "/steps.jsonl.gz");
}

TEST_F(LinksTest, NothingIsWrittenThroughALink) {
  const fs::path target = elsewhere_.path() / "target";
  const fs::path out = elsewhere_.path() / "out";
  fs::create_directories(target);
  fs::create_directories(out);
  fs::create_directory_symlink(target, out / "runs");
  EXPECT_THROW(prepare_sweep_folder(out, open_sweep_folder(folder_.path()).sweep), Error);
  fs::remove(out / "runs");
  fs::create_symlink(target / "new", out / ".lock");
  EXPECT_THROW(prepare_sweep_folder(out, open_sweep_folder(folder_.path()).sweep), Error);
  EXPECT_TRUE(fs::is_empty(target));
}

TEST_F(LinksTest, AFileReplacesALinkAndIsNotWrittenThroughIt) {
  const fs::path target = elsewhere_.path() / "target";
  write_text(target, "precious");
  fs::create_symlink(target, path("report.md"));
  fs::create_symlink(target, path("report.md." + process_token() + ".tmp"));
  write_file(path("report.md"), "new");
  EXPECT_EQ(read_file(target), "precious");
  EXPECT_EQ(read_file(path("report.md")), "new");
}

// Opening a pipe waits for its other end.
TEST_F(LinksTest, APipeIsNotWaitedFor) {
  fs::remove(folder_.steps_log(0));
  ASSERT_EQ(::mkfifo(folder_.steps_log(0).c_str(), 0600), 0);
  EXPECT_TRUE(holds(refusal(), "steps.jsonl: is neither a file nor a folder"));
  EXPECT_THROW(first_line_of_log(folder_.steps_log(0)), DataError);
  EXPECT_THROW(is_torn(folder_.steps_log(0)), DataError);
  EXPECT_THROW(
      read_step_log(folder_.steps_log(0), [](const Json&, std::uint64_t, std::string_view) {}),
      DataError);
}

}  // namespace
}  // namespace clipsweep

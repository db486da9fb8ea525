// `clipsweep sweep` in one process: its workers and its progress line, which print at the same
// time. What it prints is tested in tests/python; here ThreadSanitizer looks for races.
#include <gtest/gtest.h>

#include <algorithm>

#include "clipsweep/records/result_folder.h"
#include "command_line.h"
#include "commands/training_commands.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

TEST(SweepCommand, TrainsOnFourWorkersAndReportsEachRun) {
  const TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  const std::vector<const char*> arguments = {
      "clipsweep", "sweep",     "--task",   "adding",    "--length",
      "5",         "--hidden",  "3",        "--clip",    "none,value:0.1",
      "--seeds",   "8",         "--epochs", "2",         "--steps-per-epoch",
      "20",        "--workers", "4",        "--verbose", "--out",
      out.c_str()};
  const int count = static_cast<int>(arguments.size());
  const CommandLine line = parse_command_line(count, arguments.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int exit_code = run_sweep(std::get<SweepCommand>(line.command), line.arguments,
                                  [](const ExperimentConfig& config) {
                                    return fused_training_engines(choose_engines(config));
                                  });
  testing::internal::GetCapturedStdout();
  const std::string messages = testing::internal::GetCapturedStderr();
  EXPECT_EQ(exit_code, 0);
  EXPECT_TRUE(holds(messages, "on 4 workers"));
  for (const auto& run : open_sweep_folder(out).runs)
    EXPECT_TRUE(holds(messages, run.id + " completed"));
}

}  // namespace
}  // namespace clipsweep

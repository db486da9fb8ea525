#include "clipsweep/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "test_support.h"

namespace clipsweep {
namespace {

TEST(RunOnThreads, CallsTheWorkOnceWithEachNumber) {
  std::vector<int> calls(8);
  run_on_threads(calls.size(), [&](std::size_t i) { ++calls[i]; });
  EXPECT_EQ(calls, std::vector<int>(8, 1));
  run_on_threads(0, [](std::size_t) { FAIL(); });
}

TEST(RunOnThreads, ThrowsOneOfTheErrorsAfterAllHaveEnded) {
  std::atomic<int> ended{0};
  const auto work = [&](std::size_t i) {
    ++ended;
    if (i % 2 == 1) throw std::runtime_error("odd");
  };
  EXPECT_EQ(message_of<std::runtime_error>([&] { run_on_threads(8, work); }), "odd");
  EXPECT_EQ(ended, 8);
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/test_support.h"
#include "support/work_with_help.h"

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

TEST(WorkSharing, SharingAloneCallsEachPartInOrder) {
  std::vector<std::size_t> parts;
  kNoHelpers.share(4, [&](std::size_t i) { parts.push_back(i); });
  EXPECT_EQ(parts, (std::vector<std::size_t>{0, 1, 2, 3}));
  kNoHelpers.share(0, [](std::size_t) { FAIL(); });
}

// Each thread shares hundreds of times what it has, and helps when it is done.
TEST(WorkSharing, TakeEachPartOnceAndAreBackBeforeItIsOver) {
  WorkSharing helpers;
  run_on_threads(4, [&](std::size_t thread) {
    {
      const WorkSharing::BusyScope at_work(helpers);
      for (std::size_t round = 0; round < 250 * thread; ++round) {
        std::vector<int> calls(1 + round % 9);  // gone afterwards
        helpers.share(calls.size(), [&](std::size_t i) { ++calls[i]; });
        ASSERT_EQ(calls, std::vector<int>(calls.size(), 1));
      }
    }
    helpers.help();
  });
}

TEST(WorkSharing, TakePartsAtTheSameTime) {
  std::vector<std::thread::id> threads(2);
  work_with_help([&](WorkSharing& helpers) {
    // Until help has come, ten seconds at most.
    for (int round = 0; round < 5000 && threads[0] == threads[1]; ++round)
      helpers.share(2, [&](std::size_t i) {
        threads[i] = std::this_thread::get_id();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      });
  });
  EXPECT_NE(threads[0], threads[1]);
}

TEST(WorkSharing, PassOnTheErrorOfAPart) {
  WorkSharing helpers;
  const auto with_odd_part = [&] {
    helpers.share(8, [](std::size_t i) {
      if (i % 2 == 1) throw std::runtime_error("odd");
    });
  };
  run_on_threads(3, [&](std::size_t thread) {
    {
      const WorkSharing::BusyScope at_work(helpers);
      for (std::size_t round = 0; round < 100 * thread; ++round)
        EXPECT_EQ(message_of<std::runtime_error>(with_odd_part), "odd");
    }
    helpers.help();
  });
}

TEST(WorkSharing, HaveNothingToDoWhereNobodyIsAtWork) {
  WorkSharing helpers;
  helpers.help();
  const auto works_in_vain = [&] {
    const WorkSharing::BusyScope at_work(helpers);
    throw std::runtime_error("in vain");
  };
  EXPECT_EQ(message_of<std::runtime_error>(works_in_vain), "in vain");
  helpers.help();
}

}  // namespace
}  // namespace clipsweep

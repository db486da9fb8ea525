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

TEST(Share, CallsEachPartInOrderWithoutIdleThreads) {
  WorkSharing sharing;
  for (WorkSharing* none : {static_cast<WorkSharing*>(nullptr), &sharing}) {
    std::vector<std::size_t> parts;
    share(none, 4, [&](std::size_t i) { parts.push_back(i); });
    EXPECT_EQ(parts, (std::vector<std::size_t>{0, 1, 2, 3}));
    share(none, 0, [](std::size_t) { FAIL(); });
  }
}

// Each thread shares hundreds of jobs, and helps when it has finished its own.
TEST(WorkSharing, CallsEachPartOnceAndReturnsAfterAllOfThem) {
  WorkSharing sharing;
  run_on_threads(4, [&](std::size_t thread) {
    {
      const WorkSharing::BusyScope busy(sharing);
      for (std::size_t round = 0; round < 250 * thread; ++round) {
        std::vector<int> calls(1 + round % 9);  // destroyed after the round
        sharing.share(calls.size(), [&](std::size_t i) { ++calls[i]; });
        ASSERT_EQ(calls, std::vector<int>(calls.size(), 1));
      }
    }
    sharing.help();
  });
}

TEST(WorkSharing, CallsPartsAtTheSameTime) {
  std::vector<std::thread::id> threads(2);
  work_with_help([&](WorkSharing& sharing) {
    // Until the other thread takes a part, up to ten seconds.
    for (int round = 0; round < 5000 && threads[0] == threads[1]; ++round)
      sharing.share(2, [&](std::size_t i) {
        threads[i] = std::this_thread::get_id();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      });
  });
  EXPECT_NE(threads[0], threads[1]);
}

TEST(WorkSharing, ThrowsTheErrorOfAPart) {
  WorkSharing sharing;
  const auto with_odd_part = [&] {
    sharing.share(8, [](std::size_t i) {
      if (i % 2 == 1) throw std::runtime_error("odd");
    });
  };
  run_on_threads(3, [&](std::size_t thread) {
    {
      const WorkSharing::BusyScope busy(sharing);
      for (std::size_t round = 0; round < 100 * thread; ++round)
        EXPECT_EQ(message_of<std::runtime_error>(with_odd_part), "odd");
    }
    sharing.help();
  });
}

TEST(WorkSharing, LetsIdleThreadsReturnWhenNoThreadIsBusy) {
  WorkSharing sharing;
  sharing.help();
  const auto fail_while_busy = [&] {
    const WorkSharing::BusyScope busy(sharing);
    throw std::runtime_error("failed");
  };
  EXPECT_EQ(message_of<std::runtime_error>(fail_while_busy), "failed");
  sharing.help();
}

}  // namespace
}  // namespace clipsweep

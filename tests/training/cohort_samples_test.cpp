// The samples of a cohort: those of each run's seed, for any cohort.
#include "clipsweep/training/cohort_samples.h"

#include <gtest/gtest.h>

#include "clipsweep/tasks/make_task.h"

namespace clipsweep {
namespace {

constexpr int kBatchSize = 3;

class CohortSamplesTest : public ::testing::Test {
 protected:
  CohortSamplesTest() {
    config_.training.task = "adding";
    config_.training.length = LengthRange{5, 9};
    config_.training.batch_size = kBatchSize;
    task_ = make_task(config_);
  }

  CohortSamples samples_of(const std::vector<std::uint64_t>& seeds, std::uint64_t steps = 0,
                           const CancelFlag& cancel = kNotCancelled) const {
    return {*task_, model_for(config_.training, Cell::kLstm, *task_), kBatchSize, seeds, steps,
            cancel};
  }

  ExperimentConfig config_;
  std::unique_ptr<Task> task_;
};

TEST_F(CohortSamplesTest, RunsOfASeedShareItsBatch) {
  CohortSamples samples = samples_of({4, 5, 4});
  samples.draw(1);
  EXPECT_EQ(samples.batch().sources, 2);
  EXPECT_EQ(samples.batch().source_of_run, (std::vector<int>{0, 1, 0}));
  EXPECT_EQ(samples.batch().time_steps, task_->time_steps(1));
  EXPECT_NE(samples.drawn(0), samples.drawn(1));
  EXPECT_EQ(samples.drawn(0), samples.drawn(2));
  EXPECT_EQ(samples.order_sha256(2), task_->sample_order_sha256(4));
}

TEST_F(CohortSamplesTest, ASeedHasTheSameSamplesInAnyCohortAfterAnyStart) {
  CohortSamples whole = samples_of({4, 5});
  for (std::uint64_t step = 1; step <= 3; ++step) whole.draw(step);
  CohortSamples resumed = samples_of({5}, 2);
  resumed.draw(3);
  EXPECT_EQ(resumed.drawn(0), whole.drawn(1));
}

TEST_F(CohortSamplesTest, KeepsTheStreamsOfTheRemainingRuns) {
  CohortSamples whole = samples_of({4, 5, 6, 5});
  CohortSamples reduced = samples_of({4, 5, 6, 5});
  whole.draw(1);
  reduced.draw(1);
  reduced.keep_runs({2, 3});
  whole.draw(2);
  reduced.draw(2);
  EXPECT_EQ(reduced.batch().sources, 2);
  EXPECT_EQ(reduced.drawn(0), whole.drawn(2));
  EXPECT_EQ(reduced.drawn(1), whole.drawn(3));
  EXPECT_EQ(reduced.order_sha256(1), task_->sample_order_sha256(5));
}

TEST_F(CohortSamplesTest, SkippingTheStepsTakenCanBeCancelled) {
  const CancelFlag cancel{true};
  EXPECT_NO_THROW(samples_of({4}, 0, cancel));
  EXPECT_THROW(samples_of({4}, 2, cancel), Cancelled);
}

}  // namespace
}  // namespace clipsweep

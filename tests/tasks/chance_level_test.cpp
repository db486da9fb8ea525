#include "clipsweep/tasks/chance_level.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/experiment/task_table.h"
#include "clipsweep/tasks/image_task.h"
#include "clipsweep/tasks/sequence_tasks.h"

namespace clipsweep {
namespace {

// A task of which only the test set exists: batches that the test fills in.
class TestSetOnly : public Task {
 public:
  explicit TestSetOnly(Target target, double tolerance = 0, int numbers = 1) {
    model_.inputs = 1;
    model_.outputs = target == Target::kNumber ? numbers : 4;
    model_.target = target;
    model_.tolerance = tolerance;
  }

  // Each sample has numbers, or the classes of its time steps. `starts`: the time step at which
  // each one begins, if not at 0.
  void add_batch(const std::vector<std::vector<double>>& samples,
                 const std::vector<std::int32_t>& starts = {}) {
    Batch batch = make_batch(model_, 1, static_cast<int>(samples.size()), {});
    set_time_steps(batch, static_cast<int>(samples.front().size()));
    for (std::size_t b = 0; b < samples.size(); ++b)
      for (std::size_t t = 0; t < samples[b].size(); ++t)
        set(batch, b, t, samples[b].size(), samples[b][t]);
    if (!starts.empty()) batch.starts.resize(batch.blocks() * kLanes);
    std::copy(starts.begin(), starts.end(), batch.starts.begin());
    pad_lanes(batch, 0);
    samples_ += samples.size();
    batches_.push_back(std::move(batch));
  }

  Model model() const override { return model_; }
  int time_steps(std::uint64_t) const override { return 1; }
  std::unique_ptr<SampleStream> training_samples(std::uint64_t) const override { return nullptr; }
  std::string sample_order_sha256(std::uint64_t) const override { return ""; }
  std::size_t test_batches() const override { return batches_.size(); }
  std::uint64_t test_samples() const override { return samples_; }
  const Batch& test_batch(std::size_t number, Batch&) const override { return batches_[number]; }

 private:
  static void set(Batch& batch, std::size_t b, std::size_t t, std::size_t steps, double value) {
    const std::size_t block = b / kLanes;
    const std::size_t lane = b % kLanes;
    if (batch.target == Target::kNumber)
      batch.targets[(block * steps + t) * kLanes + lane] = static_cast<float>(value);
    else if (batch.target == Target::kClass)
      batch.labels[block * kLanes + lane] = static_cast<std::int32_t>(value);
    else
      batch.labels[(block * steps + t) * kLanes + lane] = static_cast<std::int32_t>(value);
  }

  Model model_;
  std::vector<Batch> batches_;
  std::uint64_t samples_ = 0;
};

ChanceLevel chance_of(const std::string& task, int length, double target_scale = 1) {
  TrainingSettings training;
  training.task = task;
  training.length = {length, length};
  training.target_scale = target_scale;
  return chance_level(*make_sequence_task(training));
}

// ---- Counted by hand

TEST(ChanceLevel, OfClassesIsTheMostFrequentOne) {
  TestSetOnly task(Target::kClass);
  task.add_batch({{0}, {1}, {1}});
  task.add_batch({{2}, {1}});
  const ChanceLevel chance = chance_level(task);
  EXPECT_DOUBLE_EQ(chance.accuracy, 3.0 / 5);
  EXPECT_EQ(chance.samples, 5U);
}

// The padding of a batch repeats its first sample, which must not count.
TEST(ChanceLevel, LeavesOutThePadding) {
  TestSetOnly task(Target::kClass);
  task.add_batch({{3}, {1}, {1}});
  EXPECT_DOUBLE_EQ(chance_level(task).accuracy, 2.0 / 3);
}

// Sequences of one class: 8 8 8 twice and 1 1 1 once; the most frequent class of all steps is 2.
TEST(ChanceLevel, OfClassesAtEachStepNeedsAllStepsCorrect) {
  TestSetOnly task(Target::kClassEachStep);
  task.add_batch({{8, 8, 8}, {2, 2, 1}, {8, 8, 8}, {1, 1, 1}, {2, 2, 0}, {2, 1, 2}});
  EXPECT_DOUBLE_EQ(chance_level(task).accuracy, 2.0 / 6);
}

// A tolerance of 0.25 is a distance of 0.5: 1.5 is within it of 1, 1.25, 1.75 and 2, both ends
// included, and no other number is within it of more.
TEST(ChanceLevel, OfNumbersIsTheBestConstant) {
  TestSetOnly task(Target::kNumber, 0.25);
  task.add_batch({{-3}, {2}, {1}, {-3.25}});
  task.add_batch({{1.25}, {1.75}, {5}});
  EXPECT_DOUBLE_EQ(chance_level(task).accuracy, 4.0 / 7);
}

// The mean is (1, 1.125): the mean squared differences are 1.13, 0.88, 0.008 and 0.07.
TEST(ChanceLevel, OfSeveralNumbersIsTheirMean) {
  TestSetOnly task(Target::kNumber, 0.1, 2);
  task.add_batch({{0, 0}, {2, 2}, {1, 1}, {1, 1.5}});
  EXPECT_DOUBLE_EQ(chance_level(task).accuracy, 2.0 / 4);
}

TEST(ChanceLevel, OfClassesAtEachStepIsOfTheStepsThatASampleHas) {
  TestSetOnly task(Target::kClassEachStep);
  task.add_batch({{1, 2, 2}, {2, 2, 2}, {3, 1, 1}, {0, 0, 3}}, {1, 0, 1, 2});
  EXPECT_DOUBLE_EQ(chance_level(task).accuracy, 2.0 / 4);
}

// ---- The tasks

ImageData images_with_labels(std::vector<std::int32_t> labels) {
  ImageSet images;
  images.count = static_cast<int>(labels.size());
  images.rows = images.columns = 1;
  images.pixels.assign(labels.size(), 7);
  images.labels = std::move(labels);
  return {images, images};
}

// Two classes of ten: half, not a tenth.
TEST(ChanceLevel, OfImagesCountsTheLabels) {
  const auto task = make_image_task(images_with_labels({0, 1, 0, 1, 1, 0, 0}), TrainingSettings{});
  EXPECT_DOUBLE_EQ(chance_level(*task).accuracy, 4.0 / 7);
}

// Each within three standard errors of the exact share, over 10,000 samples. The best constant is
// chosen on the same samples, so that it is not below its own exact share on average.
void expect_near_share(const ChanceLevel& chance, double share) {
  EXPECT_EQ(chance.samples, 10'000U);
  EXPECT_NEAR(chance.accuracy, share, 3 * std::sqrt(share * (1 - share) / 10'000));
}

// The sum of two numbers of U(0, 1) is within 0.2 of 1 with probability 1 - 0.8^2, at any scale.
TEST(ChanceLevel, OfAddingIsThatOfTheMean) {
  expect_near_share(chance_of("adding", 20), 0.36);
  EXPECT_NEAR(chance_of("adding", 20, 1000).accuracy, chance_of("adding", 20).accuracy, 0.001);
}

// A sine is mostly near its ends: it exceeds 0.6, which is within 0.2 of 0.8, on the share
// acos(0.6) / pi of its period.
TEST(ChanceLevel, OfASineIsThatOfItsEnds) {
  expect_near_share(chance_of("sine", 5), std::acos(0.6) / std::acos(-1.0));
}

// The most frequent of four or eight equally likely classes is a little above its share.
TEST(ChanceLevel, OfTemporalOrderIsOneClass) {
  expect_near_share(chance_of("temporal-order", 20), 1.0 / 4);
  EXPECT_GE(chance_of("temporal-order", 20).accuracy, 1.0 / 4);
  expect_near_share(chance_of("temporal-order-3", 20), 1.0 / 8);
  EXPECT_GE(chance_of("temporal-order-3", 20).accuracy, 1.0 / 8);
}

// The first time steps are blank and the last are not: no constant is correct at all of them.
TEST(ChanceLevel, OfCopyIsZero) { EXPECT_EQ(chance_of("copy", 5).accuracy, 0); }

// Sweeps of earlier versions do not have the count: the table has the exact shares.
TEST(ChanceLevel, AgreesWithTheTableOfTasks) {
  for (const char* task : {"adding", "sine", "temporal-order", "temporal-order-3"})
    expect_near_share(chance_of(task, 20), task_entry(task).chance_accuracy);
  EXPECT_EQ(task_entry("copy").chance_accuracy, 0);
}

}  // namespace
}  // namespace clipsweep

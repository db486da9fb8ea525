#include "clipsweep/tasks/sequence_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "clipsweep/experiment/task_table.h"

namespace clipsweep {
namespace {

// One generated sample, read from its lane.
struct Sample {
  std::vector<std::vector<float>> inputs;  // [T, I]
  std::vector<int> classes;                // [1] or [T]
  float number = 0;

  // The input that is 1 at a time step; -1 unless the step is one-hot.
  int symbol(std::size_t t) const {
    int symbol = -1;
    for (std::size_t i = 0; i < inputs[t].size(); ++i) {
      if (inputs[t][i] == 0) continue;
      if (inputs[t][i] != 1 || symbol >= 0) return -1;
      symbol = static_cast<int>(i);
    }
    return symbol;
  }
};

Sample sample_at(const Batch& batch, int source, int b) {
  const auto lane = static_cast<std::size_t>(b) % kLanes;
  const std::size_t block =
      static_cast<std::size_t>(source) * batch.blocks() + static_cast<std::size_t>(b) / kLanes;
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const auto inputs = static_cast<std::size_t>(batch.input_size);
  Sample sample;
  for (std::size_t t = 0; t < steps; ++t) {
    sample.inputs.emplace_back();
    for (std::size_t i = 0; i < inputs; ++i)
      sample.inputs.back().push_back(
          batch.inputs[((block * steps + t) * inputs + i) * kLanes + lane]);
    if (batch.target == Target::kClassEachStep)
      sample.classes.push_back(batch.labels[(block * steps + t) * kLanes + lane]);
  }
  if (batch.target == Target::kClass) sample.classes = {batch.labels[block * kLanes + lane]};
  if (batch.target == Target::kNumber) sample.number = batch.targets[block * kLanes + lane];
  return sample;
}

TrainingSettings settings_of(const std::string& task, LengthRange length, int batch_size = 500) {
  TrainingSettings training;
  training.task = task;
  training.length = length;
  training.batch_size = batch_size;
  return training;
}

// The first training batch of a seed.
std::vector<Sample> samples_of(const TrainingSettings& training, std::uint64_t seed = 0) {
  const auto task = make_sequence_task(training);
  Batch batch = make_batch(task->model(), 1, training.batch_size, {0});
  set_time_steps(batch, task->time_steps(1));
  task->training_samples(seed)->next(batch, 0);
  std::vector<Sample> samples;
  for (int b = 0; b < training.batch_size; ++b) samples.push_back(sample_at(batch, 0, b));
  return samples;
}

// ---- adding ----

TEST(Adding, MarksTwoNumbersWhoseSumIsTheTarget) {
  std::set<std::size_t> firsts;
  std::set<std::size_t> seconds;
  double sum_of_targets = 0;
  for (const auto& sample : samples_of(settings_of("adding", {50, 50}))) {
    std::vector<std::size_t> marks;
    double sum = 0;
    for (std::size_t t = 0; t < 50; ++t) {
      ASSERT_GE(sample.inputs[t][0], 0);
      ASSERT_LT(sample.inputs[t][0], 1);
      if (sample.inputs[t][1] == 0) continue;
      ASSERT_EQ(sample.inputs[t][1], 1);
      marks.push_back(t);
      sum += static_cast<double>(sample.inputs[t][0]);
    }
    ASSERT_EQ(marks.size(), 2U);
    EXPECT_LT(marks[0], 5U);   // one is in the first tenth
    EXPECT_LT(marks[1], 25U);  // the other in the first half
    EXPECT_FLOAT_EQ(sample.number, static_cast<float>(sum));
    firsts.insert(marks[0]);
    seconds.insert(marks[1]);
    sum_of_targets += sum;
  }
  EXPECT_EQ(firsts, (std::set<std::size_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(*seconds.rbegin(), 24U);
  // Mean 1, variance 1/6 (the baseline's squared error): the mean of 500 has an SD of 0.018.
  EXPECT_NEAR(sum_of_targets / 500, 1, 3 * 0.0183);
}

TEST(Adding, MarksTwoStepsOfTheShortestSequences) {
  for (const auto& sample : samples_of(settings_of("adding", {4, 4}))) {
    EXPECT_EQ(sample.inputs[0][1] + sample.inputs[1][1], 2);
  }
}

TEST(Adding, MultipliesTheTargetsByTheScale) {
  auto training = settings_of("adding", {20, 20}, 8);
  const auto plain = samples_of(training);
  training.target_scale = 1000;
  const auto scaled = samples_of(training);
  for (std::size_t b = 0; b < plain.size(); ++b) {
    EXPECT_FLOAT_EQ(scaled[b].number, 1000 * plain[b].number);
    EXPECT_EQ(scaled[b].inputs, plain[b].inputs);
  }
  EXPECT_DOUBLE_EQ(make_sequence_task(training)->model().tolerance, 0.04 * 1e6);
}

// ---- temporal-order ----

void check_temporal_order(const std::string& task, const std::vector<std::pair<int, int>>& places,
                          int classes) {
  std::map<int, int> counts;
  std::map<int, int> noise;
  for (const auto& sample : samples_of(settings_of(task, {100, 100}, 800))) {
    int order = 0;
    std::size_t found = 0;
    for (std::size_t t = 0; t < 100; ++t) {
      const int symbol = sample.symbol(t);
      ASSERT_GE(symbol, 0) << t;
      if (symbol < 4) {
        ++noise[symbol];
        continue;
      }
      ASSERT_LT(found, places.size());
      EXPECT_GE(static_cast<int>(t), places[found].first);
      EXPECT_LT(static_cast<int>(t), places[found].second);
      order = 2 * order + symbol - 4;
      ++found;
    }
    EXPECT_EQ(found, places.size());
    EXPECT_EQ(sample.classes.front(), order);
    ++counts[order];
  }
  ASSERT_EQ(counts.size(), static_cast<std::size_t>(classes));
  // Binomial counts of 800: within four standard deviations of the expected.
  for (const auto& [order, count] : counts)
    EXPECT_NEAR(count, 800.0 / classes, 4 * std::sqrt(800.0 / classes)) << order;
  EXPECT_EQ(noise.size(), 4U);
}

TEST(TemporalOrder, HidesTwoSymbolsAmongNoise) {
  check_temporal_order("temporal-order", {{10, 20}, {50, 60}}, 4);
}

TEST(TemporalOrder, HidesThree) {
  check_temporal_order("temporal-order-3", {{10, 20}, {30, 40}, {60, 70}}, 8);
}

// ---- copy ----

TEST(Copy, HasTheSymbolsAfterThePauseAsTarget) {
  std::set<int> symbols;
  for (const auto& sample : samples_of(settings_of("copy", {30, 30}, 50))) {
    ASSERT_EQ(sample.inputs.size(), 50U);
    for (std::size_t t = 0; t < 50; ++t) {
      const int symbol = sample.symbol(t);
      if (t < 10) {
        EXPECT_LT(symbol, 8);
        EXPECT_EQ(sample.classes[40 + t], symbol);
        symbols.insert(symbol);
      } else {
        EXPECT_EQ(symbol, t == 39 ? 9 : 8) << t;
      }
      EXPECT_EQ(t >= 40 || sample.classes[t] == 8, true) << t;
    }
  }
  EXPECT_EQ(symbols.size(), 8U);
}

// ---- sine ----

TEST(Sine, HasTheNextValueAsTarget) {
  for (const auto& sample : samples_of(settings_of("sine", {9, 9}, 20))) {
    const auto at = [&](std::size_t t) { return static_cast<double>(sample.inputs[t][0]); };
    // sin(a + d) = 2 cos(d) sin(a) - sin(a - d)
    EXPECT_NEAR(at(5), 2 * std::cos(0.5) * at(4) - at(3), 1e-6);
    EXPECT_NEAR(static_cast<double>(sample.number), 2 * std::cos(0.5) * at(8) - at(7), 1e-6);
  }
}

// ---- All tasks ----

class EachTask : public testing::TestWithParam<const char*> {};

TEST_P(EachTask, SeedsDecideTheSamples) {
  const auto training = settings_of(GetParam(), {20, 20}, 5);
  const auto first = samples_of(training, 1);
  const auto again = samples_of(training, 1);
  const auto other = samples_of(training, 2);
  EXPECT_EQ(first[4].inputs, again[4].inputs);
  EXPECT_EQ(first[4].number, again[4].number);
  EXPECT_NE(first[4].inputs, other[4].inputs);
  const auto task = make_sequence_task(training);
  EXPECT_EQ(task->sample_order_sha256(1), task->sample_order_sha256(1));
  EXPECT_NE(task->sample_order_sha256(1), task->sample_order_sha256(2));
}

TEST_P(EachTask, PadsUnusedLanesWithTheFirstSample) {
  const auto task = make_sequence_task(settings_of(GetParam(), {12, 12}, 19));
  Batch batch = make_batch(task->model(), 2, 19, {0, 1});
  set_time_steps(batch, task->time_steps(1));
  task->training_samples(3)->next(batch, 1);
  const Sample first = sample_at(batch, 1, 0);
  for (int lane = 19; lane < 32; ++lane) {
    EXPECT_EQ(sample_at(batch, 1, lane).inputs, first.inputs);
    EXPECT_EQ(sample_at(batch, 1, lane).classes, first.classes);
    EXPECT_EQ(sample_at(batch, 1, lane).number, first.number);
  }
}

TEST_P(EachTask, DrawsALengthForEachBatch) {
  const auto task = make_sequence_task(settings_of(GetParam(), {20, 24}, 5));
  const int further = task->model().target == Target::kClassEachStep ? 20 : 0;
  std::set<int> lengths;
  for (std::uint64_t step = 1; step <= 60; ++step) lengths.insert(task->time_steps(step) - further);
  EXPECT_EQ(lengths, (std::set<int>{20, 21, 22, 23, 24}));
}

TEST_P(EachTask, TestsOnTenThousandSamplesThatAreNotForTraining) {
  const auto task = make_sequence_task(settings_of(GetParam(), {10, 12}, 5));
  Batch scratch;
  std::uint64_t samples = 0;
  std::set<std::vector<std::vector<float>>> distinct;
  for (std::size_t number = 0; number < task->test_batches(); ++number) {
    const Batch& batch = task->test_batch(number, scratch);
    samples += static_cast<std::uint64_t>(batch.size);
    distinct.insert(sample_at(batch, 0, 7).inputs);
  }
  EXPECT_EQ(samples, 10'000U);
  EXPECT_EQ(samples, task->test_samples());
  EXPECT_EQ(distinct.size(), task->test_batches());
  const Sample again = sample_at(task->test_batch(3, scratch), 0, 7);
  Batch other;
  EXPECT_EQ(sample_at(task->test_batch(3, other), 0, 7).inputs, again.inputs);
}

INSTANTIATE_TEST_SUITE_P(SequenceTasks, EachTask,
                         testing::Values("adding", "temporal-order", "temporal-order-3", "copy",
                                         "sine"),
                         [](const auto& tested) {
                           std::string name = tested.param;
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

}  // namespace
}  // namespace clipsweep

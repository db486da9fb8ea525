// The totals of a run's steps.
#include "clipsweep/training/run_statistics.h"

#include <gtest/gtest.h>

#include <limits>

#include "clipsweep/io/byte_archive.h"

namespace clipsweep {
namespace {

StepRecord record_of(std::uint64_t step, double norm) {
  StepRecord record;
  record.step = step;
  record.grad_norm_raw = norm;
  record.grad_max_abs = static_cast<float>(norm);
  record.tensor_norms = {norm / 2, norm};
  return record;
}

TEST(RunStatistics, CountsTheKindsOfSteps) {
  RunStatistics statistics;
  StepRecord record = record_of(1, 1);
  record.clipped = true;
  statistics.add_step(record, {});
  record = record_of(2, 1);
  record.skipped = true;
  StepFindings findings;
  findings.has_nonfinite = true;
  findings.has_spike = true;
  statistics.add_step(record, findings);
  const RunTotals totals = statistics.totals();
  EXPECT_EQ(totals.steps, 2U);
  EXPECT_EQ(totals.clipped_steps, 1U);
  EXPECT_EQ(totals.skipped_steps, 1U);
  EXPECT_EQ(totals.nonfinite_steps, 1U);
  EXPECT_EQ(totals.spikes, 1U);
}

TEST(RunStatistics, CountsTheSkippedStepsAtTheEnd) {
  RunStatistics statistics;
  EXPECT_EQ(statistics.totals().trailing_skipped_steps, 0U);
  std::uint64_t step = 0;
  const auto add = [&](bool skipped) {
    StepRecord record = record_of(++step, 1);
    record.skipped = skipped;
    statistics.add_step(record, {});
    return *statistics.totals().trailing_skipped_steps;
  };
  EXPECT_EQ(add(true), 1U);
  EXPECT_EQ(add(true), 2U);
  EXPECT_EQ(add(false), 0U);
  EXPECT_EQ(add(true), 1U);
  EXPECT_EQ(statistics.totals().skipped_steps, 3U);
}

TEST(RunStatistics, LeavesOutNormsThatAreNotFinite) {
  RunStatistics statistics;
  EXPECT_FALSE(statistics.totals().grad_norm_raw);
  std::uint64_t step = 0;
  for (const double norm : {3.0, 1.0, std::numeric_limits<double>::quiet_NaN(), 2.0})
    statistics.add_step(record_of(++step, norm), {});
  const auto totals = statistics.totals();
  EXPECT_EQ(totals.grad_norm_raw->median, 2);
  EXPECT_EQ(totals.grad_norm_raw->max, 3);
  EXPECT_EQ(totals.what_if.steps, 3U);
}

TEST(RunStatistics, AveragesTheCosineOverTheClippedSteps) {
  RunStatistics statistics;
  EXPECT_FALSE(statistics.totals().mean_cosine);
  StepRecord record = record_of(1, 1);
  record.cosine = 1.0F;
  statistics.add_step(record, {});
  EXPECT_FALSE(statistics.totals().mean_cosine);
  record.clipped = true;
  for (const float cosine : {0.5F, 0.25F}) {
    record.cosine = cosine;
    statistics.add_step(record, {});
  }
  EXPECT_EQ(statistics.totals().mean_cosine, 0.375);
}

TEST(RunStatistics, ItsStateIsOnlyValidForItsSteps) {
  RunStatistics statistics, restored;
  for (std::uint64_t step = 1; step <= 3; ++step) statistics.add_step(record_of(step, 1), {});
  ByteWriter writer;
  statistics.archive(writer);
  const std::string bytes = writer.take();
  ByteReader reader(bytes);
  restored.archive(reader);
  EXPECT_TRUE(reader.is_at_end());
  EXPECT_TRUE(restored.is_valid(3));
  EXPECT_FALSE(restored.is_valid(2));
  EXPECT_EQ(restored.totals().grad_norm_raw->p90, statistics.totals().grad_norm_raw->p90);
}

}  // namespace
}  // namespace clipsweep

// The means over the steps of an epoch.
#include "clipsweep/training/epoch_averages.h"

#include <gtest/gtest.h>

#include <limits>

#include "clipsweep/io/byte_archive.h"

namespace clipsweep {
namespace {

StepRecord accurate_step(float loss, double accuracy, double norm = 1) {
  StepRecord record;
  record.loss = loss;
  record.accuracy = accuracy;
  record.grad_norm_raw = norm;
  record.clipped = accuracy > 0.5;
  return record;
}

TEST(EpochAverages, AveragesTheStepsOfEachEpoch) {
  EpochAverages averages(Cell::kRnnTanh, 2);
  averages.add_step(accurate_step(1, 0.25), {});
  averages.add_step(accurate_step(2, 0.75), {});
  const EpochRecord first = averages.finish();
  EXPECT_EQ(first.train_loss, 1.5);
  EXPECT_EQ(first.train_accuracy, 0.5);
  EXPECT_EQ(first.clipped_share, 0.5);
  EXPECT_FALSE(first.gate_norms);
  averages.add_step(accurate_step(4, 1), {});
  averages.add_step(accurate_step(4, 1), {});
  const EpochRecord second = averages.finish();
  EXPECT_EQ(second.train_loss, 4);
  EXPECT_EQ(second.clipped_share, 1);
}

TEST(EpochAverages, AveragesGatesOverTheStepsOfFiniteNorm) {
  EpochAverages averages(Cell::kLstm, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  averages.add_step(accurate_step(1, 0), {1, 2, 3, 4});
  averages.add_step(accurate_step(1, 0, nan), {nan, 2, 3, 4});
  averages.add_step(accurate_step(1, 0), {3, 2, 1, 0});
  EXPECT_EQ(averages.finish().gate_norms, (GateNumbers{{"i", 2}, {"f", 2}, {"g", 2}, {"o", 2}}));
  averages.add_step(accurate_step(1, 0, nan), {nan, 2, 3, 4});
  EXPECT_EQ(averages.finish().gate_norms, GateNumbers{});  // no step of finite norm
}

TEST(EpochAverages, ItsStateIsOnlyValidForItsCell) {
  EpochAverages lstm(Cell::kLstm, 2);
  lstm.add_step(accurate_step(1, 0), {1, 2, 3, 4});
  ByteWriter writer;
  lstm.archive(writer);
  const std::string bytes = writer.take();
  for (const Cell cell : {Cell::kLstm, Cell::kGru, Cell::kRnnTanh}) {
    EpochAverages restored(cell, 2);
    ByteReader reader(bytes);
    restored.archive(reader);
    EXPECT_TRUE(reader.is_at_end());
    EXPECT_EQ(restored.is_valid(), cell == Cell::kLstm);
  }
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/tasks/batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "clipsweep/base/simd.h"

namespace clipsweep {
namespace {

std::vector<std::uint32_t> draw(ShuffleBuffer& order, int count) {
  std::vector<std::uint32_t> drawn;
  for (int i = 0; i < count; ++i) drawn.push_back(order.next());
  return drawn;
}

TEST(ShuffleBuffer, SameSeedSameOrder) {
  ShuffleBuffer a(1000, 100, 7), b(1000, 100, 7), c(1000, 100, 8);
  const auto order = draw(a, 500);
  EXPECT_EQ(order, draw(b, 500));
  EXPECT_NE(order, draw(c, 500));
}

// The definition of tf.data's shuffle: the n-th sample drawn comes from the first N + n of the
// repeated data set.
TEST(ShuffleBuffer, ReadsAheadNoFurtherThanTheBuffer) {
  ShuffleBuffer order(10'000, 50, 0);
  for (std::uint32_t n = 0; n < 5000; ++n) EXPECT_LT(order.next(), 50 + n);
}

TEST(ShuffleBuffer, BufferOfOneIsFileOrder) {
  ShuffleBuffer order(3, 1, 0);
  EXPECT_EQ(draw(order, 7), (std::vector<std::uint32_t>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(ShuffleBuffer, DrawsEverySampleEquallyOften) {
  ShuffleBuffer order(100, 30, 3);
  std::vector<int> counts(100);
  for (const auto index : draw(order, 10'000)) ++counts[index];
  // After n passes each sample was drawn n times, up to what the buffer still holds.
  for (const int count : counts) EXPECT_NEAR(count, 100, 8);
}

TEST(ShuffleBuffer, BufferMayExceedTheData) {
  ShuffleBuffer order(5, 5000, 0);
  const auto drawn = draw(order, 1000);
  EXPECT_EQ(std::set<std::uint32_t>(drawn.begin(), drawn.end()).size(), 5U);
}

TEST(BatchOrderSha256, IsTheHashOfTheIndices) {
  TrainingSettings training;
  training.epochs = 2;
  training.steps_per_epoch = 3;
  const auto hash = batch_order_sha256(60'000, training, 1);
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(batch_order_sha256(60'000, training, 1), hash);
  EXPECT_NE(batch_order_sha256(60'000, training, 2), hash);
  training.epochs = 1;
  EXPECT_NE(batch_order_sha256(60'000, training, 1), hash);
}

TEST(Gather, InterleavesTheSamplesAndScalesPixels) {
  ImageSet images;
  images.count = 3;
  images.rows = 2;
  images.columns = 2;
  images.pixels = {0, 1, 2, 3, 10, 11, 12, 13, 252, 253, 254, 255};
  images.labels = {4, 5, 6};
  Batch batch = make_batch(images, 2, 2, {0, 1, 1});
  const std::vector<std::uint32_t> indices = {2, 0};
  gather(images, indices, 1, batch);
  // [S, blocks, T, I, kLanes], source 1: two samples, then copies of the first.
  const float* second = batch.inputs.data() + 4 * kLanes;
  for (std::size_t pixel = 0; pixel < 4; ++pixel) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t image = lane == 1 ? 0 : 2;
      EXPECT_EQ(second[pixel * kLanes + lane],
                static_cast<float>(images.pixels[4 * image + pixel]) / 255.0F);
    }
  }
  EXPECT_EQ(batch.labels[kLanes], 6);
  EXPECT_EQ(batch.labels[kLanes + 1], 4);
  EXPECT_EQ(batch.labels[kLanes + 2], 6);
}

// One row of two pixels with three channels.
TEST(Gather, InterleavesValuesAsTheyAre) {
  ImageSet images;
  images.count = 2;
  images.rows = 1;
  images.columns = 2;
  images.channels = 3;
  images.values = {0, 0.1F, 0.2F, 0.3F, 0.4F, 0.5F, -6, -7, -8, -9, -10, -11};
  images.labels = {1, 0};
  Batch batch = make_batch(images, 1, 2, {0});
  EXPECT_EQ(batch.input_size, 6);
  EXPECT_EQ(batch.time_steps, 1);
  gather(images, std::vector<std::uint32_t>{1, 0}, 0, batch);
  for (std::size_t i = 0; i < 6; ++i)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      EXPECT_EQ(batch.inputs[i * kLanes + lane], images.values[(lane == 1 ? 0 : 6) + i]);
}

TEST(Gather, IsTheSameWithEveryInstructionSetForAnyNumberOfPixels) {
  for (const auto& name : simd_names()) {
    use_simd(name);
    for (const int pixels : {1, 15, 16, 17, 28, 256, 784}) {
      ImageSet images;
      images.count = 37;
      images.rows = 1;
      images.columns = pixels;
      for (int i = 0; i < images.count * pixels; ++i)
        images.pixels.push_back(static_cast<std::uint8_t>(i * 7));
      images.labels.resize(37);
      Batch batch = make_batch(images, 1, 37, {0});
      std::vector<std::uint32_t> indices(37);
      for (std::uint32_t i = 0; i < 37; ++i) indices[i] = 36 - i;
      gather(images, indices, 0, batch);
      for (std::size_t b = 0; b < 37; ++b)
        for (std::size_t pixel = 0; pixel < static_cast<std::size_t>(pixels); ++pixel)
          ASSERT_EQ(batch.inputs[(b / kLanes * static_cast<std::size_t>(pixels) + pixel) * kLanes +
                                 b % kLanes],
                    static_cast<float>(images.pixels[images.offset(indices[b]) + pixel]) / 255.0F)
              << name << ", sample " << b << ", pixel " << pixel << " of " << pixels;
    }
  }
  use_simd("");
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/data/sequence_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "clipsweep/data/scaling.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

// Ten sequences of two steps with two features; sequence n holds 4n to 4n + 3.
SequenceData ten_sequences() {
  SequenceData data;
  data.where = "data.npz";
  data.inputs = 2;
  data.class_names = {"0", "1"};
  data.train.count = 10;
  data.train.time_steps = 2;
  for (int i = 0; i < 40; ++i) data.train.inputs.push_back(static_cast<float>(i));
  for (int n = 0; n < 10; ++n) data.train.classes.push_back(n % 2);
  return data;
}

TEST(SplitOffTestSet, EverySequenceIsInOneOfTheSets) {
  SequenceData data = ten_sequences();
  split_off_test_set(data, 0.3, 0);
  EXPECT_EQ(data.train.count, 7U);
  EXPECT_EQ(data.test.count, 3U);
  std::vector<std::uint32_t> rows = data.train.rows;
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  rows.insert(rows.end(), data.test.rows.begin(), data.test.rows.end());
  std::sort(rows.begin(), rows.end());
  for (std::uint32_t n = 0; n < 10; ++n) EXPECT_EQ(rows[n], n);
  for (const auto* set : {&data.train, &data.test})
    for (std::size_t n = 0; n < set->count; ++n) {
      EXPECT_EQ(set->inputs[4 * n], static_cast<float>(4 * set->row(n)));
      EXPECT_EQ(set->classes[n], static_cast<std::int32_t>(set->row(n) % 2));
    }
}

TEST(SplitOffTestSet, DependsOnTheSeedOnly) {
  const auto rows = [](std::uint64_t seed) {
    SequenceData data = ten_sequences();
    split_off_test_set(data, 0.3, seed);
    return data.test.rows;
  };
  EXPECT_EQ(rows(1), rows(1));
  EXPECT_NE(rows(1), rows(2));
}

TEST(SplitOffTestSet, RefusesSharesThatLeaveASetEmptyOrWithoutAClass) {
  for (const double share : {0.01, 0.99}) {
    SequenceData data = ten_sequences();
    EXPECT_TRUE(holds(message_of<DataError>([&] { split_off_test_set(data, share, 0); }),
                      "choose another --test-share"));
  }
  SequenceData data = ten_sequences();
  data.train.classes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  int refused = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) try {
      SequenceData copy = data;
      split_off_test_set(copy, 0.5, seed);
    } catch (const DataError& error) {
      EXPECT_TRUE(holds(error.what(), "no training sequence of class 1"));
      ++refused;
    }
  EXPECT_GT(refused, 0);
  EXPECT_LT(refused, 20);
}

// The rows of both splits are places in the file.
TEST(SplitOffValidationSet, IsDrawnFromWhatTheTestSetLeaves) {
  SequenceData data = ten_sequences();
  split_off_test_set(data, 0.3, 4);
  const auto test_rows = data.test.rows;
  split_off_validation_set(data, 0.3, 4);
  EXPECT_EQ(data.test.rows, test_rows);
  EXPECT_EQ(data.train.count, 5U);
  EXPECT_EQ(data.validation.count, 2U);
  std::vector<std::uint32_t> rows;
  for (const auto* set : {&data.train, &data.validation, &data.test})
    for (std::size_t n = 0; n < set->count; ++n) {
      rows.push_back(set->row(n));
      EXPECT_EQ(set->inputs[4 * n], static_cast<float>(4 * set->row(n)));
      EXPECT_EQ(set->classes[n], static_cast<std::int32_t>(set->row(n) % 2));
    }
  std::sort(rows.begin(), rows.end());
  for (std::uint32_t n = 0; n < 10; ++n) EXPECT_EQ(rows[n], n);
}

TEST(SplitOffValidationSet, DependsOnTheSeedOnlyAndDrawsOthersThanTheTestSet) {
  const auto rows = [](std::uint64_t seed) {
    SequenceData data = ten_sequences();
    split_off_validation_set(data, 0.3, seed);
    return data.validation.rows;
  };
  EXPECT_EQ(rows(1), rows(1));
  EXPECT_NE(rows(1), rows(2));
  int equal = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SequenceData data = ten_sequences();
    split_off_test_set(data, 0.3, seed);
    equal += data.test.rows == rows(seed) ? 1 : 0;
  }
  EXPECT_LT(equal, 5);
}

TEST(SplitOffValidationSet, RefusesSharesThatLeaveNothing) {
  for (const double share : {0.01, 0.99, 1.0}) {
    SequenceData data = ten_sequences();
    EXPECT_TRUE(holds(message_of<DataError>([&] { split_off_validation_set(data, share, 0); }),
                      "choose another --validation-share"));
  }
}

// From the training set that is left: a validation set that decides the scale would leak.
TEST(SplitOffValidationSet, IsScaledByTheTrainingSet) {
  SequenceData data = ten_sequences();
  split_off_validation_set(data, 0.3, 0);
  const auto train = data.train.inputs;
  const auto validation = data.validation.inputs;
  scale_inputs(data, Scaling::kUnit);
  const auto smallest = train[0];
  const auto largest = train[train.size() - 2];
  for (std::size_t i = 0; i < validation.size(); i += 2)
    EXPECT_FLOAT_EQ(data.validation.inputs[i], (validation[i] - smallest) / (largest - smallest));
}

TEST(Sha256OfValues, ChangesWithEveryValue) {
  const std::string before = sha256_of_values(ten_sequences());
  EXPECT_EQ(sha256_of_values(ten_sequences()), before);
  std::vector<SequenceData> others(5, ten_sequences());
  others[0].train.inputs[39] = 7;
  others[1].train.classes[9] = 0;
  others[2].class_names = {"0", "2"};
  others[3].train.lengths.assign(10, 1);
  others[4].train.time_steps = 1;  // [10, 1, 4] instead of [10, 2, 2]
  others[4].inputs = 4;
  for (const auto& other : others) EXPECT_NE(sha256_of_values(other), before);
}

TEST(RefuseNonfinite, NamesTheFirstPosition) {
  std::vector<float> values(10'000, 1);
  refuse_nonfinite(values, {100, 20, 5}, "x", "cure");
  values[9'999] = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of<DataError>([&] {
              refuse_nonfinite(values, {100, 20, 5}, "x", "cure");
            }),
            "x[99, 19, 4] is -Infinity in float32; cure");
  values[5'007] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(message_of<DataError>([&] {
              refuse_nonfinite(values, {100, 20, 5}, "x", "cure");
            }),
            "x[50, 1, 2] is NaN in float32; cure");
}

TEST(SetClasses, LabelsBehindTheEndOfASequenceDoNotCount) {
  SequenceData data;
  data.target = SequenceTarget::kClassEachStep;
  data.train.count = 2;
  data.train.time_steps = 3;
  data.train.lengths = {2, 1};
  RawLabels labels;
  labels.train = {5, 9, -100, 9, -100, -100};
  set_classes(data, labels);
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"5", "9"}));
  EXPECT_EQ(data.train.classes, (std::vector<std::int32_t>{0, 1, 0, 1, 0, 0}));
  EXPECT_TRUE(has_own_labels(data));
}

TEST(SetClasses, RefusesLabelsThatTheTrainingSetLacks) {
  SequenceData data;
  data.train.count = 2;
  data.train.time_steps = data.test.time_steps = 1;
  data.test.count = 1;
  RawLabels labels{{1, 2}, {3}, "d: y_train", "d: y_test", {}};
  EXPECT_TRUE(holds(message_of<DataError>([&] { set_classes(data, labels); }),
                    "d: y_test[0] is 3, which d: y_train lacks"));
}

// ---- Scaling -----------------------------------------------------------------------------------

TEST(ScaleInputs, UnitMapsTheTrainingSetToZeroToOne) {
  SequenceData data = ten_sequences();
  data.test = data.train;
  data.test.inputs[0] = -38;  // feature 0 has 0 to 38 in the training set
  scale_inputs(data, Scaling::kUnit);
  EXPECT_EQ(data.train.inputs[0], 0);
  EXPECT_EQ(data.train.inputs[2], 2.0F / 38);
  EXPECT_EQ(data.train.inputs[38], 1);
  EXPECT_EQ(data.train.inputs[39], 1);  // feature 1 has 1 to 39
  EXPECT_EQ(data.test.inputs[0], -1);
}

// Mean and deviation of 0, 2, ..., 38: 19 and sqrt((20^2 - 1) / 12) * 2.
TEST(ScaleInputs, StandardHasMeanZeroAndDeviationOne) {
  SequenceData data = ten_sequences();
  scale_inputs(data, Scaling::kStandard);
  EXPECT_FLOAT_EQ(data.train.inputs[0], static_cast<float>(-19 / (2 * std::sqrt(399.0 / 12))));
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < 40; i += 2) {
    sum += static_cast<double>(data.train.inputs[i]);
    squares +=
        static_cast<double>(data.train.inputs[i]) * static_cast<double>(data.train.inputs[i]);
  }
  EXPECT_NEAR(sum, 0, 1e-5);
  EXPECT_NEAR(squares / 20, 1, 1e-6);
}

TEST(ScaleInputs, ConstantFeaturesBecomeZero) {
  for (const Scaling scaling : {Scaling::kUnit, Scaling::kStandard}) {
    SequenceData data = ten_sequences();
    for (std::size_t i = 1; i < 40; i += 2) data.train.inputs[i] = 0.1F;
    data.test = data.train;
    data.test.inputs[1] = 5;
    scale_inputs(data, scaling);
    for (std::size_t i = 1; i < 40; i += 2) EXPECT_EQ(data.train.inputs[i], 0);
    EXPECT_EQ(data.test.inputs[1], 0);
  }
}

TEST(ScaleInputs, IgnoresPaddingAndNonfiniteValues) {
  SequenceData data = ten_sequences();
  data.train.lengths = {1, 2, 2, 2, 2, 2, 2, 2, 2, 2};
  data.train.inputs[2] = -1000;  // behind the end of the first
  data.train.inputs[4] = std::numeric_limits<float>::quiet_NaN();
  scale_inputs(data, Scaling::kUnit);
  EXPECT_EQ(data.train.inputs[0], 0);
  EXPECT_EQ(data.train.inputs[2], -1000);
  EXPECT_TRUE(std::isnan(data.train.inputs[4]));
  EXPECT_EQ(data.train.inputs[38], 1);
}

// What makes `--scale unit` of bytes the same to the last bit as images divided by 255.
TEST(ScaleInputs, UnitOfBytesIsTheirDivisionBy255) {
  SequenceData data;
  data.inputs = 1;
  data.train.count = 256;
  data.train.time_steps = 1;
  for (int i = 0; i < 256; ++i) data.train.inputs.push_back(static_cast<float>(i));
  scale_inputs(data, Scaling::kUnit);
  for (int i = 0; i < 256; ++i)
    EXPECT_EQ(data.train.inputs[static_cast<std::size_t>(i)], static_cast<float>(i) / 255.0F);
}

}  // namespace
}  // namespace clipsweep

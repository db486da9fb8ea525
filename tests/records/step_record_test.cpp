#include "clipsweep/records/step_record.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

const std::vector<std::string> kTensors = {"lstm.weight_ih", "output.bias"};

StepRecord sample_step() {
  StepRecord step;
  step.step = 12;
  step.epoch = 3;
  step.loss = 0.1F;
  step.accuracy = 0.5;
  step.grad_norm_raw = std::numeric_limits<double>::infinity();
  step.grad_norm_clipped = 1e-300;
  step.clip_scale = 0;
  step.clipped = true;
  step.clipped_fraction = 0.25;
  step.limit = 0.5;
  step.effective_learning_rate = 0.01;
  step.grad_max_abs = std::numeric_limits<float>::quiet_NaN();
  step.nonfinite = 7;
  step.tensor_norms = {0.1, 2};
  return step;
}

std::string line_of(const StepRecord& step) {
  std::string line;
  append_line(line, step, kTensors);
  return line;
}

// The readers of logs depend on the order and the spelling.
const std::string kLine =
    R"({"step":12,"epoch":3,"loss":0.1,"accuracy":0.5,"grad_norm_raw":"Infinity",)"
    R"("grad_norm_clipped":1e-300,"clip_scale":0,"clipped":true,"clipped_fraction":0.25,)"
    R"("cosine":null,"limit":0.5,"effective_learning_rate":0.01,"grad_max_abs":"NaN",)"
    R"("nonfinite":7,"tensors":{"lstm.weight_ih":0.1,"output.bias":2}})";

TEST(StepRecord, IsOneLineOfALog) { EXPECT_EQ(line_of(sample_step()), kLine + "\n"); }

TEST(StepRecord, SaysThatItWasSkippedOnlyIfItWas) {
  StepRecord step = sample_step();
  step.skipped = true;
  EXPECT_EQ(line_of(step), kLine.substr(0, kLine.size() - 1) + ",\"skipped\":true}\n");
}

// Logs of earlier versions lack them, and must read back to the same line.
TEST(StepRecord, HasTheNormsOfUpdateAndWeightsOnlyIfTheyWereMeasured) {
  StepRecord step = sample_step();
  step.update_norm = 0.25;
  step.weight_norm = std::numeric_limits<double>::quiet_NaN();
  const std::string line = line_of(step);
  const std::string norms = R"(,"update_norm":0.25,"weight_norm":"NaN")";
  std::string expected = kLine + "\n";
  expected.insert(expected.find(R"(,"grad_max_abs")"), norms);
  EXPECT_EQ(line, expected);
  EXPECT_EQ(line_of(step_record_from_json(Json::parse(line), kTensors)), line);
  EXPECT_EQ(line_of(step_record_from_json(Json::parse(kLine), kTensors)), kLine + "\n");
}

TEST(StepRecord, HasMeasurementsOnlyWhereTheyWereTaken) {
  StepRecord step = sample_step();
  step.smoothness = {true, 12.5};
  step.sharpness = {true, std::nullopt};
  const std::string line = line_of(step);
  EXPECT_TRUE(holds(line, R"("nonfinite":7,"smoothness":12.5,"sharpness":null,"tensors")")) << line;
  const StepRecord read = step_record_from_json(Json::parse(line), kTensors);
  EXPECT_EQ(line_of(read), line);
  EXPECT_EQ(read.smoothness.value, 12.5);
  EXPECT_TRUE(read.sharpness.is_taken);
  EXPECT_FALSE(step_record_from_json(Json::parse(kLine), kTensors).sharpness.is_taken);
}

TEST(StepRecord, HasOmegaOnlyWithItsFactor) {
  StepRecord step = sample_step();
  step.omega = 0.75;
  const std::string line = line_of(step);
  EXPECT_TRUE(holds(line, R"("accuracy":0.5,"omega":0.75,"grad_norm_raw")"));
  EXPECT_EQ(step_record_from_json(Json::parse(line), kTensors).omega, 0.75);
  EXPECT_FALSE(step_record_from_json(Json::parse(kLine), kTensors).omega);
}

TEST(StepRecord, IsAppendedToOtherLines) {
  std::string text = "a line\n";
  append_line(text, sample_step(), kTensors);
  EXPECT_EQ(text, "a line\n" + kLine + "\n");
}

TEST(StepRecord, ReadsBackToTheSameLine) {
  StepRecord step = sample_step();
  for (const bool skipped : {false, true}) {
    step.skipped = skipped;
    step.cosine = -0.3F;
    const StepRecord read = step_record_from_json(Json::parse(line_of(step)), kTensors);
    EXPECT_EQ(line_of(read), line_of(step));
    EXPECT_EQ(read.cosine, step.cosine);
    EXPECT_TRUE(std::isnan(read.grad_max_abs));
  }
}

TEST(StepRecord, NamesTheKeyThatCannotBeRead) {
  const Json whole = Json::parse(kLine);
  for (const auto& [key, value] : whole.items()) {
    Json step = whole;
    step[key] = "x";
    const auto message = message_of<DataError>([&] { step_record_from_json(step, kTensors); });
    EXPECT_TRUE(holds(message, key == "tensors" ? "lstm.weight_ih" : key)) << message;
    step.erase(key);
    const auto missing = message_of<DataError>([&] { step_record_from_json(step, kTensors); });
    EXPECT_EQ(missing, "\"" + key + "\" is missing");
  }
}

TEST(StepRecord, ListsTheTypesOfItsColumnsForOtherReaders) {
  EXPECT_EQ(step_columns_json().dump(),
            R"({"step":"count","epoch":"count","loss":"float32","accuracy":"float64",)"
            R"("omega":"optional float64",)"
            R"("grad_norm_raw":"float64","grad_norm_clipped":"float64","clip_scale":"float64",)"
            R"("clipped":"boolean","clipped_fraction":"float64","cosine":"optional float32",)"
            R"("limit":"optional float64","scheduled_learning_rate":"optional float64",)"
            R"("effective_learning_rate":"float64",)"
            R"("update_norm":"optional float64","weight_norm":"optional float64",)"
            R"("grad_max_abs":"float32","nonfinite":"count","smoothness":"optional float64",)"
            R"("sharpness":"optional float64","tensors":"float64 by tensor",)"
            R"("skipped":"boolean"})");
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/clipping/clip_request.h"

#include <gtest/gtest.h>

#include "clipsweep/base/error.h"
#include "clipsweep/clipping/clip_modes.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

Json answer(const std::string& request) { return answer_clip_request(request, "stdin"); }

std::string refusal(const std::string& request) {
  return message_of<ConfigError>([&] { answer(request); });
}

std::string gradients_of(const std::string& request) {
  return to_line(answer(request)["gradients"]);
}

TEST(ClipRequest, ClipsByTheGlobalNorm) {
  EXPECT_EQ(
      to_line(answer(R"({"mode": "global-norm", "threshold": 1, "gradients": {"a": [3, 4]}})")),
      R"({"norm":5,"clipped_norm":1.000000023841858,"scale":0.2000000047683716,"clipped":true,)"
      R"("clipped_fraction":1,"cosine":1,"limit":1,"gradients":{"a":[0.6,0.8]},)"
      R"("events":[]})");
}

TEST(ClipRequest, LeavesAGradientWithinTheLimit) {
  const Json json =
      answer(R"({"mode": "global-norm", "threshold": 5, "gradients": {"a": [3, 4]}})");
  EXPECT_EQ(to_line(json["gradients"]), R"({"a":[3,4]})");
  EXPECT_EQ(json["clipped"], false);
  EXPECT_EQ(json["cosine"], 1);
  EXPECT_EQ(json["scale"], 1);
}

TEST(ClipRequest, KeepsShapesNullsEmptyTensorsAndNegativeZero) {
  EXPECT_EQ(
      gradients_of(R"({"mode": "value", "threshold": 1, "gradients": {"scalar": 2, "empty": [],
      "none": null, "flat": [[], []], "cube": [[[1, -2], [0.5, 3]]], "zero": [-0.0]}})"),
      R"({"scalar":1,"empty":[],"none":null,"flat":[[],[]],"cube":[[[1,-1],[0.5,1]]],)"
      R"("zero":[-0.0]})");
}

TEST(ClipRequest, AnEmptySetHasTheNormZero) {
  for (const auto& entry : clip_modes()) {
    if (!entry.takes_threshold() || entry.mode == ClipMode::kAgc ||
        !acts_on_gradient(entry.mode))
      continue;
    const Json json =
        answer(std::string(R"({"threshold": 1, "gradients": {}, "mode": ")") + entry.name + "\"}");
    EXPECT_EQ(json["norm"], 0) << entry.name;
    EXPECT_EQ(json["scale"], 1);
    EXPECT_EQ(json["cosine"], nullptr);
    EXPECT_EQ(to_line(json["gradients"]), "{}");
  }
}

TEST(ClipRequest, LocatesANanOrInf) {
  const Json json = answer(
      R"({"mode": "value", "threshold": 1, "gradients": {"a": [1], "b": [[0, "-Infinity"], ["NaN", 2]]}})");
  EXPECT_EQ(to_line(json["events"]),
            R"([{"kind":"nan","tensor":"b","index":1,"nan":1,"positive_inf":0,"negative_inf":1}])");
  EXPECT_EQ(to_line(json["gradients"]["b"]), R"([[0,-1],["NaN",1]])");
  EXPECT_EQ(json["norm"], "NaN");
}

TEST(ClipRequest, ANormThatOverflowsItsTypeIsAnEventAndCorrect) {
  const Json single =
      answer(R"({"mode": "global-norm", "threshold": 1, "gradients": {"a": [1e20, 1e20]}})");
  EXPECT_EQ(to_line(single["events"]), R"([{"kind":"norm-overflow"}])");
  EXPECT_EQ(to_line(single["gradients"]), R"({"a":[0.70710677,0.70710677]})");
  EXPECT_NEAR(single["norm"].get<double>() / 1.4142135623730951e20, 1, 1e-7);
  const Json twofold = answer(
      R"({"mode": "global-norm", "threshold": 1, "dtype": "float64", "gradients": {"a": [3e200, 4e200]}})");
  EXPECT_EQ(to_line(twofold["gradients"]), R"({"a":[0.6,0.8]})");
  EXPECT_DOUBLE_EQ(twofold["norm"].get<double>(), 5e200);
  const Json tiny = answer(
      R"({"mode": "scale", "threshold": 1, "dtype": "float64", "gradients": {"a": [3e-200, 4e-200]}})");
  EXPECT_EQ(to_line(tiny["gradients"]), R"({"a":[0.6,0.8]})");
}

TEST(ClipRequest, UsesTheNormTypeOfTheRequest) {
  const auto request = [](const char* type) {
    return std::string(R"({"mode": "global-norm", "threshold": 1, "gradients": {"a": [3, -4]}, )") +
           R"("norm_type": )" + type + "}";
  };
  EXPECT_EQ(answer(request("1"))["norm"], 7);
  EXPECT_EQ(answer(request("2"))["norm"], 5);
  EXPECT_EQ(answer(request("\"inf\""))["norm"], 4);
  EXPECT_EQ(answer(request("\"Infinity\""))["norm"], 4);
  EXPECT_TRUE(holds(refusal(request("3")), "\"norm_type\": must be 1, 2 or inf"));
}

TEST(ClipRequest, StepsShareTheirMemory) {
  const Json json = answer(R"({"mode": "autoclip", "threshold": 25, "dtype": "float64", "steps": [
      {"gradients": {"a": [4]}}, {"gradients": {"a": [2]}}, {"gradients": {"a": ["NaN"]}},
      {"gradients": {"a": [8]}}]})");
  ASSERT_EQ(json["steps"].size(), 4U);
  EXPECT_EQ(json["steps"][1]["limit"], 2.5);
  EXPECT_EQ(json["steps"][2]["limit"], nullptr);
  EXPECT_EQ(to_line(json["steps"][3]["gradients"]), R"({"a":[3]})");
  EXPECT_EQ(to_line(answer(R"({"mode": "zclip", "threshold": 2, "steps": []})")),
            R"({"steps":[]})");
}

// By hand: [3, 4] of norm 5 leaves [0.6, 0.8] and carries [2.4, 3.2]. The NaN changes nothing, and
// [-2.4, -2.2] + [2.4, 3.2] is [0, 1].
TEST(ClipRequest, CarryAddsWhatItCutOffToTheNextStep) {
  const Json json = answer(R"({"mode": "carry", "threshold": 1, "dtype": "float64", "steps": [
      {"gradients": {"a": [3, 4]}}, {"gradients": {"a": ["NaN", 4]}},
      {"gradients": {"a": [-2.4, -2.2]}}]})");
  EXPECT_EQ(to_line(json["steps"][0]["gradients"]), R"({"a":[0.6,0.8]})");
  EXPECT_EQ(to_line(json["steps"][1]["gradients"]), R"({"a":["NaN",4]})");
  EXPECT_NEAR(json["steps"][2]["gradients"]["a"][0].get<double>(), 0, 1e-15);
  EXPECT_NEAR(json["steps"][2]["gradients"]["a"][1].get<double>(), 1, 1e-15);
}

TEST(ClipRequest, AgcComparesWithTheParameters) {
  EXPECT_EQ(gradients_of(R"({"mode": "agc", "threshold": 0.1, "dtype": "float64",
      "parameters": {"w": [[3, 4], [0, 0]], "more": [1]}, "gradients": {"w": [[3, 4], [3, 4]]}})"),
            R"({"w":[[0.30000000000000004,0.4],[6e-05,8e-05]]})");
}

TEST(ClipRequest, OutputThresholdIsForTensorsOfTheOutputLayer) {
  EXPECT_EQ(gradients_of(R"({"mode": "value", "threshold": 1, "output_threshold": 2,
      "gradients": {"lstm.bias": [5], "output.bias": [5]}})"),
            R"({"lstm.bias":[1],"output.bias":[2]})");
}

TEST(ClipRequest, RefusesInvalidRequests) {
  const std::string start = R"({"mode": "global-norm", "threshold": 1, "gradients": )";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not valid JSON"},
      {"[]", "must be an object"},
      {"{}", "\"mode\" is missing"},
      {R"({"mode": "globalnorm", "threshold": 1, "gradients": {}})",
       "did you mean \"global-norm\""},
      {R"({"mode": "global-norm", "gradients": {}})", "\"threshold\" is missing"},
      {R"({"mode": "none", "threshold": 1, "gradients": {}})", "mode none takes no threshold"},
      {R"({"mode": "global-norm", "threshold": 1})", "\"gradients\" are missing"},
      {start + R"({}, "steps": []})", "not both"},
      {start + R"({}, "treshold": 2})", "did you mean \"threshold\""},
      {start + R"({}, "mode": "value"})", "\"mode\" occurs twice"},
      {start + R"({"a": [1], "a": [2]}})", "\"a\" occurs twice"},
      {start + R"({"a": [[1, 2], [3]]}})", "gradients.a[1]: ragged; 1 element, but"},
      {start + R"({"a": [1, [2]]}})", "gradients.a[1]: ragged; a list, but"},
      {start + R"({"a": [[1], 2]}})", "gradients.a[1]: ragged; 2, but"},
      {start + R"({"a": ["1"]}})", "gradients.a[0]: \"1\" is not a number"},
      {start + R"({"a": [true]}})", "is not a number"},
      {start + R"({"a": [null]}})", "is not a number"},
      {start + R"({"a": {"b": 1}}})", "is not a number"},
      {start + R"({"a": [1e39]}})", "too large for float32"},
      {start + R"({"a": [1e400]}})", "not valid JSON"},
      {start + R"([1]})", "must be an object of named tensors"},
      {start + R"({}, "dtype": "float16"})", "allowed: float32, float64"},
      {start + R"({}, "parameters": {}})", "only agc uses them"},
      {start + R"({}, "zclip_decay": 0.9})", "not used by mode global-norm; it applies to zclip"},
      {start + R"({}, "clip_epsilon": -1})", "\"clip_epsilon\": must be a finite number from 0"},
      {start + R"({}, "clip_epsilon": [1]})",
       "\"clip_epsilon\" must be a number or a string, not [1]"},
      {start + R"({}, "output_threshold": 0})",
       "\"output_threshold\": a threshold must be above 0"},
      {start + R"({}, "seed": 1})", "mode global-norm uses no random numbers"},
      {R"({"mode": "agc", "threshold": 1, "gradients": {"a": [1]}})", "\"parameters\" are missing"},
      {R"({"mode": "agc", "threshold": 1, "gradients": {"a": [1]}, "parameters": {}})",
       "parameters.a is missing"},
      {R"({"mode": "agc", "threshold": 1, "gradients": {"a": [1]}, "parameters": {"a": [[1]]}})",
       "parameters.a has the shape [1, 1], its gradient [1]"},
      {R"({"mode": "agc", "threshold": 1, "gradients": {"a": [1]}, "parameters": {"a": ["NaN"]}})",
       "parameters.a must be finite"},
      {R"({"mode": "backprop", "threshold": 1, "gradients": {}})",
       "acts inside backpropagation; it cannot be applied to gradients"},
      {R"({"mode": "update-norm", "threshold": 1, "gradients": {}})", "on the optimizer's update"},
      {R"({"mode": "autoclip", "threshold": 101, "gradients": {}})", "a percentile from 0 to 100"},
      {R"({"mode": "zclip", "threshold": 1, "steps": {}})", "\"steps\" must be a list"},
      {R"({"mode": "zclip", "threshold": 1, "steps": [1]})", "steps[0]: must be an object"},
      {R"({"mode": "zclip", "threshold": 1, "steps": [{"gradients": {}, "x": 1}]})", "unknown key"},
      {R"({"mode": "zclip", "threshold": 1, "steps": [{"gradients": {"a": 1}}, {"gradients": {}}]})",
       "steps[1]: its tensors differ from those of the first step"}};
  for (const auto& [request, what] : cases) {
    const std::string message = refusal(request);
    EXPECT_TRUE(holds(message, what)) << request;
    EXPECT_EQ(message.find("stdin: "), 0U) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
  for (const char* threshold : {"0", "-1", "\"NaN\"", "1e-60", "1e39"})
    EXPECT_TRUE(holds(refusal(std::string(R"({"mode": "value", "gradients": {}, "threshold": )") +
                              threshold + "}"),
                      "\"threshold\": a threshold must be above 0"))
        << threshold;
  EXPECT_TRUE(holds(refusal(R"({"mode": "value", "gradients": {}, "threshold": "x"})"),
                    "\"threshold\" must be a number"));
}

TEST(ClipRequest, ExplainsHowToWriteNanAndInfinity) {
  const auto with_threshold = [](const std::string& threshold) {
    return refusal(R"({"mode": "value", "gradients": {}, "threshold": )" + threshold + "}");
  };
  EXPECT_TRUE(holds(with_threshold("\"inf\""), "not \"inf\"; write \"Infinity\""));
  EXPECT_TRUE(holds(with_threshold("\"1\""), "not \"1\"; write 1 without quotes"));
  for (const auto& [bare, quoted] : std::vector<std::pair<std::string, std::string>>{
           {"NaN", "NaN"}, {"nan", "NaN"}, {"Infinity", "Infinity"}, {"-Infinity", "-Infinity"}}) {
    const std::string start = R"({"mode": "value", "threshold": 1, "gradients": {"a": [)";
    EXPECT_EQ(refusal(start + bare + ", 1]}}"),
              "stdin: not valid JSON: " + bare + " at byte " + std::to_string(start.size() + 1) +
                  " is not JSON; write it as the string \"" + quoted + "\"");
  }
  EXPECT_TRUE(holds(refusal(R"({"mode": "value", "threshold": 1, "gradients": {"a": ["nan"]}})"),
                    "gradients.a[0]: \"nan\" is not a number; allowed are numbers, \"NaN\", "
                    "\"Infinity\" and \"-Infinity\"; write \"NaN\""));
}

TEST(ClipRequest, SuggestsTheModeForAnotherFrameworksArgument) {
  EXPECT_TRUE(holds(refusal(R"({"mode": "max_norm", "threshold": 1, "gradients": {}})"),
                    "unknown clipping mode \"max_norm\" (did you mean \"global-norm\"?)"));
}

TEST(ClipRequest, AThresholdOfInfinityMeasuresWithoutClipping) {
  const Json json =
      answer(R"({"mode": "scale", "threshold": "Infinity", "gradients": {"a": [3, 4]}})");
  EXPECT_EQ(json["norm"], 5);
  EXPECT_EQ(json["clipped"], false);
  EXPECT_EQ(json["limit"], nullptr);
}

TEST(ClipRequest, NestingIsBounded) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_TRUE(
      holds(refusal(R"({"mode": "value", "threshold": 1, "gradients": {"a": )" + deep + "}}"),
            "nested deeper than 32 levels"));
}

}  // namespace
}  // namespace clipsweep

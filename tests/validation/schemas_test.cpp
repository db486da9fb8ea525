#include "clipsweep/validation/schemas.h"

#include <gtest/gtest.h>

#include "clipsweep/analysis/arms.h"
#include "clipsweep/analysis/comparison.h"
#include "clipsweep/analysis/metrics.h"
#include "clipsweep/base/error.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/records/through_time.h"
#include "clipsweep/validation/step_check.h"
#include "support/sample_folder.h"

namespace clipsweep {
namespace {

using Texts = std::vector<std::string>;

template <typename Entries>
Texts names_of(const Entries& entries) {
  Texts names;
  for (const auto& entry : entries) names.emplace_back(entry.name);
  return names;
}

Texts keys_of(const Json& object) {
  Texts keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys;
}

// ---- The schemas

TEST(Schemas, AreCompleteForEveryKind) {
  EXPECT_EQ(schema_kinds(),
            (Texts{"sweep", "run", "steps", "step", "through_time", "through_time_step", "summary",
                   "cliff", "advice", "validation"}));
  for (const auto& kind : schema_kinds()) {
    const std::string text = find_schema(kind).dump();
    for (const char* directive : {"$names", "$members", "$each"})
      EXPECT_FALSE(holds(text, directive)) << kind;
    EXPECT_EQ(find_schema(kind)["$schema"], "http://json-schema.org/draft-07/schema#") << kind;
  }
}

TEST(Schemas, AnUnknownKindIsRefusedWithThoseThatExist) {
  const std::string message = message_of<ConfigError>([] { find_schema("stepz"); });
  EXPECT_TRUE(holds(message, "unknown schema \"stepz\" (did you mean \"steps\"?)"));
  EXPECT_TRUE(holds(message, "through_time_step, summary, cliff"));
}

TEST(Schemas, HaveTheProgramsOwnListsAsTheirEnums) {
  const auto enum_of = [](const Json& schema) { return schema["enum"].get<Texts>(); };
  const Json& run = find_schema("run");
  EXPECT_EQ(enum_of(run["definitions"]["clip_mode"]), names_of(clip_modes()));
  EXPECT_EQ(enum_of(run["properties"]["cell"]), (Texts{"gru", "rnn-tanh", "rnn-relu"}));
  EXPECT_EQ(enum_of(run["properties"]["outcome"]), names_in(kOutcomes));
  const Json& event = run["definitions"]["event"]["properties"];
  EXPECT_EQ(enum_of(event["kind"]), names_in(kEventKinds));
  EXPECT_EQ(enum_of(event["phase"]), names_in(kPhases));
  EXPECT_EQ(enum_of(event["action"]), names_in(kActions));

  const Json& summary = find_schema("summary")["definitions"];
  Json verdicts = verdict_names();
  verdicts.push_back(nullptr);
  EXPECT_EQ(summary["verdict"]["enum"], verdicts);
  Json behaviours = clipping_behaviour_names();
  behaviours.push_back(nullptr);
  EXPECT_EQ(summary["arm"]["properties"]["reading"]["enum"], behaviours);
  for (const auto& name : names_of(kMetrics))
    for (const char* object : {"arm", "comparison"}) {
      EXPECT_TRUE(summary[object]["properties"].contains(name)) << name;
      // Earlier versions had no late accuracy.
      EXPECT_EQ(holds(summary[object]["required"].dump(), "\"" + name + "\""),
                name != entry_of(Metric::kLateTestAccuracy).name)
          << name;
    }
}

// Only the values of an option are written in the schemas, so a new option must be added there.
TEST(Schemas, HaveEveryOptionOfAMode) {
  const auto& files = schema_templates();
  const auto shared = std::find_if(files.begin(), files.end(), [](const auto& file) {
    return std::string(file.kind) == "shared";
  });
  ASSERT_NE(shared, files.end());
  Texts keys;
  for (const auto& option : clip_options()) keys.emplace_back(option.key);
  EXPECT_EQ(keys_of(Json::parse(shared->text)["clip_options"]), keys);
  for (const char* kind : {"run", "steps", "through_time"})
    for (const auto& key : keys)
      EXPECT_TRUE(find_schema(kind)["properties"].contains(key)) << kind << " " << key;
}

TEST(Schemas, RefuseAMadeUpName) {
  const SampleFolder folder;
  const SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  for (const auto& [place, problem] : {std::pair("/mode", "mode"),
                                       {"/outcome", "outcome"},
                                       {"/events/0/kind", "kind"},
                                       {"/events/0/phase", "phase"},
                                       {"/events/0/action", "action"}}) {
    Json json = to_json(run.record);
    json[Json::json_pointer(place)] = "made-up";
    const Texts violations = schema_violations("run", json);
    ASSERT_EQ(violations.size(), 1U) << place;
    EXPECT_TRUE(holds(violations[0], problem) && holds(violations[0], "made-up")) << violations[0];
  }
  Json json = to_json(run.record);
  json["made_up"] = 1;
  EXPECT_FALSE(schema_violations("run", json).empty());
  Json sweep = open_sweep_folder(folder.path()).sweep;
  sweep["runs"][0]["mode"] = "made-up";
  EXPECT_FALSE(schema_violations("sweep", sweep).empty());
}

// ---- Schema and reader of one step

const std::vector<std::string> kTensors = {"lstm.weight_ih", "output.bias"};

Json sample_step_json() {
  return Json::parse(R"({"step": 1, "epoch": 1, "loss": 2.3, "accuracy": 0.5, "grad_norm_raw": 1.5,
    "grad_norm_clipped": 0.5, "clip_scale": 0.25, "clipped": true, "clipped_fraction": 0.1,
    "cosine": 0.9, "limit": 0.5, "effective_learning_rate": 0.0025,
    "grad_max_abs": 0.1, "nonfinite": 0, "tensors": {"lstm.weight_ih": 1, "output.bias": 0.5}})");
}

TEST(StepSchema, HasTheColumnsOfTheTable) {
  const Json& schema = find_schema("step");
  EXPECT_EQ(keys_of(schema["properties"]), keys_of(step_columns_json()));
  EXPECT_EQ(schema["required"].get<Texts>(), keys_of(sample_step_json()));
}

bool reader_accepts(const Json& step) {
  try {
    read_strict_step(step, kTensors);
    return true;
  } catch (const DataError&) {
    return false;
  }
}

bool schema_accepts(const Json& step) { return schema_violations("step", step).empty(); }

TEST(StepSchema, AgreesWithTheReaderOnEachValueOfEachKey) {
  const Json values = Json::parse(
      R"([0, 1, -1, 0.5, -0.5, 1.5, 1e300, "NaN", "Infinity", "-Infinity", "nan", "", true, false, null, [], {}])");
  Json step = sample_step_json();
  for (const char* key : {"omega", "scheduled_learning_rate", "update_norm", "weight_norm"})
    step[key] = 0.1;  // absent in some steps
  ASSERT_TRUE(schema_accepts(step) && reader_accepts(step));
  for (const auto& [key, ignored] : step.items()) {
    for (const auto& value : values) {
      Json changed = step;
      changed[key] = value;
      EXPECT_EQ(reader_accepts(changed), schema_accepts(changed)) << key << " = " << value;
    }
  }
}

TEST(StepSchema, AgreesWithTheReaderOnEachMissingKey) {
  const Json whole = sample_step_json();
  for (const auto& [key, ignored] : whole.items()) {
    Json step = whole;
    step.erase(key);
    EXPECT_FALSE(reader_accepts(step)) << key;
    EXPECT_FALSE(schema_accepts(step)) << key;
  }
}

TEST(StepSchema, AgreesWithTheReaderOnOptionalAndUnknownKeys) {
  for (const auto& [key, value] : {std::pair("skipped", Json(true)),
                                   {"skipped", Json(false)},
                                   {"skipped", Json(1)},
                                   {"lr", Json(0.1)}}) {
    Json step = sample_step_json();
    step[key] = value;
    EXPECT_EQ(reader_accepts(step), schema_accepts(step)) << key << " = " << value;
  }
}

TEST(StepSchema, AgreesWithTheReaderOnTensorNorms) {
  for (const char* text : {"-1", "\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "null", "[1]"}) {
    Json step = sample_step_json();
    step["tensors"]["output.bias"] = Json::parse(text);
    EXPECT_EQ(reader_accepts(step), schema_accepts(step)) << text;
  }
}

TEST(ThroughTimeSchema, AgreesWithTheReaderOnEachValueOfEachKey) {
  const auto reader_takes = [](const Json& line) {
    try {
      through_time_record_from_json(line);
      return true;
    } catch (const DataError&) {
      return false;
    }
  };
  const Json values = Json::parse(R"([0, 1, -1, 0.5, "NaN", "", true, null, [], {}, [0.5, 1e-30],
      ["NaN", "Infinity"], ["-Infinity"], [-1], [null], [[1]]])");
  const Json whole = Json::parse(R"({"step": 1, "epoch": 1, "event": false, "norms": [0.5]})");
  const auto schema_takes = [](const Json& line) {
    return schema_violations("through_time_step", line).empty();
  };
  ASSERT_TRUE(schema_takes(whole) && reader_takes(whole));
  for (const char* key : {"step", "epoch", "event", "norms", "unknown"}) {
    for (const auto& value : values) {
      Json changed = whole;
      changed[key] = value;
      EXPECT_EQ(reader_takes(changed), schema_takes(changed)) << key << " = " << value;
    }
    Json without = whole;
    without.erase(key);
    EXPECT_EQ(reader_takes(without), schema_takes(without)) << key;
  }
}

TEST(StepReader, AcceptsExactlyTheTensorsOfTheHeader) {
  Json step = sample_step_json();
  step["tensors"]["gru.bias"] = 1;
  EXPECT_FALSE(reader_accepts(step));
  step["tensors"].erase("gru.bias");
  step["tensors"].erase("output.bias");
  EXPECT_FALSE(reader_accepts(step));
}

TEST(Schemas, AcceptWhatIsWritten) {
  const SampleFolder folder;
  const SampleRun run = diverged_run(folder.plan(), folder.spec(0), 6);
  EXPECT_EQ(schema_violations("run", to_json(run.record)), Texts{});
  EXPECT_EQ(schema_violations("sweep", open_sweep_folder(folder.path()).sweep), Texts{});
  for (const auto& step : run.steps) {
    std::string line;
    append_line(line, step, kTensors);
    EXPECT_EQ(schema_violations("step", Json::parse(line)), Texts{});
  }
}

}  // namespace
}  // namespace clipsweep

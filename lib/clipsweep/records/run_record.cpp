#include "clipsweep/records/run_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr NameTable<Outcome, 4> kOutcomes = {{{Outcome::kCompleted, "completed"},
                                              {Outcome::kDiverged, "diverged"},
                                              {Outcome::kFailed, "failed"},
                                              {Outcome::kInterrupted, "interrupted"}}};
constexpr NameTable<EventKind, 4> kEventKinds = {{{EventKind::kNan, "nan"},
                                                  {EventKind::kInf, "inf"},
                                                  {EventKind::kNormOverflow, "norm-overflow"},
                                                  {EventKind::kSpike, "spike"}}};
constexpr NameTable<Action, 3> kActions = {{{Action::kStopped, "stopped"},
                                            {Action::kSkipped, "skipped"},
                                            {Action::kContinued, "continued"}}};

template <typename Choice, std::size_t N>
Choice choice_member(const Json& object, const char* key, const NameTable<Choice, N>& table) {
  const std::string text = string_member(object, key);
  if (const auto choice = choice_in(table, text)) return *choice;
  throw DataError(
      fmt::format("\"{}\" is \"{}\"; allowed: {}", key, printable(text), join(names_in(table))));
}

std::optional<double> optional_number(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (value.is_null()) return std::nullopt;
  return read_number(value, key);
}

const Json& array_member(const Json& object, const char* key) {
  const Json& value = member(object, key);
  if (!value.is_array()) throw DataError(fmt::format("\"{}\" must be a list", key));
  return value;
}

// Tensors are named by their program. Names are written into logs and onto terminals as they are,
// so one that is no plain name is refused.
const std::string& tensor_name(const std::string& name) {
  const auto is_plain = [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' || character == '.' ||
           character == '-';
  };
  if (name.empty() || name.size() > 100 || !std::all_of(name.begin(), name.end(), is_plain))
    throw DataError(fmt::format("the name of a tensor must be letters, digits and _.-, not \"{}\"",
                                printable(name)));
  return name;
}

// A number that is never written as NaN or infinite.
double finite_member(const Json& object, const char* key) {
  const double value = number_member(object, key);
  if (!std::isfinite(value)) throw DataError(fmt::format("\"{}\" must be finite", key));
  return value;
}

template <typename Value>
Json value_or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const EventHistory& history, const std::vector<std::string>& tensor_names) {
  Json steps = Json::array();
  for (const auto& step : history.steps) {
    std::string line;
    append_line(line, step, tensor_names);
    steps.push_back(Json::parse(line));
  }
  return {{"shared", history.shared}, {"left_out", history.left_out}, {"steps", std::move(steps)}};
}

// A number that is not finite is one that was not to be had.
Json to_json(const GateNumbers& numbers) {
  Json json = Json::object();
  for (const auto& [gate, number] : numbers)
    json[gate] = std::isfinite(number) ? json_number(number) : Json(nullptr);
  return json;
}

GateNumbers gate_numbers_from_json(const Json& json, const char* key) {
  if (!json.is_object())
    throw DataError(fmt::format("\"{}\" must be an object of numbers by gate", key));
  GateNumbers numbers;
  for (const auto& [gate, number] : json.items())
    numbers.emplace_back(gate, number.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                : read_number(number, gate));
  return numbers;
}

Json to_json(const std::vector<LayerRadii>& layers) {
  Json json = Json::object();
  for (const auto& layer : layers) json[layer.tensor] = to_json(layer.radii);
  return json;
}

std::vector<LayerRadii> layer_radii_from_json(const Json& json) {
  if (!json.is_object()) throw DataError("\"spectral_radius\" must be an object of tensors");
  std::vector<LayerRadii> layers;
  for (const auto& [tensor, radii] : json.items())
    layers.push_back({tensor, gate_numbers_from_json(radii, tensor.c_str())});
  return layers;
}

template <typename List>
Json null_if_empty(const List& list) {
  return list.empty() ? Json(nullptr) : to_json(list);
}

Json to_json(const Event& event, const std::vector<std::string>& tensor_names) {
  Json json = {{"kind", to_text(event.kind)},
               {"step", event.step},
               {"epoch", event.epoch},
               {"phase", to_text(event.phase)},
               {"tensor", value_or_null(event.tensor)},
               {"index", value_or_null(event.index)},
               {"nan", event.nan},
               {"positive_inf", event.positive_inf},
               {"negative_inf", event.negative_inf},
               {"norm", json_number(event.norm)},
               {"last_finite_norm", json_optional(event.last_finite_norm)}};
  if (event.running_median) json["running_median"] = json_number(*event.running_median);
  json["action"] = to_text(event.action);
  if (event.gate_norms) json["gate_norms"] = to_json(*event.gate_norms);
  json["before"] = to_json(event.before, tensor_names);
  return json;
}

// `tensor_names` are taken from the first step of a run's events, and are to be those of all.
EventHistory history_from_json(const Json& json, std::vector<std::string>& tensor_names) {
  EventHistory history;
  history.shared = count_member(json, "shared");
  history.left_out = count_member(json, "left_out");
  for (const auto& step : array_member(json, "steps")) {
    if (tensor_names.empty())
      for (const auto& tensor : member(step, "tensors").items())
        tensor_names.push_back(tensor_name(tensor.key()));
    history.steps.push_back(step_record_from_json(step, tensor_names));
  }
  return history;
}

Event event_from_json(const Json& json, std::vector<std::string>& tensor_names) {
  Event event;
  event.kind = choice_member(json, "kind", kEventKinds);
  event.step = count_member(json, "step");
  event.epoch = count_member(json, "epoch");
  event.phase = choice_member(json, "phase", kPhases);
  if (!member(json, "tensor").is_null()) event.tensor = tensor_name(string_member(json, "tensor"));
  if (!member(json, "index").is_null()) event.index = count_member(json, "index");
  event.nan = count_member(json, "nan");
  event.positive_inf = count_member(json, "positive_inf");
  event.negative_inf = count_member(json, "negative_inf");
  event.norm = number_member(json, "norm");
  event.last_finite_norm = optional_number(json, "last_finite_norm");
  if (json.contains("running_median")) event.running_median = number_member(json, "running_median");
  event.action = choice_member(json, "action", kActions);
  // Runs of an earlier version lack it.
  if (json.contains("before")) event.before = history_from_json(json["before"], tensor_names);
  if (json.contains("gate_norms"))
    event.gate_norms = gate_numbers_from_json(json["gate_norms"], "gate_norms");
  return event;
}

Json to_json(const EpochRecord& epoch) {
  Json json = {{"epoch", epoch.epoch},
               {"train_loss", json_number(epoch.train_loss)},
               {"train_accuracy", json_number(epoch.train_accuracy)},
               {"test_loss", json_number(epoch.test_loss)},
               {"test_accuracy", json_number(epoch.test_accuracy)},
               {"clipped_share", json_number(epoch.clipped_share)}};
  if (epoch.gate_norms) json["gate_norms"] = null_if_empty(*epoch.gate_norms);
  if (epoch.spectral_radius) json["spectral_radius"] = null_if_empty(*epoch.spectral_radius);
  return json;
}

EpochRecord epoch_from_json(const Json& json) {
  EpochRecord epoch;
  epoch.epoch = count_member(json, "epoch");
  epoch.train_loss = number_member(json, "train_loss");
  epoch.train_accuracy = number_member(json, "train_accuracy");
  epoch.test_loss = number_member(json, "test_loss");
  epoch.test_accuracy = number_member(json, "test_accuracy");
  epoch.clipped_share = number_member(json, "clipped_share");
  // Runs of an earlier version lack these.
  if (json.contains("gate_norms"))
    epoch.gate_norms = json["gate_norms"].is_null()
                           ? GateNumbers{}
                           : gate_numbers_from_json(json["gate_norms"], "gate_norms");
  if (json.contains("spectral_radius"))
    epoch.spectral_radius = json["spectral_radius"].is_null()
                                ? std::vector<LayerRadii>{}
                                : layer_radii_from_json(json["spectral_radius"]);
  return epoch;
}

Json to_json(const WhatIfCounts& counts) {
  return {{"steps", counts.steps},
          {"thresholds", kWhatIfThresholds},
          {"value", counts.value},
          {"global_norm", counts.global_norm},
          {"tensor_norm", counts.tensor_norm}};
}

WhatIfCounts::Counts counts_member(const Json& object, const char* key) {
  const Json& values = array_member(object, key);
  WhatIfCounts::Counts counts{};
  if (values.size() != counts.size())
    throw DataError(fmt::format("\"{}\" must have {} counts, one a threshold, not {}", key,
                                counts.size(), values.size()));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!values[i].is_number_unsigned())
      throw DataError(fmt::format("\"{}\" must hold whole numbers from 0", key));
    counts[i] = values[i].get<std::uint64_t>();
  }
  return counts;
}

WhatIfCounts what_if_from_json(const Json& json) {
  if (member(json, "thresholds") != Json(kWhatIfThresholds))
    throw DataError("\"thresholds\" are not those that this version counts at");
  return {count_member(json, "steps"), counts_member(json, "value"),
          counts_member(json, "global_norm"), counts_member(json, "tensor_norm")};
}

Json to_json(const RunTotals& totals) {
  Json quantiles = nullptr;
  if (totals.grad_norm_raw)
    quantiles = {{"median", json_number(totals.grad_norm_raw->median)},
                 {"p90", json_number(totals.grad_norm_raw->p90)},
                 {"p99", json_number(totals.grad_norm_raw->p99)},
                 {"max", json_number(totals.grad_norm_raw->max)}};
  return {{"steps", totals.steps},
          {"clipped_steps", totals.clipped_steps},
          {"skipped_steps", totals.skipped_steps},
          {"nonfinite_steps", totals.nonfinite_steps},
          {"spikes", totals.spikes},
          {"grad_norm_raw", std::move(quantiles)},
          {"mean_cosine", json_optional(totals.mean_cosine)},
          {"what_if", to_json(totals.what_if)}};
}

RunTotals totals_from_json(const Json& json) {
  RunTotals totals;
  totals.steps = count_member(json, "steps");
  totals.clipped_steps = count_member(json, "clipped_steps");
  totals.skipped_steps = count_member(json, "skipped_steps");
  totals.nonfinite_steps = count_member(json, "nonfinite_steps");
  totals.spikes = count_member(json, "spikes");
  const Json& norms = member(json, "grad_norm_raw");
  if (!norms.is_null())
    totals.grad_norm_raw =
        NormQuantiles{finite_member(norms, "median"), finite_member(norms, "p90"),
                      finite_member(norms, "p99"), finite_member(norms, "max")};
  // Runs of an earlier version lack these, and can be continued and compared all the same.
  if (json.contains("mean_cosine")) totals.mean_cosine = optional_number(json, "mean_cosine");
  if (json.contains("what_if")) totals.what_if = what_if_from_json(json["what_if"]);
  return totals;
}

}  // namespace

GateNumbers by_gate(Cell cell, const std::vector<double>& values) {
  const auto names = gate_names(cell);
  GateNumbers numbers;
  for (std::size_t gate = 0; gate < values.size(); ++gate)
    numbers.emplace_back(names[gate], values[gate]);
  return numbers;
}

const char* to_text(Outcome outcome) { return name_in(kOutcomes, outcome); }
const char* to_text(EventKind kind) { return name_in(kEventKinds, kind); }
const char* to_text(Phase phase) { return name_in(kPhases, phase); }
const char* to_text(Action action) { return name_in(kActions, action); }

void append_line(std::string& text, const StepRecord& record,
                 const std::vector<std::string>& tensor_names) {
  const auto append = [&](const char* key, auto value) {
    text += key;
    append_number(text, value);
  };
  const auto append_optional = [&](const char* key, const auto& value) {
    text += key;
    if (value)
      append_number(text, *value);
    else
      text += "null";
  };
  fmt::format_to(std::back_inserter(text), "{{\"step\":{},\"epoch\":{}", record.step, record.epoch);
  append(",\"loss\":", record.loss);
  append(",\"accuracy\":", record.accuracy);
  append(",\"grad_norm_raw\":", record.grad_norm_raw);
  append(",\"grad_norm_clipped\":", record.grad_norm_clipped);
  append(",\"clip_scale\":", record.clip_scale);
  text += record.clipped ? ",\"clipped\":true" : ",\"clipped\":false";
  append(",\"clipped_fraction\":", record.clipped_fraction);
  append_optional(",\"cosine\":", record.cosine);
  append_optional(",\"limit\":", record.limit);
  append(",\"effective_learning_rate\":", record.effective_learning_rate);
  append(",\"grad_max_abs\":", record.grad_max_abs);
  fmt::format_to(std::back_inserter(text), ",\"nonfinite\":{}", record.nonfinite);
  text += ",\"tensors\":{";
  for (std::size_t i = 0; i < tensor_names.size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{}\"{}\":", i == 0 ? "" : ",", tensor_names[i]);
    append_number(text, record.tensor_norms[i]);
  }
  text += record.skipped ? "},\"skipped\":true}\n" : "}}\n";
}

StepRecord step_record_from_json(const Json& json, const std::vector<std::string>& tensor_names) {
  StepRecord record;
  record.step = count_member(json, "step");
  record.epoch = count_member(json, "epoch");
  record.loss = static_cast<float>(number_member(json, "loss"));
  record.accuracy = number_member(json, "accuracy");
  record.grad_norm_raw = number_member(json, "grad_norm_raw");
  record.grad_norm_clipped = number_member(json, "grad_norm_clipped");
  record.clip_scale = number_member(json, "clip_scale");
  record.clipped = bool_member(json, "clipped");
  record.clipped_fraction = number_member(json, "clipped_fraction");
  if (const auto cosine = optional_number(json, "cosine"))
    record.cosine = static_cast<float>(*cosine);
  record.limit = optional_number(json, "limit");
  record.effective_learning_rate = number_member(json, "effective_learning_rate");
  record.grad_max_abs = static_cast<float>(number_member(json, "grad_max_abs"));
  record.nonfinite = count_member(json, "nonfinite");
  const Json& tensors = member(json, "tensors");
  for (const auto& name : tensor_names) record.tensor_norms.push_back(number_member(tensors, name));
  record.skipped = json.contains("skipped") && bool_member(json, "skipped");
  return record;
}

Json log_header(const char* schema, const RunSpec& run) {
  Json header = {{"schema", schema}, {"run", run.id}};
  const Json members = to_json(run);
  for (const auto& [key, value] : members.items())
    if (key != "id") header[key] = value;
  return header;
}

RunSpec run_of_log_header(const Json& header, const char* schema) {
  if (const auto found = string_member(header, "schema"); found != schema)
    throw DataError(
        fmt::format("\"schema\" is \"{}\"; this version reads {}", printable(found), schema));
  Json run = header;
  run["id"] = member(header, "run");
  return run_spec_from_json(run);
}

Json to_json(const StepLogHeader& header) {
  Json json = log_header(kStepsSchema, header.run);
  json["log_every"] = header.log_every;
  Json tensors = Json::object();
  for (std::size_t i = 0; i < header.tensor_names.size(); ++i)
    tensors[header.tensor_names[i]] = header.tensor_shapes[i];
  json["tensors"] = std::move(tensors);
  return json;
}

StepLogHeader step_log_header_from_json(const Json& json) {
  StepLogHeader header;
  header.run = run_of_log_header(json, kStepsSchema);
  const std::uint64_t log_every = count_member(json, "log_every");
  if (log_every > 1'000'000'000) throw DataError("\"log_every\" must be at most 1,000,000,000");
  header.log_every = static_cast<int>(log_every);
  const Json& tensors = member(json, "tensors");
  if (!tensors.is_object()) throw DataError("\"tensors\" must be an object of shapes");
  for (const auto& [name, shape] : tensors.items()) {
    std::vector<int> sides;
    for (const auto& side : array_member(tensors, name.c_str())) {
      constexpr std::uint64_t kLargest = 1'000'000'000;
      if (!side.is_number_unsigned() || side.get<std::uint64_t>() > kLargest)
        throw DataError("\"tensors\" must hold lists of sizes");
      sides.push_back(side.get<int>());
    }
    header.tensor_names.push_back(tensor_name(name));
    header.tensor_shapes.push_back(std::move(sides));
  }
  return header;
}

bool reached_outcome(const RunRecord& record) {
  return record.outcome == Outcome::kCompleted || record.outcome == Outcome::kDiverged;
}

std::string engine_description(const std::string& engine, const std::string& simd) {
  return engine + ", " + simd;
}

Json to_json(const RunRecord& record) {
  Json json = {{"schema", kRunSchema}};
  json.update(to_json(record.spec));
  json["settings"] = record.settings;
  json["outcome"] = to_text(record.outcome);
  json["reason"] = value_or_null(record.reason);
  json["epochs"] = Json::array();
  for (const auto& epoch : record.epochs) json["epochs"].push_back(to_json(epoch));
  if (record.solved_at_step) json["solved_at_step"] = *record.solved_at_step;
  json["events"] = Json::array();
  for (const auto& event : record.events)
    json["events"].push_back(to_json(event, record.tensor_names));
  json["totals"] = to_json(record.totals);
  json["engine"] = record.engine;
  json["simd"] = record.simd;
  const std::string& order = record.batch_order_sha256;
  json["sha256"] = {{"initial_weights", record.initial_weights_sha256},
                    {"batch_order", order.empty() ? Json() : Json(order)},
                    {"final_weights", record.final_weights_sha256}};
  json["wall_started"] = record.wall_started;
  json["wall_seconds"] = json_number(record.wall_seconds);
  return json;
}

RunRecord run_record_from_json(const Json& json) {
  if (const auto schema = string_member(json, "schema"); schema != kRunSchema)
    throw DataError(
        fmt::format("\"schema\" is \"{}\"; this version reads {}", printable(schema), kRunSchema));
  RunRecord record;
  record.spec = run_spec_from_json(json);
  record.settings = member(json, "settings");
  record.outcome = choice_member(json, "outcome", kOutcomes);
  if (!member(json, "reason").is_null()) record.reason = string_member(json, "reason");
  for (const auto& epoch : array_member(json, "epochs"))
    record.epochs.push_back(epoch_from_json(epoch));
  if (json.contains("solved_at_step")) record.solved_at_step = count_member(json, "solved_at_step");
  for (const auto& event : array_member(json, "events"))
    record.events.push_back(event_from_json(event, record.tensor_names));
  record.totals = totals_from_json(member(json, "totals"));
  record.engine = string_member(json, "engine");
  record.simd = string_member(json, "simd");
  const Json& hashes = member(json, "sha256");
  record.initial_weights_sha256 = string_member(hashes, "initial_weights");
  if (!member(hashes, "batch_order").is_null())
    record.batch_order_sha256 = string_member(hashes, "batch_order");
  record.final_weights_sha256 = string_member(hashes, "final_weights");
  record.wall_started = string_member(json, "wall_started");
  record.wall_seconds = number_member(json, "wall_seconds");
  return record;
}

}  // namespace clipsweep

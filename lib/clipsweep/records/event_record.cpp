#include "clipsweep/records/event_record.h"

#include <utility>

#include "clipsweep/records/record_members.h"

namespace clipsweep {
namespace {

Json to_json(const EventHistory& history, const std::vector<std::string>& tensor_names) {
  Json steps = Json::array();
  for (const auto& step : history.steps) {
    std::string line;
    append_line(line, step, tensor_names);
    steps.push_back(Json::parse(line));
  }
  return {{"shared", history.shared}, {"left_out", history.left_out}, {"steps", std::move(steps)}};
}

EventHistory history_from_json(const Json& json, std::vector<std::string>& tensor_names) {
  EventHistory history;
  history.shared = count_member(json, "shared");
  history.left_out = count_member(json, "left_out");
  for (const auto& step : list_member(json, "steps")) {
    if (tensor_names.empty())
      for (const auto& tensor : member(step, "tensors").items())
        tensor_names.push_back(plain_tensor_name(tensor.key()));
    history.steps.push_back(step_record_from_json(step, tensor_names));
  }
  return history;
}

}  // namespace

const char* to_text(EventKind kind) { return name_in(kEventKinds, kind); }
const char* to_text(Phase phase) { return name_in(kPhases, phase); }
const char* to_text(Action action) { return name_in(kActions, action); }

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

Event event_from_json(const Json& json, std::vector<std::string>& tensor_names) {
  Event event;
  event.kind = choice_member(json, "kind", kEventKinds);
  event.step = count_member(json, "step");
  event.epoch = count_member(json, "epoch");
  event.phase = choice_member(json, "phase", kPhases);
  if (!member(json, "tensor").is_null())
    event.tensor = plain_tensor_name(string_member(json, "tensor"));
  if (!member(json, "index").is_null()) event.index = count_member(json, "index");
  event.nan = count_member(json, "nan");
  event.positive_inf = count_member(json, "positive_inf");
  event.negative_inf = count_member(json, "negative_inf");
  event.norm = number_member(json, "norm");
  event.last_finite_norm = optional_number(json, "last_finite_norm");
  if (json.contains("running_median")) event.running_median = number_member(json, "running_median");
  event.action = choice_member(json, "action", kActions);
  // Missing in runs of earlier versions.
  if (json.contains("before")) event.before = history_from_json(json["before"], tensor_names);
  if (json.contains("gate_norms"))
    event.gate_norms = gate_numbers_from_json(json["gate_norms"], "gate_norms");
  return event;
}

}  // namespace clipsweep

#include "clipsweep/analysis/event_context.h"

#include <algorithm>
#include <map>

#include "clipsweep/records/result_folder.h"

namespace clipsweep {
namespace {

using Steps = std::map<std::uint64_t, StepRecord>;

std::vector<Incident> by_step(const std::vector<Event>& events) {
  std::map<std::uint64_t, Incident> of_step;
  for (const auto& event : events) of_step[event.step].events.push_back(event);
  std::vector<Incident> incidents;
  for (auto& [step, incident] : of_step) incidents.push_back(std::move(incident));
  return incidents;
}

void drop_middle(std::vector<Incident>& incidents, std::size_t most) {
  if (incidents.size() <= 2 * most) return;
  const auto begin = incidents.begin() + static_cast<std::ptrdiff_t>(most);
  incidents.erase(begin, incidents.end() - static_cast<std::ptrdiff_t>(most));
}

bool is_near(const Incident& incident, std::uint64_t step) {
  const std::uint64_t at = incident.events.front().step;
  return step + kStepsAround >= at && step <= at + kStepsAround;
}

void add_carried(const RunRecord& record, Steps& steps) {
  for (const auto& event : record.events)
    for (const auto& step : event.before.steps) steps[step.step] = step;
}

// Reads the steps near an incident; the others are only skimmed.
void add_logged(const fs::path& log, const std::vector<Incident>& incidents, Steps& steps) {
  if (incidents.empty() || log.empty() || !is_there(log)) return;
  std::vector<std::string> names;
  read_step_log(log, [&](const Json& json, std::uint64_t) {
    const std::uint64_t number = count_member(json, "step");
    if (std::none_of(incidents.begin(), incidents.end(),
                     [&](const Incident& incident) { return is_near(incident, number); }))
      return;
    if (names.empty())
      for (const auto& tensor : member(json, "tensors").items()) names.push_back(tensor.key());
    steps[number] = step_record_from_json(json, names);
  });
}

void add_surroundings(const Steps& steps, Incident& incident) {
  const std::uint64_t at = incident.events.front().step;
  for (const auto& [number, step] : steps) {
    if (!is_near(incident, number)) continue;
    if (number < at) incident.before.push_back(step);
    if (number == at) incident.step = step;
    if (number > at) incident.after.push_back(step);
  }
}

}  // namespace

std::vector<Incident> incidents_of(const RunRecord& record, const fs::path& log, std::size_t most) {
  std::vector<Incident> incidents = by_step(record.events);
  drop_middle(incidents, most);
  Steps steps;
  add_carried(record, steps);
  add_logged(log, incidents, steps);
  for (auto& incident : incidents) add_surroundings(steps, incident);
  return incidents;
}

}  // namespace clipsweep

#include "clipsweep/events/event_context.h"

#include <algorithm>
#include <map>

#include "clipsweep/io/log_file.h"
#include "clipsweep/records/result_folder.h"

namespace clipsweep {
namespace {

using Steps = std::map<std::uint64_t, StepRecord>;

std::vector<EventContext> by_step(const std::vector<Event>& events) {
  std::map<std::uint64_t, EventContext> sorted;
  for (const auto& event : events) sorted[event.step].events.push_back(event);
  std::vector<EventContext> contexts;
  for (auto& [step, context] : sorted) contexts.push_back(std::move(context));
  return contexts;
}

void drop_middle(std::vector<EventContext>& contexts, std::size_t max_per_end) {
  if (contexts.size() <= 2 * max_per_end) return;
  const auto begin = contexts.begin() + static_cast<std::ptrdiff_t>(max_per_end);
  contexts.erase(begin, contexts.end() - static_cast<std::ptrdiff_t>(max_per_end));
}

bool is_near(const EventContext& context, std::uint64_t step) {
  const std::uint64_t event_step = context.events.front().step;
  return step + kStepsAround >= event_step && step <= event_step + kStepsAround;
}

void add_steps_of_events(const RunRecord& record, Steps& steps) {
  for (const auto& event : record.events)
    for (const auto& step : event.before.steps) steps[step.step] = step;
}

// Reads the steps near an event; skips all others.
void add_steps_of_log(const fs::path& log, const std::vector<EventContext>& contexts,
                      Steps& steps) {
  if (contexts.empty() || log.empty() || !is_there(stored_log(log))) return;
  std::vector<std::string> names;
  read_step_log(log, [&](const Json& json, std::uint64_t, std::string_view) {
    const std::uint64_t number = count_member(json, "step");
    if (std::none_of(contexts.begin(), contexts.end(),
                     [&](const EventContext& context) { return is_near(context, number); }))
      return;
    if (names.empty())
      for (const auto& tensor : member(json, "tensors").items()) names.push_back(tensor.key());
    steps[number] = step_record_from_json(json, names);
  });
}

void add_nearby_steps(const Steps& steps, EventContext& context) {
  const std::uint64_t event_step = context.events.front().step;
  for (const auto& [number, step] : steps) {
    if (!is_near(context, number)) continue;
    if (number < event_step) context.before.push_back(step);
    if (number == event_step) context.step = step;
    if (number > event_step) context.after.push_back(step);
  }
}

}  // namespace

std::vector<EventContext> event_contexts(const RunRecord& record, const fs::path& log,
                                         std::size_t max_per_end) {
  std::vector<EventContext> contexts = by_step(record.events);
  drop_middle(contexts, max_per_end);
  Steps steps;
  add_steps_of_events(record, steps);
  add_steps_of_log(log, contexts, steps);
  for (auto& context : contexts) add_nearby_steps(steps, context);
  return contexts;
}

}  // namespace clipsweep

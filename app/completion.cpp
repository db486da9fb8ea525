#include "completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <variant>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/sweep_plan.h"
#include "clipsweep/records/result_folder.h"
#include "clipsweep/tasks/make_task.h"
#include "command_line.h"
#include "flag_hints.h"
#include "output.h"

namespace clipsweep {
namespace {

using Words = std::vector<std::string>;

bool begins_with(const std::string& text, const std::string& beginning) {
  return text.compare(0, beginning.size(), beginning) == 0;
}

// A single dash is a file: standard input.
bool looks_like_flag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

Words matching(const Words& names, const std::string& typed) {
  Words words;
  for (const auto& name : names)
    if (begins_with(name, typed)) words.push_back(name);
  return words;
}

// What comes before the cursor: the positional arguments, the flag that awaits its value, if any,
// and all words, from the command to the one before that flag.
struct Cursor {
  const FlagShape* flag = nullptr;
  Words positionals = {};
  Words before_flag = {};
};

Words with_prefix(const std::string& prefix, Words words) {
  for (auto& word : words) word.insert(0, prefix);
  return words;
}

// `none,va` can become `none,value`. What the list already has is not offered again.
Offer list_offer(const Words& names, const std::string& typed) {
  Words items = split_list(typed);
  const std::string last = items.back();
  items.pop_back();
  Offer offer;
  for (const auto& name : matching(names, last))
    if (!contains(items, name)) offer.words.push_back(name);
  offer.words = with_prefix(typed.substr(0, typed.size() - last.size()), offer.words);
  offer.is_list = !offer.words.empty();
  return offer;
}

// The IDs of the runs, or the hex digits that `show` lists if those were begun.
Words names_of_runs(const std::vector<RunSpec>& runs, const std::string& typed) {
  Words ids;
  Words digits;
  for (const auto& run : runs) {
    ids.push_back(run.id);
    digits.push_back(run.id.substr(run.id.rfind('_') + 1));
  }
  const Words words = matching(ids, typed);
  return words.empty() ? matching(digits, typed) : words;
}

// The IDs of the runs that a `trace` command plans; `words` are those before its flag --run.
Words planned_run_names(const Words& words, const std::string& typed) {
  std::vector<const char*> arguments = {"clipsweep"};
  for (const auto& word : words) arguments.push_back(word.c_str());
  const auto line = parse_command_line(static_cast<int>(arguments.size()), arguments.data());
  const ExperimentConfig config = config_of(std::get<TraceCommand>(line.command).settings);
  const SweepPlan plan = make_plan(config, hashes_of(checksums_of_data(config)));
  return names_of_runs(plan.runs, typed);
}

Offer value_offer(const ValueShape& value, const Cursor& cursor, const std::string& typed) {
  if (value.name == "LIST") return list_offer(value.names, typed);
  if (value.name == "DIR" || value.name == "DIR...") return {{}, false, OfferedPaths::kFolders};
  if (value.name == "FILE" || value.name == "PATH" || value.name == "SWEEP.toml")
    return {{}, false, OfferedPaths::kFiles};
  if (value.name == "RUN")
    return {names_of_runs(open_sweep_folder(cursor.positionals.front()).runs, typed)};
  if (value.name == "ID") return {planned_run_names(cursor.before_flag, typed)};
  return {matching(value.names, typed)};
}

Words flag_names(const CommandShape& shape) {
  Words names;
  for (const auto& flag : shape.flags) names.push_back(flag.name);
  names.emplace_back("--help");
  return names;
}

const FlagShape* flag_in(const CommandShape& shape, const std::string& name) {
  for (const auto& flag : shape.flags)
    if (flag.name == name && flag.takes_value()) return &flag;
  return nullptr;
}

Cursor cursor_after(const Words& words, const CommandShape& shape) {
  Cursor cursor;
  for (const auto& word : words) {
    if (cursor.flag)
      cursor.flag = nullptr;
    else if (looks_like_flag(word))
      cursor.flag = flag_in(shape, word);
    else
      cursor.positionals.push_back(word);
  }
  return cursor;
}

Offer argument_offer(const CommandShape& shape, const Cursor& cursor, const std::string& typed) {
  if (cursor.flag) return value_offer(cursor.flag->value, cursor, typed);
  if (begins_with(typed, "-")) {
    const std::size_t equals = typed.find('=');
    if (equals == std::string::npos) return {matching(flag_names(shape), typed)};
    const FlagShape* flag = flag_in(shape, typed.substr(0, equals));
    if (!flag) return {};
    Offer offer = value_offer(flag->value, cursor, typed.substr(equals + 1));
    offer.words = with_prefix(typed.substr(0, equals + 1), offer.words);
    return offer;
  }
  // `DIR...` takes all others.
  const bool has_last = !shape.positionals.empty() && shape.positionals.back().name == "DIR...";
  const std::size_t place = has_last ? 0 : cursor.positionals.size();
  if (place >= shape.positionals.size()) return {matching(flag_names(shape), typed)};
  return value_offer(shape.positionals[place], cursor, typed);
}

void print_offer(const Offer& offer) {
  for (const auto& word : offer.words) print("{}\n", without_controls(word));
  if (offer.is_list) print(":list\n");
  if (offer.paths == OfferedPaths::kFiles) print(":files\n");
  if (offer.paths == OfferedPaths::kFolders) print(":folders\n");
}

}  // namespace

Offer offer_for(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const std::string& typed = words.back();
  if (words.size() == 1) {
    Words names = command_names();
    names.insert(names.end(), {"--help", "--version"});
    return {begins_with(typed, "-") || !typed.empty() ? matching(names, typed) : command_names()};
  }
  const CommandShape shape = command_shape(words.front());
  Cursor cursor = cursor_after({words.begin() + 1, words.end() - 1}, shape);
  cursor.before_flag = {words.begin(), words.end() - (cursor.flag ? 2 : 1)};
  return argument_offer(shape, cursor, typed);
}

int run_complete(const std::vector<std::string>& words) {
  try {
    print_offer(offer_for(words));
  } catch (const std::exception&) {
    // Nothing to offer.
  }
  return kSuccess;
}

}  // namespace clipsweep

#include "clipsweep/experiment/sweep_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/experiment/axes.h"
#include "clipsweep/experiment/setting_table.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/probing/probe_record.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxRuns = 1'000'000;
constexpr std::size_t kMaxIdLength = 200;

// The kinds of regularization with their keys in JSON and in IDs.
struct RegularizationEntry {
  double Regularization::*strength;
  const char* key;
  const char* slug;
};
constexpr std::array<RegularizationEntry, 3> kRegularizations = {
    {{&Regularization::weight_decay, "weight_decay", "wd"},
     {&Regularization::decoupled_weight_decay, "decoupled_weight_decay", "decoupled-wd"},
     {&Regularization::l1, "l1", "l1"}}};

Json default_settings() { return settings_json(ExperimentConfig(), SettingGroup::kTraining); }

// The settings that differ from their defaults; thus options added later do not change old IDs.
Json changed_settings(const Json& values) {
  static const Json defaults = default_settings();
  Json changed = Json::object();
  for (const auto& [key, value] : values.items())
    if (value != defaults.at(key)) changed[key] = value;
  return changed;
}

std::string id_of(const RunSpec& run, const Json& changed, const std::string& data_sha256) {
  // nlohmann::json sorts its keys; the hash must not depend on the order of the table.
  nlohmann::json identity(to_json(run));
  nlohmann::json settings(changed);
  for (const char* key : {"cell", "init"}) {
    if (identity.contains(key)) settings[key] = identity[key];
    identity.erase(key);
  }
  for (const auto& varied : run.setup.varied.values()) identity.erase(varied.key);
  identity.erase("id");
  // The schedule `step` follows from the decay, which had no schedule beside it in earlier
  // versions.
  if (settings.value("learning_rate_schedule", "") == to_text(LearningRateSchedule::kStep))
    settings.erase("learning_rate_schedule");
  identity["settings"] = std::move(settings);
  identity["data"] = data_sha256;
  return fmt::format("{}_seed-{}_{}", arm_name(run), run.seed,
                     sha256_of(identity.dump()).substr(0, 8));
}

// All combinations, without IDs.
std::vector<RunSpec> grid_of(const ExperimentConfig& config,
                             const std::vector<TrainingCombination>& combinations) {
  std::vector<RunSpec> runs;
  const auto rules = clip_rules(config);
  for (const auto& combination : combinations)
    for (const auto& cell : cell_setups(config))
      for (const auto& rule : rules)
        for (const double learning_rate : config.learning_rates)
          for (const auto& regularization : regularizations(config))
            for (const std::uint64_t seed : config.seeds)
              runs.push_back(
                  {"", {cell, combination.varied}, rule, learning_rate, seed, regularization});
  if (!config.noise_floor) return runs;
  const std::size_t plain = runs.size();
  for (std::size_t i = 0; i < plain; ++i) {
    if (runs[i].clip.mode != ClipMode::kNone) continue;
    runs.push_back(runs[i]);
    runs.back().perturbed = true;
  }
  return runs;
}

// `length, hidden`
std::string axis_names(const ExperimentConfig& config) {
  std::vector<std::string> names;
  for (const auto& axis : config.axes) names.push_back(axis.key);
  return join(names);
}

void check_size(const ExperimentConfig& config) {
  const auto factor = [](std::size_t count) { return static_cast<double>(count); };
  double combinations = 1;
  for (const auto& axis : config.axes) combinations *= factor(axis.values.size());
  const double grid = combinations * factor(cell_setups(config).size()) *
                      factor(clip_rules(config).size()) * factor(config.learning_rates.size()) *
                      factor(config.weight_decays.size()) *
                      factor(config.decoupled_weight_decays.size()) *
                      factor(config.l1_penalties.size()) * factor(config.seeds.size());
  if (!config.axes.empty() && grid > kMaxRunsOfAxes)
    throw ConfigError(fmt::format(
        "the grid has {:.3g} runs; a sweep in which training settings vary ({}) has at most {}",
        grid, axis_names(config), with_thousands(kMaxRunsOfAxes)));
  if (grid > kMaxRuns)
    throw ConfigError(fmt::format("the grid has {:.3g} runs; a sweep has at most {}", grid,
                                  with_thousands(kMaxRuns)));
}

// Each ID is the name of a folder.
void check_id_length(const ExperimentConfig& config, const std::string& id) {
  if (id.size() <= kMaxIdLength) return;
  throw ConfigError(fmt::format(
      "the ID of a run would have {} characters, and {} are allowed ({}...); let fewer settings "
      "vary than {}",
      id.size(), kMaxIdLength, id.substr(0, 60), axis_names(config)));
}

Setup setup_from_json(const Json& json) {
  Setup setup({}, varied_settings_from_json(json));
  try {
    if (json.contains("cell")) setup.cell = parse_cell(string_member(json, "cell"));
    if (json.contains("init")) setup.init = parse_initial_scheme(string_member(json, "init"));
    check_initial_scheme(setup.init, setup.cell);
  } catch (const ConfigError& error) {
    throw DataError(error.what());
  }
  return setup;
}

// Of a length or a range such as 50-200, as text.
double mean_length(const Json& value) {
  if (!value.is_string()) return 1;
  const std::string text = value.get<std::string>();
  const auto dash = text.find('-');
  const double shortest = parse_number(text.substr(0, dash)).value_or(1);
  const double longest =
      dash == std::string::npos ? shortest : parse_number(text.substr(dash + 1)).value_or(1);
  return (shortest + longest) / 2;
}

double positive_member(const Json& json, const char* key) {
  const double value = number_member(json, key);
  if (value > 0 && std::isfinite(value)) return value;
  throw DataError(
      fmt::format("\"{}\" must be a finite number above 0, not {}", key, shortest(value)));
}

bool is_slug(const std::string& text) {
  return !text.empty() && text.size() <= kMaxIdLength && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](char character) {
           return (character >= 'a' && character <= 'z') ||
                  (character >= '0' && character <= '9') || character == '-' || character == '_' ||
                  character == '.' || character == '+';
         });
}

}  // namespace

SweepPlan make_plan(const ExperimentConfig& config, const DataHashes& data_sha256) {
  check_size(config);
  SweepPlan plan;
  plan.log_every = config.log_every;
  plan.checkpoint_every = config.checkpoint_every;
  plan.save_weights = config.save_weights;
  plan.compress = config.compress;
  plan.through_time_every = config.through_time_every;
  plan.smoothness_every = config.smoothness_every;
  plan.probe_at = config.probe_at;
  plan.probe_batches = config.probe_batches;
  if (!plan.probe_at.empty()) plan.probed_rules = probed_rules(clip_rules(config));
  const auto combinations = training_combinations(config);
  std::map<std::string, Json> changed;
  ExperimentConfig combined = config;
  combined.axes.clear();
  for (const auto& [training, varied] : combinations) {
    combined.training = training;
    Json settings = settings_json(combined, SettingGroup::kTraining);
    changed[varied.slug()] = changed_settings(settings);
    settings["data_sha256"] = data_sha256.at(training.task);
    plan.trainings[varied.slug()] = {training, std::move(settings)};
  }
  std::set<std::string> seen;
  for (RunSpec& run : grid_of(config, combinations)) {
    const std::string& setup = run.setup.varied.slug();
    run.id = id_of(run, changed.at(setup), data_sha256.at(plan.trainings.at(setup).training.task));
    check_id_length(config, run.id);
    if (seen.insert(run.id).second) plan.runs.push_back(std::move(run));
  }
  return plan;
}

SweepPlan make_plan(const ExperimentConfig& config, const std::string& data_sha256) {
  DataHashes hashes;
  for (const auto& task : task_names()) hashes[task] = data_sha256;
  return make_plan(config, hashes);
}

const SetupTraining& training_of(const SweepPlan& plan, const Setup& setup) {
  const auto found = plan.trainings.find(setup.varied.slug());
  if (found == plan.trainings.end())
    throw std::logic_error("training_of: the plan has no setup " + setup.varied.slug());
  return found->second;
}

TrainingPlan training_plan(const SweepPlan& plan, const Setup& setup) {
  return {plan, training_of(plan, setup)};
}

TrainingPlan training_plan(const SweepPlan& plan) { return training_plan(plan, Setup()); }

double relative_cost(const Setup& setup) {
  double cost = gates_of(setup.cell);
  for (const auto& [key, flag, value] : setup.varied.values()) {
    const double number = value.is_number() ? value.get<double>() : 1;
    if (key == "layers" || key == "batch_size") cost *= number;
    // Its weights by its units, and what each unit costs.
    if (key == "hidden") cost *= number * (number + 10);
    if (key == "length") cost *= mean_length(value);
  }
  return cost;
}

SharedPrefixKey shared_prefix_key(const RunSpec& run) {
  const auto& [weight_decay, decoupled_weight_decay, l1] = run.regularization;
  return {
      run.seed,          run.setup.cell,         run.setup.init.kind,    run.setup.init.deviation,
      run.learning_rate, weight_decay,           decoupled_weight_decay, l1,
      run.perturbed,     run.setup.varied.slug()};
}

std::vector<const RunSpec*> pointers_to(const std::vector<RunSpec>& runs) {
  std::vector<const RunSpec*> pointers;
  for (const auto& run : runs) pointers.push_back(&run);
  return pointers;
}

std::string arm_name(const RunSpec& run) {
  std::string name = slug_of(run.setup);
  if (!name.empty()) name += "_";
  name += fmt::format("{}_lr-{}", slug_of(run.clip), shortest(run.learning_rate));
  for (const auto& entry : kRegularizations)
    if (const double strength = run.regularization.*entry.strength; strength != 0)
      name += fmt::format("_{}-{}", entry.slug, shortest(strength));
  if (run.perturbed) name += "_perturbed";
  return name;
}

Json to_json(const RunSpec& run) {
  Json json = {{"id", run.id}};
  add_json(json, run.setup);
  json.update(to_json(run.clip));
  json["learning_rate"] = json_number(run.learning_rate);
  json["seed"] = run.seed;
  add_json(json, run.regularization);
  if (run.perturbed) json["perturbed"] = true;
  return json;
}

void add_json(Json& json, const Regularization& regularization) {
  for (const auto& entry : kRegularizations)
    if (const double strength = regularization.*entry.strength; strength != 0)
      json[entry.key] = json_number(strength);
}

Json settings_of(const SweepPlan& plan, const RunSpec& run) {
  return settings_of(training_of(plan, run.setup), run);
}

Json settings_of(const SetupTraining& training, const RunSpec& run) {
  Json settings = training.training_json;
  settings["cell"] = to_text(run.setup.cell);
  settings["init"] = to_text(run.setup.init);
  return settings;
}

std::optional<std::string> id_by_settings(const RunSpec& run, const Json& settings) {
  static const Json defaults = default_settings();
  const CellSetup common;
  const Json former = {{"cell", to_text(common.cell)},
                       {"init", to_text(common.init)},
                       {"weight_decay", 0}};  // settings that became axes
  Json changed = Json::object();
  for (const auto& [key, value] : settings.items()) {
    if (key == "data_sha256") continue;
    const Json& known = defaults.contains(key) ? defaults : former;
    if (!known.contains(key)) return std::nullopt;
    if (value != known[key]) changed[key] = value;
  }
  return id_of(run, changed, string_member(settings, "data_sha256"));
}

std::string full_id(const RunSpec& run) {
  const std::string digits = run.id.substr(run.id.rfind('_') + 1);  // do not depend on the axes
  return fmt::format("{}_seed-{}_{}", arm_name(run), run.seed, digits);
}

Json runs_json(const SweepPlan& plan) {
  Json runs = Json::array();
  for (const auto& run : plan.runs) runs.push_back(to_json(run));
  return runs;
}

RunSpec run_spec_from_json(const Json& json) {
  RunSpec run;
  run.id = string_member(json, "id");
  if (!is_slug(run.id))
    throw DataError(fmt::format(
        "\"id\" names a folder: it must have up to {} characters of a-z, 0-9 and -_.+ and "
        "must not begin with a dot, not \"{}\"",
        kMaxIdLength, printable(run.id)));
  run.setup = setup_from_json(json);
  run.clip = clip_rule_from_json(json);
  run.learning_rate = positive_member(json, "learning_rate");
  run.seed = count_member(json, "seed");
  for (const auto& entry : kRegularizations)
    if (json.contains(entry.key))
      run.regularization.*entry.strength = positive_member(json, entry.key);
  run.perturbed = json.contains("perturbed") && bool_member(json, "perturbed");
  return run;
}

const RunSpec& find_run(const std::vector<RunSpec>& runs, const std::string& text) {
  std::vector<const RunSpec*> matches;
  std::vector<std::string> names;
  for (const auto& run : runs) {
    // The ID without its digits names the run too: seed-1 is not a beginning of seed-10.
    if (run.id == text || run.id.substr(0, run.id.size() - 9) == text) return run;
    names.push_back(run.id);
    const bool begins = run.id.compare(0, text.size(), text) == 0;
    const bool is_hash =
        text.size() == 8 && run.id.size() > 8 && run.id.compare(run.id.size() - 8, 8, text) == 0;
    if (!text.empty() && (begins || is_hash)) matches.push_back(&run);
  }
  if (matches.size() == 1) return *matches.front();
  if (matches.empty())
    throw ConfigError(
        fmt::format("no run \"{}\"{}; name one of the {} by its ID, the ID's 8 hex digits or the "
                    "beginning of the ID",
                    printable(text, 100), did_you_mean(text, names), counted(runs.size(), "run")));
  throw ConfigError(
      fmt::format("\"{}\" is the beginning of {} runs, the first is {}; give more of the ID",
                  printable(text, 100), matches.size(), matches.front()->id));
}

}  // namespace clipsweep

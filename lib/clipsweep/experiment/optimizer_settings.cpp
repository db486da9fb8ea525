#include "clipsweep/experiment/optimizer_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr NameTable<Optimizer, 3> kOptimizers = {
    {{Optimizer::kSgd, "sgd"}, {Optimizer::kAdam, "adam"}, {Optimizer::kRmsprop, "rmsprop"}}};

// Compared in float32, as the update uses the number; false for NaN.
double parse_decay(std::string_view text) {
  const auto value = parse_number(text);
  if (value && *value >= 0 && static_cast<float>(*value) < 1) return *value;
  throw ConfigError("must be a number from 0 to below 1");
}

double parse_epsilon(std::string_view text) {
  const auto value = parse_number(text);
  const float used = value ? static_cast<float>(*value) : 0;
  if (used > 0 && std::isfinite(used)) return *value;
  throw ConfigError("must be a finite number above 0, such as 1e-8");
}

double parse_factor(std::string_view text) {
  const auto value = parse_number(text);
  if (value && *value > 0 && *value <= 1) return *value;
  throw ConfigError("must be a factor above 0 and up to 1, such as 0.1; 1 is a constant rate");
}

int parse_epochs(std::string_view text) {
  constexpr int kMax = 1'000'000;
  if (const auto epochs = parse_count(text); epochs && *epochs >= 1 && *epochs <= kMax)
    return static_cast<int>(*epochs);
  throw ConfigError("must be a whole number of epochs, 1 to 1,000,000");
}

bool parse_nesterov(std::string_view text) {
  if (text == "true" || text == "false") return text == "true";
  throw ConfigError("must be true or false");
}

}  // namespace

const char* to_text(Optimizer optimizer) { return name_in(kOptimizers, optimizer); }

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> kNames = names_in(kOptimizers);
  return kNames;
}

Optimizer parse_optimizer(std::string_view name) {
  if (const auto optimizer = choice_in(kOptimizers, name)) return *optimizer;
  throw ConfigError(fmt::format("unknown name \"{}\"{}; allowed: {}", printable(name),
                                did_you_mean(name, optimizer_names()), join(optimizer_names())));
}

const std::vector<OptimizerOptionEntry>& optimizer_options() {
  using Settings = OptimizerSettings;
  static const std::vector<Optimizer> kAll = {Optimizer::kSgd, Optimizer::kAdam,
                                              Optimizer::kRmsprop};
  static const std::vector<OptimizerOptionEntry> kOptions = {
      {"momentum",
       "momentum",
       "X",
       "Momentum of sgd and rmsprop, from 0 to below 1",
       {Optimizer::kSgd, Optimizer::kRmsprop},
       [](Settings& settings, auto text) { settings.momentum = parse_decay(text); },
       [](const Settings& settings) { return json_number(settings.momentum); }},
      {"nesterov",
       "nesterov",
       "",
       "Nesterov's momentum for sgd",
       {Optimizer::kSgd},
       [](Settings& settings, auto text) { settings.nesterov = parse_nesterov(text); },
       [](const Settings& settings) { return Json(settings.nesterov); }},
      {"adam_beta1",
       "adam-beta1",
       "X",
       "Decay of adam's mean gradient, from 0 to below 1",
       {Optimizer::kAdam},
       [](Settings& settings, auto text) { settings.adam_beta1 = parse_decay(text); },
       [](const Settings& settings) { return json_number(settings.adam_beta1); }},
      {"adam_beta2",
       "adam-beta2",
       "X",
       "Decay of adam's mean squared gradient",
       {Optimizer::kAdam},
       [](Settings& settings, auto text) { settings.adam_beta2 = parse_decay(text); },
       [](const Settings& settings) { return json_number(settings.adam_beta2); }},
      {"adam_epsilon",
       "adam-epsilon",
       "X",
       "What adam adds to its root; Keras adds 1e-7",
       {Optimizer::kAdam},
       [](Settings& settings, auto text) { settings.adam_epsilon = parse_epsilon(text); },
       [](const Settings& settings) { return json_number(settings.adam_epsilon); }},
      {"rmsprop_alpha",
       "rmsprop-alpha",
       "X",
       "Decay of rmsprop's mean squared gradient; Keras' rho is 0.9",
       {Optimizer::kRmsprop},
       [](Settings& settings, auto text) { settings.rmsprop_alpha = parse_decay(text); },
       [](const Settings& settings) { return json_number(settings.rmsprop_alpha); }},
      {"rmsprop_epsilon",
       "rmsprop-epsilon",
       "X",
       "What rmsprop adds to its root; Keras adds 1e-7",
       {Optimizer::kRmsprop},
       [](Settings& settings, auto text) { settings.rmsprop_epsilon = parse_epsilon(text); },
       [](const Settings& settings) { return json_number(settings.rmsprop_epsilon); }},
      {"learning_rate_decay", "lr-decay", "FACTOR",
       "What the learning rate is multiplied with every so many epochs", kAll,
       [](Settings& settings, auto text) { settings.learning_rate_decay = parse_factor(text); },
       [](const Settings& settings) { return json_number(settings.learning_rate_decay); }},
      {"learning_rate_decay_every", "lr-decay-every", "N", "How many epochs that is", kAll,
       [](Settings& settings, auto text) {
         settings.learning_rate_decay_every = parse_epochs(text);
       },
       [](const Settings& settings) { return Json(settings.learning_rate_decay_every); }},
  };
  return kOptions;
}

bool applies_to(Optimizer optimizer, const OptimizerOptionEntry& option) {
  return std::count(option.optimizers.begin(), option.optimizers.end(), optimizer) > 0;
}

std::string names_of_those_that_know(const OptimizerOptionEntry& option) {
  std::vector<std::string> names;
  for (const Optimizer optimizer : option.optimizers) names.emplace_back(to_text(optimizer));
  return join(names);
}

double learning_rate_in(std::uint64_t epoch, double learning_rate,
                        const OptimizerSettings& settings) {
  const auto every = static_cast<std::uint64_t>(settings.learning_rate_decay_every);
  const auto decays = static_cast<double>((epoch - 1) / every);
  return learning_rate * std::pow(settings.learning_rate_decay, decays);
}

}  // namespace clipsweep

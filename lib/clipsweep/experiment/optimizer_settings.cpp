#include "clipsweep/experiment/optimizer_settings.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <stdexcept>

#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr double kPi = 3.14159265358979323846;

constexpr NameTable<Optimizer, 3> kOptimizers = {
    {{Optimizer::kSgd, "sgd"}, {Optimizer::kAdam, "adam"}, {Optimizer::kRmsprop, "rmsprop"}}};

constexpr NameTable<LearningRateSchedule, 4> kSchedules = {
    {{LearningRateSchedule::kConstant, "constant"},
     {LearningRateSchedule::kStep, "step"},
     {LearningRateSchedule::kCosine, "cosine"},
     {LearningRateSchedule::kLinear, "linear"}}};

// What to write for the name of another framework's optimizer; empty if the name is not known.
std::string optimizer_hint(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  if (lower == "adamw") return "use adam with --decoupled-weight-decay X";
  if (lower == "sgdw") return "use sgd with --decoupled-weight-decay X";
  if (lower == "momentum") return "use sgd with --momentum X";
  if (lower == "nesterov" || lower == "nag") return "use sgd with --momentum X --nesterov";
  return "";
}

}  // namespace

const char* to_text(Optimizer optimizer) { return name_in(kOptimizers, optimizer); }

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> kNames = names_in(kOptimizers);
  return kNames;
}

Optimizer parse_optimizer(std::string_view name) {
  if (const auto optimizer = choice_in(kOptimizers, name)) return *optimizer;
  throw_unknown("optimizer", name, optimizer_names(), optimizer_hint(name));
}

const char* to_text(LearningRateSchedule schedule) { return name_in(kSchedules, schedule); }

LearningRateSchedule parse_learning_rate_schedule(std::string_view name) {
  return parse_choice(kSchedules, "learning-rate schedule", name);
}

const std::vector<std::string>& learning_rate_schedule_names() {
  static const std::vector<std::string> kNames = names_in(kSchedules);
  return kNames;
}

const std::vector<OptimizerOptionEntry>& optimizer_options() {
  using Settings = OptimizerSettings;
  const std::vector<Optimizer> all = {Optimizer::kSgd, Optimizer::kAdam, Optimizer::kRmsprop};
  static const std::vector<OptimizerOptionEntry> kOptions = {
      {listed(option("momentum", "X", &Settings::momentum, parse_decay_in_float32,
                     "Momentum of sgd and rmsprop, from 0 to below 1")),
       {Optimizer::kSgd, Optimizer::kRmsprop}},
      {toggle("nesterov", &Settings::nesterov, "Nesterov momentum for sgd"), {Optimizer::kSgd}},
      {option("adam-beta1", "X", &Settings::adam_beta1, parse_decay_in_float32,
              "Decay of adam's mean gradient, from 0 to below 1"),
       {Optimizer::kAdam}},
      {option("adam-beta2", "X", &Settings::adam_beta2, parse_decay_in_float32,
              "Decay of adam's mean squared gradient, from 0 to below 1"),
       {Optimizer::kAdam}},
      {option("adam-epsilon", "X", &Settings::adam_epsilon, parse_positive_in_float32,
              "Added to the denominator of adam's step; Keras adds 1e-7"),
       {Optimizer::kAdam}},
      {option("rmsprop-alpha", "X", &Settings::rmsprop_alpha, parse_decay_in_float32,
              "Decay of rmsprop's mean squared gradient; Keras' rho is 0.9"),
       {Optimizer::kRmsprop}},
      {option("rmsprop-epsilon", "X", &Settings::rmsprop_epsilon, parse_positive_in_float32,
              "Added to the denominator of rmsprop's step; Keras adds 1e-7"),
       {Optimizer::kRmsprop}},
      {listed(with_names(
           option({"lr-schedule", "learning_rate_schedule"}, "NAME",
                  &Settings::learning_rate_schedule, parse_learning_rate_schedule,
                  "Learning rate over the steps, after the warm-up: " +
                      join(learning_rate_schedule_names()) +
                      "; cosine and linear fall to 0 at the end of the run",
                  [](const Settings& settings) { return Json(to_text(schedule_of(settings))); }),
           learning_rate_schedule_names())),
       all},
      {listed(whole({"lr-warmup", "learning_rate_warmup"}, &Settings::learning_rate_warmup, 0,
                    1'000'000'000,
                    "Warm-up steps, over which the learning rate rises linearly from 0")),
       all},
      {listed(option(
           {"lr-decay", "learning_rate_decay"}, "FACTOR", &Settings::learning_rate_decay,
           parse_fraction,
           "Factor applied to the learning rate every --lr-decay-every epochs; 1 is a constant "
           "rate")),
       all},
      {whole({"lr-decay-every", "learning_rate_decay_every"}, &Settings::learning_rate_decay_every,
             1, 1'000'000, "Epochs between learning-rate decays"),
       all},
  };
  return kOptions;
}

bool operator==(const Regularization& a, const Regularization& b) {
  return a.weight_decay == b.weight_decay && a.decoupled_weight_decay == b.decoupled_weight_decay &&
         a.l1 == b.l1;
}

LearningRateSchedule schedule_of(const OptimizerSettings& settings) {
  const bool decays = settings.learning_rate_decay != 1;
  const bool is_constant = settings.learning_rate_schedule == LearningRateSchedule::kConstant;
  return decays && is_constant ? LearningRateSchedule::kStep : settings.learning_rate_schedule;
}

bool is_scheduled(const OptimizerSettings& settings) {
  return settings.learning_rate_warmup > 0 ||
         schedule_of(settings) != LearningRateSchedule::kConstant;
}

double learning_rate_at(std::uint64_t step, double learning_rate, const OptimizerSettings& settings,
                        const RunLength& length) {
  const std::uint64_t warmup = settings.learning_rate_warmup;
  const double warmed =
      step < warmup ? learning_rate * (static_cast<double>(step) / static_cast<double>(warmup))
                    : learning_rate;
  const double progress = step <= warmup ? 0
                                         : static_cast<double>(step - 1 - warmup) /
                                               static_cast<double>(length.steps - warmup);
  switch (schedule_of(settings)) {
    case LearningRateSchedule::kConstant:
      return warmed;
    case LearningRateSchedule::kStep: {
      const auto every = static_cast<std::uint64_t>(settings.learning_rate_decay_every);
      const auto decays = static_cast<double>((step - 1) / length.steps_per_epoch / every);
      return warmed * std::pow(settings.learning_rate_decay, decays);
    }
    case LearningRateSchedule::kCosine:
      return warmed * (0.5 * (1 + std::cos(kPi * progress)));
    case LearningRateSchedule::kLinear:
      return warmed * (1 - progress);
  }
  throw std::logic_error("learning_rate_at: unknown schedule");
}

}  // namespace clipsweep

#include "clipsweep/experiment/optimizer_settings.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr NameTable<Optimizer, 3> kOptimizers = {
    {{Optimizer::kSgd, "sgd"}, {Optimizer::kAdam, "adam"}, {Optimizer::kRmsprop, "rmsprop"}}};

// What to write for the name of another framework's optimizer; empty if the name is not known.
std::string hint_for(std::string_view name) {
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
  throw_unknown("optimizer", name, optimizer_names(), hint_for(name));
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
      {listed(option({"lr-decay", "learning_rate_decay"}, "FACTOR", &Settings::learning_rate_decay,
                     parse_fraction,
                     "Factor applied to the learning rate every --lr-decay-every epochs; 1 is a "
                     "constant rate")),
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

double learning_rate_in(std::uint64_t epoch, double learning_rate,
                        const OptimizerSettings& settings) {
  const auto every = static_cast<std::uint64_t>(settings.learning_rate_decay_every);
  const auto decays = static_cast<double>((epoch - 1) / every);
  return learning_rate * std::pow(settings.learning_rate_decay, decays);
}

}  // namespace clipsweep

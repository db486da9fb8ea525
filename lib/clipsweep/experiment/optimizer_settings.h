// How steps are taken, as plain data: the optimizers by name, what each can be told, and how the
// learning rate falls. The steps themselves are in optimizer.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

enum class Optimizer {
  kSgd,      // with momentum (Polyak 1964) and Nesterov's variant of it (Sutskever et al. 2013)
  kAdam,     // Kingma & Ba 2015
  kRmsprop,  // Tieleman & Hinton 2012
};

// The defaults are PyTorch's. Keras differs in three: its epsilons are 1e-7, and its alpha, named
// rho, is 0.9.
struct OptimizerSettings {
  Optimizer optimizer = Optimizer::kSgd;
  double momentum = 0;
  bool nesterov = false;
  double adam_beta1 = 0.9;            // decay of the gradient's mean
  double adam_beta2 = 0.999;          // decay of the squared gradient's mean
  double adam_epsilon = 1e-8;         // added to its root
  double rmsprop_alpha = 0.99;        // decay of the squared gradient's mean
  double rmsprop_epsilon = 1e-8;      // added to its root
  double learning_rate_decay = 1;     // a factor
  int learning_rate_decay_every = 1;  // epochs
};

// `sgd`, `adam`, `rmsprop`
const char* to_text(Optimizer optimizer);
// Throws ConfigError that lists the names.
Optimizer parse_optimizer(std::string_view name);
const std::vector<std::string>& optimizer_names();

// One line of the table of what optimizers can be told.
struct OptimizerOptionEntry {
  const char* key;         // in JSON and TOML
  const char* flag;        // without the dashes
  const char* value_name;  // in the help; empty: the flag takes no value
  const char* help;
  std::vector<Optimizer> optimizers;  // that know it
  // Reads and checks. Throws ConfigError that says what is allowed.
  void (*assign)(OptimizerSettings&, std::string_view);
  Json (*value)(const OptimizerSettings&);
};

const std::vector<OptimizerOptionEntry>& optimizer_options();
bool applies_to(Optimizer optimizer, const OptimizerOptionEntry& option);
// `sgd, rmsprop`: the optimizers that know it.
std::string names_of_those_that_know(const OptimizerOptionEntry& option);

// The learning rate of an epoch (from 1), as PyTorch's StepLR has it:
//
//   learning_rate * learning_rate_decay ^ floor((epoch - 1) / learning_rate_decay_every)
double learning_rate_in(std::uint64_t epoch, double learning_rate,
                        const OptimizerSettings& settings);

}  // namespace clipsweep

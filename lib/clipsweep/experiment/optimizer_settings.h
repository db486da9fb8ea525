// How weights are updated, as plain data: the optimizers by name and their options, the decay of
// the learning rate, and regularization. The updates themselves are in optimizer.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/io/option_table.h"

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
  double adam_epsilon = 1e-8;         // added to the root of that
  double rmsprop_alpha = 0.99;        // decay of the squared gradient's mean
  double rmsprop_epsilon = 1e-8;      // added to the root of that
  double learning_rate_decay = 1;     // a factor
  int learning_rate_decay_every = 1;  // epochs
};

// Other remedies than clipping, to compare with; 0 is off.
struct Regularization {
  double weight_decay = 0;            // L2: times the weights, added to the clipped gradient
  double decoupled_weight_decay = 0;  // times the learning rate: the fraction removed per step
  double l1 = 0;                      // times the weights' signs, added to the clipped gradient
};

bool operator==(const Regularization& a, const Regularization& b);

// `sgd`, `adam`, `rmsprop`
const char* to_text(Optimizer optimizer);
// Throws ConfigError that suggests a name and lists all.
Optimizer parse_optimizer(std::string_view name);
const std::vector<std::string>& optimizer_names();

// One row of the table of the optimizers' options, for the optimizers that use it.
using OptimizerOptionEntry = SpecificOption<OptimizerSettings, Optimizer>;

const std::vector<OptimizerOptionEntry>& optimizer_options();

// The learning rate in an epoch (from 1), by the formula of PyTorch's StepLR:
//
//   learning_rate * learning_rate_decay ^ floor((epoch - 1) / learning_rate_decay_every)
double learning_rate_in(std::uint64_t epoch, double learning_rate,
                        const OptimizerSettings& settings);

}  // namespace clipsweep

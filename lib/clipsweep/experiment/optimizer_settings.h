// How weights are updated, as plain data: the optimizers by name and their options, the schedule
// of the learning rate, and regularization. The updates themselves are in optimizer.h.
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

// What becomes of the learning rate after the warm-up.
enum class LearningRateSchedule {
  kConstant,
  kStep,    // multiplied by `learning_rate_decay` every few epochs
  kCosine,  // along half a cosine to 0 at the end of the run
  kLinear,  // along a line to 0 at the end of the run
};

// `constant`, `step`, `cosine`, `linear`
const char* to_text(LearningRateSchedule schedule);
// Throws ConfigError that suggests a name and lists all.
LearningRateSchedule parse_learning_rate_schedule(std::string_view name);
const std::vector<std::string>& learning_rate_schedule_names();

// The defaults are PyTorch's. Keras differs in three: its epsilons are 1e-7, and its alpha, named
// rho, is 0.9.
struct OptimizerSettings {
  Optimizer optimizer = Optimizer::kSgd;
  double momentum = 0;
  bool nesterov = false;
  double adam_beta1 = 0.9;        // decay of the gradient's mean
  double adam_beta2 = 0.999;      // decay of the squared gradient's mean
  double adam_epsilon = 1e-8;     // added to the root of that
  double rmsprop_alpha = 0.99;    // decay of the squared gradient's mean
  double rmsprop_epsilon = 1e-8;  // added to the root of that
  LearningRateSchedule learning_rate_schedule = LearningRateSchedule::kConstant;
  std::uint64_t learning_rate_warmup = 0;  // steps
  double learning_rate_decay = 1;          // a factor; other than 1 it implies the schedule `step`
  int learning_rate_decay_every = 1;       // epochs
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

// The schedule in use: `step` where there is a decay.
LearningRateSchedule schedule_of(const OptimizerSettings& settings);

// Whether steps have different learning rates.
bool is_scheduled(const OptimizerSettings& settings);

// How many steps a run has.
struct RunLength {
  std::uint64_t steps_per_epoch = 1;
  std::uint64_t steps = 1;
};

// The learning rate at step t (from 1): learning_rate * min(1, t / N) * f(t) with a warm-up of N
// steps, where f(t) is, by the formulas of PyTorch's StepLR, CosineAnnealingLR and LinearLR,
//
//   step     learning_rate_decay ^ floor((epoch of t - 1) / learning_rate_decay_every)
//   cosine   (1 + cos(pi p)) / 2,   p = max(0, t - 1 - N) / (steps - N)
//   linear   1 - p
//
// so that the rate is highest at step N + 1 and would be 0 at the step after the last.
double learning_rate_at(std::uint64_t step, double learning_rate, const OptimizerSettings& settings,
                        const RunLength& length);

}  // namespace clipsweep

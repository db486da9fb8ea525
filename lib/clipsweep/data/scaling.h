// Scales the inputs of sequences, feature by feature, as the training set says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/data/sequence_data.h"

namespace clipsweep {

enum class Scaling {
  kNone,      // as they are
  kUnit,      // (x - min) / (max - min)
  kStandard,  // (x - mean) / standard deviation, of all N * T values
};

// `none`, `unit`, `standard`
const char* to_text(Scaling scaling);
std::vector<std::string> scaling_names();
// Throws ConfigError that suggests a name and lists all.
Scaling parse_scaling(std::string_view name);

// Scales all sets in place by the values of the training set. Time steps behind the end of a
// sequence and values that are not finite count for nothing; a feature that is constant in the
// training set becomes 0 everywhere.
void scale_inputs(SequenceData& data, Scaling scaling);

}  // namespace clipsweep

// Numbers by gate, such as norms and spectral radii, to JSON and back.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"

namespace clipsweep {

// A number for each gate of a cell, by its name, in the order of the gates. NaN, in JSON null,
// where there is none.
using GateNumbers = std::vector<std::pair<std::string, double>>;

// Adds the gates' names to their numbers, which are in the same order, or none at all.
GateNumbers by_gate(Cell cell, const std::vector<double>& values);

// The spectral radius of each gate's recurrent weights in one layer; NaN where an element of these
// is not finite.
struct LayerRadii {
  std::string tensor;
  GateNumbers radii;

  template <typename Archive>
  void archive(Archive& archive) {
    archive(tensor, radii);
  }
};

Json to_json(const GateNumbers& numbers);
Json to_json(const std::vector<LayerRadii>& layers);

// Throw DataError that names the key.
GateNumbers gate_numbers_from_json(const Json& json, const char* key);
std::vector<LayerRadii> layer_radii_from_json(const Json& json, const char* key);

}  // namespace clipsweep

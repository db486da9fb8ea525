#include "clipsweep/records/gate_numbers.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"

namespace clipsweep {

GateNumbers by_gate(Cell cell, const std::vector<double>& values) {
  const auto names = gate_letters(cell);
  GateNumbers numbers;
  for (std::size_t gate = 0; gate < values.size(); ++gate)
    numbers.emplace_back(names[gate], values[gate]);
  return numbers;
}

Json to_json(const GateNumbers& numbers) {
  Json json = Json::object();
  for (const auto& [gate, number] : numbers)
    json[gate] = std::isfinite(number) ? json_number(number) : Json(nullptr);
  return json;
}

Json to_json(const std::vector<LayerRadii>& layers) {
  Json json = Json::object();
  for (const auto& layer : layers) json[layer.tensor] = to_json(layer.radii);
  return json;
}

GateNumbers gate_numbers_from_json(const Json& json, const char* key) {
  if (!json.is_object())
    throw DataError(fmt::format("\"{}\" must be an object of numbers by gate", key));
  GateNumbers numbers;
  for (const auto& [gate, number] : json.items())
    numbers.emplace_back(gate, number.is_null() ? std::numeric_limits<double>::quiet_NaN()
                                                : read_number(number, gate));
  return numbers;
}

std::vector<LayerRadii> layer_radii_from_json(const Json& json, const char* key) {
  if (!json.is_object()) throw DataError(fmt::format("\"{}\" must be an object of tensors", key));
  std::vector<LayerRadii> layers;
  for (const auto& [tensor, radii] : json.items())
    layers.push_back({tensor, gate_numbers_from_json(radii, tensor.c_str())});
  return layers;
}

}  // namespace clipsweep

#include "clipsweep/records/weights_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/data/array_store.h"
#include "clipsweep/data/npy.h"
#include "clipsweep/data/zip_archive.h"

namespace clipsweep {
namespace {

// `lstm.weight_ih`, `lstm.bias_l1` -> `lstm.weight_ih_l0`, `lstm.bias_ih_l1`
std::string torch_name(std::string name) {
  if (is_output_name(name)) return name;
  if (name.find("_l") == name.npos) name += "_l0";
  const auto bias = name.find(".bias_l");
  if (bias != name.npos) name.insert(bias + std::string(".bias").size(), "_ih");
  return name;
}

// One array of the archive.
struct WeightsArray {
  std::string name;
  const ParameterTensor& tensor;
  bool is_second_bias;  // which is 0
};

std::vector<WeightsArray> arrays_of(const ParameterLayout& layout) {
  const bool has_one_bias = cell_entry(layout.model.cell).biases.size() == 1;
  std::vector<WeightsArray> arrays;
  for (const auto& tensor : layout.tensors) {
    std::string name = torch_name(tensor.name);
    arrays.push_back({name, tensor, false});
    const auto bias = name.find(".bias_ih");
    if (!has_one_bias || bias == name.npos) continue;
    name.replace(bias, std::string(".bias_ih").size(), ".bias_hh");
    arrays.push_back({name, tensor, true});
  }
  return arrays;
}

void check_names(const std::vector<WeightsArray>& arrays, const ArrayStore& store) {
  for (const auto& array : arrays)
    if (!store.has(array.name))
      throw DataError(fmt::format("{}: no array {}", store.where(), array.name));
  for (const auto& name : store.names())
    if (std::none_of(arrays.begin(), arrays.end(),
                     [&](const auto& array) { return array.name == name; }))
      throw DataError(
          fmt::format("{}: {} is no array of this model", store.where(), printable(name)));
}

std::vector<float> read_array(const WeightsArray& array, const ArrayStore& store) {
  const std::string where = fmt::format("{}: {}", store.where(), array.name);
  const auto source = store.open(array.name);
  const NpyHeader header = read_npy_header(*source, where);
  const std::vector<std::uint64_t> shape(array.tensor.shape.begin(), array.tensor.shape.end());
  if (header.shape != shape)
    throw DataError(fmt::format("{}: its shape is {}, not {}", where, shape_text(header.shape),
                                shape_text(shape)));
  if (header.type.kind != NumberKind::kFloat || header.type.bytes != 4)
    throw DataError(fmt::format("{}: its numbers are not float32", where));
  return read_floats(*source, header, where);
}

}  // namespace

std::string weights_npz(const ParameterLayout& layout, Span<const float> weights) {
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [name, tensor, is_second_bias] : arrays_of(layout)) {
    const std::vector<float> zeros(is_second_bias ? tensor.size() : 0);
    members.emplace_back(
        name + ".npy",
        npy_bytes(tensor.shape, is_second_bias ? Span<const float>(zeros) : part(weights, tensor)));
  }
  return zip_bytes(members);
}

std::vector<float> read_weights_npz(const fs::path& path, const ParameterLayout& layout) {
  const auto store = open_npz(path);
  const auto arrays = arrays_of(layout);
  check_names(arrays, *store);
  std::vector<float> weights;
  for (const auto& array : arrays) {
    const auto values = read_array(array, *store);
    if (!array.is_second_bias)
      weights.insert(weights.end(), values.begin(), values.end());
    else if (std::any_of(values.begin(), values.end(), [](float value) { return value != 0; }))
      throw DataError(
          fmt::format("{}: {} is not 0, but the cell has one bias", store->where(), array.name));
  }
  return weights;
}

}  // namespace clipsweep

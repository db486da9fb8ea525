#include "clipsweep/records/weights_file.h"

#include <utility>
#include <vector>

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

}  // namespace

std::string weights_npz(const ParameterLayout& layout, Span<const float> weights) {
  const bool has_one_bias = cell_entry(layout.model.cell).biases.size() == 1;
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& tensor : layout.tensors) {
    std::string name = torch_name(tensor.name);
    members.emplace_back(name + ".npy", npy_bytes(tensor.shape, part(weights, tensor)));
    const auto bias = name.find(".bias_ih");
    if (!has_one_bias || bias == name.npos) continue;
    name.replace(bias, std::string(".bias_ih").size(), ".bias_hh");
    const std::vector<float> zeros(tensor.size());
    members.emplace_back(name + ".npy", npy_bytes(tensor.shape, zeros));
  }
  return zip_bytes(members);
}

}  // namespace clipsweep

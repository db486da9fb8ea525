#include "clipsweep/model/parameters.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>

namespace clipsweep {

std::size_t ParameterTensor::size() const {
  return std::accumulate(
      shape.begin(), shape.end(), std::size_t{1},
      [](std::size_t product, int side) { return product * static_cast<std::size_t>(side); });
}

std::size_t ParameterLayout::size() const {
  return tensors.empty() ? 0 : tensors.back().offset + tensors.back().size();
}

std::vector<std::string> ParameterLayout::names() const {
  std::vector<std::string> names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return names;
}

const ParameterTensor& ParameterLayout::tensor(const std::string& name) const {
  for (const auto& tensor : tensors)
    if (tensor.name == name) return tensor;
  throw std::logic_error("ParameterLayout: no tensor " + name);
}

const ParameterTensor& ParameterLayout::tensor_at(std::size_t element) const {
  for (const auto& tensor : tensors)
    if (element < tensor.offset + tensor.size()) return tensor;
  throw std::logic_error("ParameterLayout: no such element");
}

ParameterLayout layout_of(const Model& model) {
  ParameterLayout layout;
  layout.model = model;
  const auto add = [&](const std::string& name, std::vector<int> shape) {
    const std::size_t offset = layout.size();
    layout.tensors.push_back({name, std::move(shape), offset});
  };
  const CellEntry& cell = cell_entry(model.cell);
  const std::string prefix = std::string(cell.tensor_prefix) + ".";
  const int rows = gates_of(model.cell) * model.hidden;
  for (int layer = 0; layer < model.layers; ++layer) {
    const std::string suffix = layer == 0 ? "" : "_l" + std::to_string(layer);
    add(prefix + "weight_ih" + suffix, {rows, layer == 0 ? model.inputs : model.hidden});
    add(prefix + "weight_hh" + suffix, {rows, model.hidden});
    for (const char* bias : cell.biases) add(prefix + bias + suffix, {rows});
  }
  add("output.weight", {model.outputs, model.hidden});
  add("output.bias", {model.outputs});
  return layout;
}

ParameterLayout lstm_layout(int inputs, int hidden, int outputs) {
  return layout_of({Cell::kLstm, 1, inputs, hidden, outputs, Target::kClass});
}

bool is_output_name(std::string_view tensor_name) {
  return tensor_name.compare(0, 7, "output.") == 0;
}
bool is_output(const ParameterTensor& tensor) { return is_output_name(tensor.name); }

bool is_recurrent_name(std::string_view tensor_name) {
  return tensor_name.find(".weight_hh") != std::string_view::npos;
}
bool is_recurrent(const ParameterTensor& tensor) { return is_recurrent_name(tensor.name); }

void Block::keep_rows(const std::vector<std::size_t>& kept) {
  for (std::size_t to = 0; to < kept.size(); ++to) {
    if (to == kept[to]) continue;
    const auto from = row(kept[to]);
    std::copy(from.begin(), from.end(), row(to).begin());
  }
  rows_ = kept.size();
  values_.resize(rows_ * columns_);
}

}  // namespace clipsweep

#include "clipsweep/model/cells.h"

#include <stdexcept>

#include "clipsweep/base/text.h"

namespace clipsweep {

const std::vector<CellEntry>& cell_table() {
  static const std::vector<CellEntry> kTable = {
      {Cell::kLstm,
       "lstm",
       "lstm",
       {{"i", "input gate", Activation::kSigmoid},
        {"f", "forget gate", Activation::kSigmoid},
        {"g", "cell candidate", Activation::kTanh},
        {"o", "output gate", Activation::kSigmoid}},
       {"h", "c"},
       {"bias"}},
      {Cell::kGru,
       "gru",
       "gru",
       {{"r", "reset gate", Activation::kSigmoid},
        {"z", "update gate", Activation::kSigmoid},
        {"n", "candidate", Activation::kTanh}},
       {"h"},
       {"bias_ih", "bias_hh"}},
      {Cell::kRnnTanh,
       "rnn-tanh",
       "rnn",
       {{"h", "hidden state", Activation::kTanh}},
       {"h"},
       {"bias"},
       true},
      {Cell::kRnnRelu,
       "rnn-relu",
       "rnn",
       {{"h", "hidden state", Activation::kRelu}},
       {"h"},
       {"bias"},
       true},
  };
  return kTable;
}

const CellEntry& cell_entry(Cell cell) {
  for (const auto& entry : cell_table())
    if (entry.cell == cell) return entry;
  throw std::logic_error("cell_entry: the table lacks a cell");
}

const CellEntry* cell_of_tensor(std::string_view tensor_name) {
  const auto dot = tensor_name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  for (const auto& entry : cell_table())
    if (tensor_name.substr(0, dot) == entry.tensor_prefix) return &entry;
  return nullptr;
}

const char* to_text(Cell cell) { return cell_entry(cell).name; }

std::vector<std::string> cell_names() {
  std::vector<std::string> names;
  for (const auto& entry : cell_table()) names.emplace_back(entry.name);
  return names;
}

Cell parse_cell(std::string_view name) {
  for (const auto& entry : cell_table())
    if (name == entry.name) return entry.cell;
  throw_unknown("cell", name, cell_names());
}

int gates_of(Cell cell) { return static_cast<int>(cell_entry(cell).gates.size()); }

std::vector<std::string> gate_letters(Cell cell) {
  std::vector<std::string> letters;
  for (const auto& gate : cell_entry(cell).gates) letters.emplace_back(gate.letter);
  return letters;
}

bool is_gated(Cell cell) { return gates_of(cell) > 1; }

std::vector<std::string> cells_with_omega() {
  std::vector<std::string> names;
  for (const auto& entry : cell_table())
    if (entry.has_omega) names.emplace_back(entry.name);
  return names;
}

std::optional<std::size_t> forget_gate_of(Cell cell) {
  const auto& gates = cell_entry(cell).gates;
  for (std::size_t gate = 0; gate < gates.size(); ++gate)
    if (std::string_view(gates[gate].name) == "forget gate") return gate;
  return std::nullopt;
}

}  // namespace clipsweep

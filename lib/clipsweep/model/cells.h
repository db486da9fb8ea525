// The recurrent cells, as one table. Everything that depends on the cell reads it: the layout of
// the parameters, the engines, the logs, the checks and the sentences about events. The formulas
// are in the engines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

enum class Cell {
  kLstm,     // Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000
  kGru,      // Cho et al. 2014, as PyTorch and Keras (reset_after) compute it
  kRnnTanh,  // Elman 1990
  kRnnRelu,  // Le et al. 2015
};

enum class Activation { kSigmoid, kTanh, kRelu };

// What a unit computes from one of its rows of weights.
struct Gate {
  const char* letter;  // in logs and figures: `i`
  const char* name;    // in sentences: `input gate`
  Activation activation;
};

struct CellEntry {
  Cell cell;
  const char* name;           // on the command line and in JSON: `rnn-tanh`
  const char* tensor_prefix;  // of its tensors: `rnn`, shared by the plain cells as in PyTorch
  std::vector<Gate> gates;    // G: the rows of weights that a unit has, in their order
  std::vector<const char*> states;  // `h`, and for an LSTM `c`
  std::vector<const char*> biases;  // the tensors [GH] that hold its biases
  bool has_omega = false;           // whether the regularizer Omega is defined for it (omega.h)
};

// In the order of help and lists.
const std::vector<CellEntry>& cell_table();

// Throws std::logic_error if the table lacks the cell.
const CellEntry& cell_entry(Cell cell);

// The first cell with tensors of this name's prefix; nullptr for the output layer's and unknown
// ones. Plain cells share their prefix, their gate and their states.
const CellEntry* cell_of_tensor(std::string_view tensor_name);

// `lstm`, `gru`, `rnn-tanh`, `rnn-relu`
const char* to_text(Cell cell);

std::vector<std::string> cell_names();

// Throws ConfigError that lists the cells.
Cell parse_cell(std::string_view name);

// G: 4, 3 or 1.
int gates_of(Cell cell);

// The letters of the gates, in their order: i, f, g, o; r, z, n; h, the state itself.
std::vector<std::string> gate_letters(Cell cell);

// Whether the cell has gates, rather than a state alone.
bool is_gated(Cell cell);

// Those with the regularizer Omega.
std::vector<std::string> cells_with_omega();

// The place of the forget gate among the cell's gates, if it has one.
std::optional<std::size_t> forget_gate_of(Cell cell);

}  // namespace clipsweep

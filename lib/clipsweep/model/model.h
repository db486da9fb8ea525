// What is trained: recurrent layers of one kind of cell and a dense output layer, and what it is
// asked for. Plain data; how its parameters lie in memory is said in parameters.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clipsweep {

// The recurrent cell. The formulas are in the engines.
enum class Cell {
  kLstm,     // Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000
  kGru,      // Cho et al. 2014, as PyTorch and Keras (reset_after) compute it
  kRnnTanh,  // Elman 1990
  kRnnRelu,  // likewise with ReLU: the cell of Le et al. 2015
};

// `lstm`, `gru`, `rnn-tanh`, `rnn-relu`
const char* to_text(Cell cell);

std::vector<std::string> cell_names();

// Throws ConfigError that lists the cells.
Cell parse_cell(std::string_view name);

// How many rows of weights a unit has: 4, 3 and 1.
int gates_of(Cell cell);

// What these rows are called, in their order: i, f, g, o; r, z, n; h, the state itself.
std::vector<std::string> gate_names(Cell cell);

// Whether the cell has gates, rather than a state alone.
bool is_gated(Cell cell);

// What the output layer is asked for, and the loss of a sample.
enum class Target {
  kClass,          // one class, after the last time step: softmax cross-entropy
  kClassEachStep,  // a class at each time step: the mean of their cross-entropies
  kNumber,         // one number, after the last time step: the squared error
};

struct Model {
  Cell cell = Cell::kLstm;
  int layers = 1;
  int inputs = 0;   // I
  int hidden = 0;   // H
  int outputs = 0;  // O
  Target target = Target::kClass;
  double tolerance = 0;  // the largest squared error that is right, where the target is a number
};

}  // namespace clipsweep

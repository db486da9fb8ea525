// The layout of a run's parameters in its row of P numbers, and the block [R, P] of a cohort.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/base/span.h"
#include "clipsweep/model/model.h"

namespace clipsweep {

// One named tensor within a row, in the frameworks' row-major layout.
struct ParameterTensor {
  std::string name;
  std::vector<int> shape;
  std::size_t offset = 0;

  std::size_t size() const;
};

// All tensors of a model, one after another.
struct ParameterLayout {
  Model model;
  std::vector<ParameterTensor> tensors;

  std::size_t size() const;  // P
  std::vector<std::string> names() const;
  const ParameterTensor& tensor(const std::string& name) const;
  // The tensor that contains this element of a row.
  const ParameterTensor& tensor_at(std::size_t element) const;
};

// The recurrent layers and the dense layer. G is the number of gates: 4 for an LSTM (i, f, g, o), 3
// for a GRU (r, z, n), 1 for a plain cell.
//
//   CELL.weight_ih [GH, I], CELL.weight_hh [GH, H], CELL.bias [GH], output.weight [O, H],
//   output.bias [O]
//
// CELL is `lstm`, `gru` or `rnn`. As in PyTorch, a GRU has two biases instead of one, gru.bias_ih
// [3H] and gru.bias_hh [3H]. The tensors of the second layer are called CELL.weight_ih_l1 [GH, H]
// and so on.
ParameterLayout layout_of(const Model& model);

// The layout of an LSTM with one layer that predicts classes.
ParameterLayout lstm_layout(int inputs, int hidden, int outputs);

// Whether a tensor belongs to the output layer: its name begins with `output.`.
bool is_output_name(std::string_view tensor_name);
bool is_output(const ParameterTensor& tensor);

// Whether a tensor multiplies the state of the time step before: CELL.weight_hh of any layer.
bool is_recurrent_name(std::string_view tensor_name);
bool is_recurrent(const ParameterTensor& tensor);

// One tensor's part of a row.
template <typename T>
Span<T> part(Span<T> row, const ParameterTensor& tensor) {
  return row.subspan(tensor.offset, tensor.size());
}

// R rows of P numbers in contiguous memory.
class Block {
 public:
  Block(std::size_t rows, std::size_t columns)
      : rows_(rows), columns_(columns), values_(rows * columns) {}

  std::size_t rows() const { return rows_; }        // R
  std::size_t columns() const { return columns_; }  // P
  Span<float> row(std::size_t r) { return {values_.data() + r * columns_, columns_}; }
  Span<const float> row(std::size_t r) const { return {values_.data() + r * columns_, columns_}; }
  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }

  // Keeps the rows with these ascending indices and drops the others.
  void keep_rows(const std::vector<std::size_t>& kept);

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<float> values_;
};

}  // namespace clipsweep

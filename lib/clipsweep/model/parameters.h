// How the parameters of a run lie in its row of P numbers, and the block [R, P] of a cohort.
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

// All tensors of a model, one after the other.
struct ParameterLayout {
  Model model;
  std::vector<ParameterTensor> tensors;

  std::size_t size() const;  // P
  std::vector<std::string> names() const;
  const ParameterTensor& tensor(const std::string& name) const;
  // The tensor that the element of a row belongs to.
  const ParameterTensor& tensor_at(std::size_t element) const;
};

// Recurrent layers and dense layer, G being 4 gates for lstm (i, f, g, o), 3 for gru (r, z, n), 1
// for the plain cells:
//   CELL.weight_ih [GH, I]  CELL.weight_hh [GH, H]  CELL.bias [GH]  output.weight [O, H]
//   output.bias [O]
// CELL is `lstm`, `gru` or `rnn`. A gru has in place of its bias, as in PyTorch,
// gru.bias_ih [3H] and gru.bias_hh [3H]. Layers above the first are named CELL.weight_ih_l1
// [GH, H] and so on.
ParameterLayout layout_of(const Model& model);

// That of one layer of LSTM that tells classes apart.
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

// R rows of P numbers in one piece of memory.
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

  // Keeps the rows with these ascending numbers and drops the others.
  void keep_rows(const std::vector<std::size_t>& kept);

 private:
  std::size_t rows_;
  std::size_t columns_;
  std::vector<float> values_;
};

}  // namespace clipsweep

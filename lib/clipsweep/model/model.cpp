#include "clipsweep/model/model.h"

#include <fmt/format.h>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr NameTable<Cell, 4> kCells = {{{Cell::kLstm, "lstm"},
                                        {Cell::kGru, "gru"},
                                        {Cell::kRnnTanh, "rnn-tanh"},
                                        {Cell::kRnnRelu, "rnn-relu"}}};

}  // namespace

const char* to_text(Cell cell) { return name_in(kCells, cell); }

std::vector<std::string> cell_names() { return names_in(kCells); }

Cell parse_cell(std::string_view name) {
  return parse_choice(kCells, "cell", name);
}

int gates_of(Cell cell) { return static_cast<int>(gate_names(cell).size()); }

std::vector<std::string> gate_names(Cell cell) {
  if (cell == Cell::kLstm) return {"i", "f", "g", "o"};
  if (cell == Cell::kGru) return {"r", "z", "n"};
  return {"h"};
}

bool is_gated(Cell cell) { return cell == Cell::kLstm || cell == Cell::kGru; }

}  // namespace clipsweep

#include "clipsweep/model.h"

#include "clipsweep/name_table.h"

namespace clipsweep {
namespace {

constexpr NameTable<Cell, 4> kCells = {{{Cell::kLstm, "lstm"},
                                        {Cell::kGru, "gru"},
                                        {Cell::kRnnTanh, "rnn-tanh"},
                                        {Cell::kRnnRelu, "rnn-relu"}}};

}  // namespace

const char* to_text(Cell cell) { return name_in(kCells, cell); }

int gates_of(Cell cell) { return cell == Cell::kLstm ? 4 : cell == Cell::kGru ? 3 : 1; }

}  // namespace clipsweep

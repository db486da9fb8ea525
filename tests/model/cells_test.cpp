#include "clipsweep/model/cells.h"

#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/model/parameters.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

TEST(CellTable, HasEveryCellOnce) {
  std::set<Cell> cells;
  std::set<std::string> names;
  for (const auto& entry : cell_table()) {
    cells.insert(entry.cell);
    names.insert(entry.name);
    EXPECT_EQ(&cell_entry(entry.cell), &entry);
    EXPECT_EQ(parse_cell(entry.name), entry.cell);
    EXPECT_STREQ(to_text(entry.cell), entry.name);
  }
  EXPECT_EQ(cells, (std::set<Cell>{Cell::kLstm, Cell::kGru, Cell::kRnnTanh, Cell::kRnnRelu}));
  EXPECT_EQ(names, (std::set<std::string>{"lstm", "gru", "rnn-tanh", "rnn-relu"}));
}

// The letters are keys in run.json.
TEST(CellTable, NamesTheGates) {
  EXPECT_EQ(gate_letters(Cell::kLstm), (std::vector<std::string>{"i", "f", "g", "o"}));
  EXPECT_EQ(gate_letters(Cell::kGru), (std::vector<std::string>{"r", "z", "n"}));
  EXPECT_EQ(gate_letters(Cell::kRnnTanh), (std::vector<std::string>{"h"}));
  for (const auto& entry : cell_table()) {
    std::set<std::string> letters;
    for (const auto& gate : entry.gates) letters.insert(gate.letter);
    EXPECT_EQ(letters.size(), entry.gates.size()) << entry.name;
    EXPECT_EQ(gates_of(entry.cell), static_cast<int>(entry.gates.size()));
  }
  EXPECT_TRUE(is_gated(Cell::kGru));
  EXPECT_FALSE(is_gated(Cell::kRnnRelu));
}

TEST(CellTable, OnlyAnLstmHasAForgetGate) {
  for (const auto& entry : cell_table())
    EXPECT_EQ(forget_gate_of(entry.cell),
              entry.cell == Cell::kLstm ? std::optional<std::size_t>(1) : std::nullopt);
}

TEST(CellTable, OnlyPlainCellsHaveOmega) {
  EXPECT_EQ(cells_with_omega(), (std::vector<std::string>{"rnn-tanh", "rnn-relu"}));
}

// Checkpoints, logs and the streams of initial weights depend on these names and their order.
TEST(CellTable, NamesTheTensorsOfALayer) {
  const auto names = [](Cell cell) { return layout_of({cell, 1, 2, 3, 4}).names(); };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(Cell::kLstm), (Names{"lstm.weight_ih", "lstm.weight_hh", "lstm.bias",
                                       "output.weight", "output.bias"}));
  EXPECT_EQ(names(Cell::kGru), (Names{"gru.weight_ih", "gru.weight_hh", "gru.bias_ih",
                                      "gru.bias_hh", "output.weight", "output.bias"}));
  for (const Cell cell : {Cell::kRnnTanh, Cell::kRnnRelu})
    EXPECT_EQ(names(cell), (Names{"rnn.weight_ih", "rnn.weight_hh", "rnn.bias", "output.weight",
                                  "output.bias"}));
}

TEST(CellOfTensor, IsTheCellWithThatPrefix) {
  for (const auto& entry : cell_table()) {
    const auto layout = layout_of({entry.cell, 2, 2, 3, 4});
    for (const auto& tensor : layout.tensors) {
      const CellEntry* const cell = cell_of_tensor(tensor.name);
      ASSERT_EQ(cell == nullptr, is_output(tensor)) << tensor.name;
      if (cell) {
        EXPECT_STREQ(cell->tensor_prefix, entry.tensor_prefix);
        EXPECT_EQ(gate_letters(cell->cell), gate_letters(entry.cell));
      }
    }
  }
  for (const char* name : {"", "lstm", ".lstm", "lstmx.bias", "rnn-tanh.bias"})
    EXPECT_EQ(cell_of_tensor(name), nullptr) << name;
}

TEST(ParseCell, RefusesUnknownNames) {
  EXPECT_EQ(message_of<ConfigError>([] { parse_cell("lsmt"); }),
            "unknown cell \"lsmt\" (did you mean \"lstm\"?); allowed: lstm, gru, rnn-tanh, "
            "rnn-relu");
}

}  // namespace
}  // namespace clipsweep

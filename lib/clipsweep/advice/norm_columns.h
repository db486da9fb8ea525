// The named columns of a log, as they come: which of them may be norms, steps or losses, and the
// values of these. Which column has the norms is decided at the end, when all names are known.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clipsweep/advice/norm_log.h"

namespace clipsweep {

// How the places of rows are named in messages.
enum class RowPlace {
  kLine,   // `train.csv:12`
  kEntry,  // `trainer_state.json: entry 12`
};

// Reads a value as text: a number, or NaN or an infinity in any spelling. Returns nothing for what
// was not measured (empty, `null`, `None`) in `is_missing`, and nullopt for anything else.
struct TextValue {
  std::optional<double> number;
  bool is_missing = false;
};
TextValue read_value_text(std::string_view text);

class NormColumns {
 public:
  static constexpr std::size_t kIgnored = static_cast<std::size_t>(-1);

  // `wanted` is the name of the norms' column; empty if a usual name tells it.
  NormColumns(std::string where, std::string wanted, RowPlace place);

  // The index of a column, or kIgnored if its values are not needed.
  std::size_t find_or_add(std::string_view name);
  // How many columns there are, those that are ignored included.
  std::size_t size() const { return all_.size(); }

  // Begins a row, whose number grows from row to row.
  void begin_row(std::size_t number);
  // Removes the row that was begun last.
  void remove_row();
  // Sets a value of the row that was begun last. Throws DataError if a norm is below 0.
  void set(std::size_t column, double value);
  // The same from text. Throws DataError if a norm is not a number.
  void set_text(std::size_t column, std::string_view text);

  // Takes the columns of norms, steps and losses. Throws as read_norm_log (norm_log_reader.h) does.
  void choose(NormLog& log);

 private:
  enum class Role { kNorm, kStep, kLoss };
  struct Value {
    std::size_t row;
    double number;
  };
  struct Column {
    std::string name;
    Role role;
    std::size_t rank;  // among the usual names of its role, the most usual first
    std::vector<Value> values;
    bool is_numeric = true;
  };

  std::optional<Column> kept_column(std::string_view name) const;
  std::string place_of(std::size_t row) const;
  std::string names_text() const;
  Column& column_of_norms();
  Column* best_of(Role role);

  std::string where_;
  std::string wanted_;
  RowPlace place_;
  std::vector<std::string> all_;                        // names, in order of appearance
  std::unordered_map<std::string, std::size_t> index_;  // into kept_, or kIgnored
  std::vector<Column> kept_;
  std::size_t row_ = 0;  // the number of the latest row
  std::size_t rows_ = 0;
  std::string key_;  // kept for its memory
};

}  // namespace clipsweep

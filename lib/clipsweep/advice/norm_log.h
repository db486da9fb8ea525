// The gradient norms of a training as plain data, whatever program logged them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clipsweep {

// N norms, at least one, in the order of the log.
struct NormLog {
  std::string where;                       // names the log in messages
  std::string format;                      // `numbers`, `table`, `JSON lines`, `JSON`
  std::optional<std::string> column;       // of the norms, if columns have names
  std::optional<std::string> step_column;  // nothing: steps are counted from 1
  std::optional<std::string> loss_column;
  std::vector<double> steps;                  // [N]
  std::vector<double> norms;                  // [N], at least 0, +inf or NaN
  std::vector<std::optional<double>> losses;  // [N], or empty without a column of losses
  std::uint64_t rows_without_norm = 0;        // such as evaluations; they are left out
  bool is_cut_off = false;                    // the last row was incomplete and is left out
};

}  // namespace clipsweep

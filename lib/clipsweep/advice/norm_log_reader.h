// Reads the gradient norms of somebody's training, whatever program logged them:
//
//   numbers      one per line
//   a table      CSV or TSV with a header (Weights & Biases, Lightning, pandas)
//   JSON lines   one object per line (our step logs)
//   JSON         an array of objects or numbers, or an object whose "log_history" is such an array
//                (trainer_state.json of Hugging Face)
//
// The content tells which it is, not the name of the file.
#pragma once

#include <string>
#include <string_view>

#include "clipsweep/advice/norm_log.h"
#include "clipsweep/io/line_reader.h"

namespace clipsweep {

// Reads a log as a stream. `column` names the column of the norms; empty: the one column that has a
// usual name, such as `grad_norm`. Empty cells and `null` are no norms. Throws ConfigError if there
// is no such column, or several; DataError if a value is not a number or is below 0, if there is no
// norm at all, or if the log is not in one of the formats.
NormLog read_norm_log(ReadBytes source, const std::string& where, const std::string& column);

// The same from text, for tests.
NormLog read_norm_text(std::string_view text, const std::string& column = "");

}  // namespace clipsweep

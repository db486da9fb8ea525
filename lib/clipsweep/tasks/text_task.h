// Text as one long sequence of symbols, of which a network predicts each next one: a character
// language model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/tasks/task.h"

namespace clipsweep {

// A text as numbers of symbols. The test part is its end, the validation part is before it.
struct SymbolText {
  std::vector<std::uint16_t> train;
  std::vector<std::uint16_t> validation = {};  // empty unless split_off_validation_part makes it
  std::vector<std::uint16_t> test;
  int symbols = 0;                 // V, at most 65,536
  std::vector<std::string> names;  // of the symbols, as in the file; empty for generated text
};

// Numbers the symbols that occur, in the order of their bytes; the last tenth is the test part.
// Throws DataError that begins with `where` if the text is empty, has only one symbol or more than
// 65,536, or is not the UTF-8 that it should be.
SymbolText text_of(std::string_view bytes, SymbolKind kind, const std::string& where);

// Moves the last share of the training part, in (0, 1), to the validation part. Throws DataError
// that begins with `where` if one of the two would have no two symbols.
void split_off_validation_part(SymbolText& text, double share, const std::string& where);

// A million training symbols of the source that a task names: `markov` or `reber`.
SymbolText generated_text(const std::string& task);

// The least loss that a prediction of that source's next symbol can have, in nats: its entropy
// rate.
double entropy_rate_of(const std::string& task);

// Batches are `batch_size` streams: equally long parts of the training text, which begins at a
// place that the seed draws. A step reads the next `length` symbols of each; after the last ones
// the streams start again from the top. Throws DataError that begins with `where` if the text is
// too short for one step.
std::unique_ptr<Task> make_text_task(SymbolText text, const TrainingSettings& training,
                                     const std::string& where);

}  // namespace clipsweep

// Texts: their symbols, the parts that they are split into, and the batches read from them.
#include "clipsweep/tasks/text_task.h"
#include "fuzz.h"
#include "targets.h"

namespace clipsweep {
namespace {

std::size_t symbols_in(const SymbolText& text) {
  return text.train.size() + text.validation.size() + text.test.size();
}

void check_symbols(const SymbolText& text) {
  must_hold(text.symbols >= 2 && text.symbols <= 256, "a text has 2 to 256 symbols");
  must_hold(text.names.size() == static_cast<std::size_t>(text.symbols), "each symbol has a name");
  for (const auto* part : {&text.train, &text.validation, &text.test})
    for (const auto symbol : *part) must_hold(symbol < text.symbols, "symbols are 0 to V - 1");
}

// Whether the symbols spell the text that was read.
void check_spelling(const SymbolText& text, std::string_view input) {
  std::string spelled;
  for (const auto* part : {&text.train, &text.test})
    for (const auto symbol : *part) spelled += text.names[symbol];
  must_hold(spelled == input, "the symbols spell the text");
}

void check_batches(SymbolText text, int streams, int length) {
  TrainingSettings training;
  training.task = "text";
  training.batch_size = streams;
  training.length = LengthRange{length, length};
  const auto task = make_text_task(std::move(text), training, "input");
  Batch batch = make_batch(task->model(), 1, streams, {0});
  set_time_steps(batch, length);
  const auto samples = task->training_samples(1);
  for (int step = 0; step < 3; ++step) samples->next(batch, 0);
  Batch scratch;
  for (const auto& set : {test_set_of(*task), validation_set_of(*task)}) {
    std::uint64_t evaluated = 0;
    for (std::size_t number = 0; number < set.batches; ++number)
      evaluated += static_cast<std::uint64_t>(set.batch(number, scratch).size);
    must_hold(evaluated == set.samples, "each sample is in one batch");
  }
}

}  // namespace

void fuzz_text(std::string_view input) {
  for (const SymbolKind kind : {SymbolKind::kByte, SymbolKind::kUtf8})
    refusable([&] {
      SymbolText text = text_of(input, kind, "input");
      check_symbols(text);
      check_spelling(text, input);
      // One-hot inputs of long texts take more memory than their bytes.
      if (input.size() <= 4096) refusable([&] { check_batches(text, 3, 5); });
      const std::size_t symbols = symbols_in(text);
      split_off_validation_part(text, 0.3, "input");
      must_hold(symbols_in(text) == symbols, "no symbol is lost");
      check_symbols(text);
      if (input.size() <= 4096) check_batches(std::move(text), 1, 2);
    });
}

}  // namespace clipsweep

#include "clipsweep/tasks/text_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/sha256.h"
#include "clipsweep/tasks/symbol_source.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMostSymbols = 65'536;
constexpr std::size_t kTestShare = 10;  // the last tenth

// Test sequences begin with zero states. They are this much longer than those of training, so that
// few of their symbols are predicted from a short past.
constexpr std::size_t kTestLengths = 8;

// The length of the UTF-8 character at the beginning of the text; 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xC2 && first < 0xE0 ? 2
                             : first >= 0xE0 && first < 0xF0 ? 3
                             : first >= 0xF0 && first < 0xF5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Overlong forms, surrogates, and what is beyond Unicode.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F))
    return 0;
  return length;
}

// Calls visit(symbol) for each symbol of the text.
template <typename Visit>
void for_symbols(std::string_view bytes, SymbolKind kind, const std::string& where,
                 const Visit& visit) {
  for (std::size_t place = 0; place < bytes.size();) {
    const std::size_t length = kind == SymbolKind::kByte ? 1 : utf8_length(bytes.substr(place));
    if (length == 0)
      throw DataError(fmt::format(
          "{}: byte {} is not UTF-8; convert the file, or read bytes with --symbols bytes", where,
          with_thousands(place + 1)));
    visit(bytes.substr(place, length));
    place += length;
  }
}

class TextStream : public SampleStream {
 public:
  // text: the whole training text; offset: where the first stream begins.
  TextStream(const SymbolText& text, std::size_t stream_length, std::size_t windows,
             std::size_t offset)
      : text_(text), stream_length_(stream_length), windows_(windows), offset_(offset) {}

  void next(Batch& batch, int source) override;
  void skip(int) override { window_ = (window_ + 1) % windows_; }

  Json drawn(const Batch& batch, int source) const override { return samples_json(batch, source); }

 private:
  const SymbolText& text_;
  std::size_t stream_length_;
  std::size_t windows_;
  std::size_t offset_;
  std::size_t window_ = 0;  // the next one
};

// Writes the symbols from this place of a text, and those that follow them, as sample b. A text is
// a ring here.
void set_sample(const std::vector<std::uint16_t>& text, std::size_t place, Batch& batch, int source,
                std::size_t b) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const std::size_t block = static_cast<std::size_t>(source) * batch.blocks() + b / kLanes;
  std::size_t symbol = text[place % text.size()];
  for (std::size_t t = 0; t < steps; ++t) {
    set_symbol(batch, source, b, t, symbol);
    symbol = text[(place + t + 1) % text.size()];
    batch.labels[(block * steps + t) * kLanes + b % kLanes] = static_cast<std::int32_t>(symbol);
  }
}

// place(b): where sample b begins.
template <typename Place>
void set_samples(const std::vector<std::uint16_t>& text, const Place& place, int source,
                 Batch& batch) {
  clear_inputs(batch, source);
  for (std::size_t b = 0; b < static_cast<std::size_t>(batch.size); ++b)
    set_sample(text, place(b), batch, source, b);
  pad_lanes(batch, source);
}

void TextStream::next(Batch& batch, int source) {
  const std::size_t begin = offset_ + window_ * static_cast<std::size_t>(batch.time_steps);
  set_samples(
      text_.train, [&](std::size_t b) { return begin + b * stream_length_; }, source, batch);
  skip(batch.time_steps);
}

// Each sample begins at a random place.
class RandomTextStream : public SampleStream {
 public:
  RandomTextStream(const SymbolText& text, std::uint64_t seed)
      : text_(text), random_(seed, "text-places") {}

  void next(Batch& batch, int source) override {
    set_samples(
        text_.train, [&](std::size_t) { return random_.below(text_.train.size()); }, source, batch);
  }
  void skip(int) override { throw std::logic_error("RandomTextStream: skips no samples"); }

  Json drawn(const Batch& batch, int source) const override { return samples_json(batch, source); }

 private:
  const SymbolText& text_;
  RandomStream random_;
};

class TextTask : public Task {
 public:
  TextTask(SymbolText text, const TrainingSettings& training, const std::string& where)
      : text_(std::move(text)),
        length_(static_cast<std::size_t>(lengths_of(training).shortest)),
        streams_(static_cast<std::size_t>(training.batch_size)),
        carry_state_(training.carry_state),
        stream_length_(text_.train.size() / streams_) {
    if (stream_length_ < length_ + 1)
      throw DataError(fmt::format(
          "{}: has {} training symbols, but a step reads {} streams of {} symbols and the one "
          "behind them; take a longer text, a smaller --batch-size or a smaller --length",
          where, with_thousands(text_.train.size()), streams_, length_));
    if (text_.test.size() < 2)
      throw DataError(fmt::format("{}: its last tenth, the test part, has no two symbols", where));
  }

  Model model() const override {
    Model model;
    model.inputs = model.outputs = text_.symbols;
    model.target = Target::kClassEachStep;
    model.scores_steps = true;
    model.one_hot_inputs = true;
    return model;
  }

  int time_steps(std::uint64_t) const override { return static_cast<int>(length_); }
  bool carries_states() const override { return carry_state_; }
  bool continues(std::uint64_t step) const override { return (step - 1) % windows() != 0; }

  std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const override {
    return std::make_unique<TextStream>(text_, stream_length_, windows(), offset_of(seed));
  }

  std::unique_ptr<SampleStream> independent_samples(std::uint64_t seed) const override {
    return std::make_unique<RandomTextStream>(text_, seed);
  }

  // The place where a seed begins determines everything.
  std::string sample_order_sha256(std::uint64_t seed) const override {
    return sha256_of(fmt::format("text: from {} of {}, {} streams, {} symbols", offset_of(seed),
                                 text_.train.size(), streams_, length_));
  }

  std::size_t test_batches() const override { return batches_of(text_.test); }
  std::uint64_t test_samples() const override { return sequences_of(text_.test); }
  const Batch& test_batch(std::size_t number, Batch& scratch) const override {
    return batch_of(text_.test, number, scratch);
  }

  std::size_t validation_batches() const override { return batches_of(text_.validation); }
  std::uint64_t validation_samples() const override { return sequences_of(text_.validation); }
  const Batch& validation_batch(std::size_t number, Batch& scratch) const override {
    return batch_of(text_.validation, number, scratch);
  }

 private:
  // How many steps read all streams once.
  std::size_t windows() const { return (stream_length_ - 1) / length_; }

  // Of a part that is evaluated; it may be empty.
  std::size_t length_in(const std::vector<std::uint16_t>& part) const {
    return std::min(kTestLengths * length_, part.size() - 1);
  }
  std::size_t sequences_of(const std::vector<std::uint16_t>& part) const {
    return part.empty() ? 0 : (part.size() - 1) / length_in(part);
  }
  std::size_t batches_of(const std::vector<std::uint16_t>& part) const {
    return (sequences_of(part) + kTestBatchSize - 1) / kTestBatchSize;
  }
  const Batch& batch_of(const std::vector<std::uint16_t>& part, std::size_t number,
                        Batch& scratch) const {
    const std::size_t first = number * kTestBatchSize;
    const std::size_t size = std::min<std::size_t>(kTestBatchSize, sequences_of(part) - first);
    if (scratch.size != static_cast<int>(size))
      scratch = make_batch(model(), 1, static_cast<int>(size), {});
    const std::size_t length = length_in(part);
    set_time_steps(scratch, static_cast<int>(length));
    set_samples(
        part, [&](std::size_t b) { return (first + b) * length; }, 0, scratch);
    return scratch;
  }

  std::size_t offset_of(std::uint64_t seed) const {
    RandomStream random(seed, "text-offset");
    return static_cast<std::size_t>(random.below(text_.train.size()));
  }

  const SymbolText text_;
  const std::size_t length_;   // T
  const std::size_t streams_;  // B
  const bool carry_state_;
  const std::size_t stream_length_;  // symbols of a stream
};

SymbolSource source_of(const std::string& task) {
  if (task == "markov") return markov_source();
  if (task == "reber") return reber_source();
  throw std::logic_error("source_of: no source of symbols for " + task);
}

}  // namespace

SymbolText text_of(std::string_view bytes, SymbolKind kind, const std::string& where) {
  std::unordered_map<std::string_view, std::uint64_t> counts;
  for_symbols(bytes, kind, where, [&](std::string_view symbol) { ++counts[symbol]; });
  if (counts.empty()) throw DataError(fmt::format("{}: is empty; a text is needed", where));
  if (counts.size() == 1)
    throw DataError(
        fmt::format("{}: consists of one symbol only, \"{}\"; there is nothing to predict", where,
                    printable(std::string(counts.begin()->first))));
  if (counts.size() > kMostSymbols)
    throw DataError(
        fmt::format("{}: has {} different characters; at most {} are possible; read "
                    "bytes with --symbols bytes",
                    where, with_thousands(counts.size()), with_thousands(kMostSymbols)));
  std::size_t length = 0;
  SymbolText text;
  for (const auto& [symbol, count] : counts) {
    text.names.emplace_back(symbol);
    length += count;
  }
  std::sort(text.names.begin(), text.names.end());
  std::unordered_map<std::string_view, std::uint16_t> numbers;
  for (std::size_t number = 0; number < text.names.size(); ++number)
    numbers[text.names[number]] = static_cast<std::uint16_t>(number);
  text.symbols = static_cast<int>(numbers.size());
  const std::size_t training = length - length / kTestShare;
  for_symbols(bytes, kind, where, [&](std::string_view symbol) {
    (text.train.size() < training ? text.train : text.test).push_back(numbers.at(symbol));
  });
  return text;
}

void split_off_validation_part(SymbolText& text, double share, const std::string& where) {
  const auto size =
      static_cast<std::size_t>(std::llround(share * static_cast<double>(text.train.size())));
  if (size < 2 || text.train.size() - size < 2)
    throw DataError(fmt::format(
        "{}: a share of {} of its {} leaves no two for {}; choose another --validation-share",
        where, shortest(share), counted(text.train.size(), "training symbol"),
        size < 2 ? "the validation part" : "training"));
  const auto middle = text.train.end() - static_cast<std::ptrdiff_t>(size);
  text.validation.assign(middle, text.train.end());
  text.train.erase(middle, text.train.end());
}

SymbolText generated_text(const std::string& task) {
  constexpr std::size_t kTraining = 1'000'000;
  constexpr std::size_t kTest = 100'000;
  const SymbolSource source = source_of(task);
  SymbolText text;
  text.symbols = source.symbols;
  RandomStream training(0, "training-text");
  text.train = draw_symbols(source, kTraining, training);
  RandomStream test(0, "test-text");
  text.test = draw_symbols(source, kTest, test);
  return text;
}

double entropy_rate_of(const std::string& task) { return entropy_rate(source_of(task)); }

std::unique_ptr<Task> make_text_task(SymbolText text, const TrainingSettings& training,
                                     const std::string& where) {
  return std::make_unique<TextTask>(std::move(text), training, where);
}

}  // namespace clipsweep

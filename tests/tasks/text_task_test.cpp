// Text: which bytes are which symbols, and which of them each step reads.
#include "clipsweep/tasks/text_task.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "clipsweep/base/error.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/tasks/chance_level.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

SymbolText bytes_of(const std::string& text) { return text_of(text, SymbolKind::kByte, "a.txt"); }

std::string problem_with(const std::string& text, SymbolKind kind = SymbolKind::kUtf8) {
  return message_of<DataError>([&] { text_of(text, kind, "a.txt"); });
}

// The first `count` characters from U+10000 on, in the order of their bytes.
std::string characters(int count) {
  std::string text;
  for (int code = 0x10000; code < 0x10000 + count; ++code) {
    text += static_cast<char>(0xF0 | code >> 18);
    for (const int shift : {12, 6, 0}) text += static_cast<char>(0x80 | (code >> shift & 0x3F));
  }
  return text;
}

TEST(TextOf, NumbersTheSymbolsInTheOrderOfTheirBytes) {
  const auto text = bytes_of("banana band");
  EXPECT_EQ(text.names, (std::vector<std::string>{" ", "a", "b", "d", "n"}));
  EXPECT_EQ(text.symbols, 5);
  EXPECT_EQ(text.train, (std::vector<std::uint16_t>{2, 1, 4, 1, 4, 1, 0, 2, 1, 4}));
  EXPECT_EQ(text.test, (std::vector<std::uint16_t>{3}));
}

TEST(TextOf, ReadsCharactersWhereTheyAreAskedFor) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x99\x82z";
  EXPECT_EQ(bytes_of(text).symbols, 10);  // one of the eleven twice
  const auto characters = text_of(text, SymbolKind::kUtf8, "a.txt");
  EXPECT_EQ(characters.symbols, 5);
  EXPECT_EQ(characters.train.size() + characters.test.size(), 5U);
}

TEST(TextOf, SaysWhatIsWrong) {
  EXPECT_TRUE(holds(problem_with(""), "a.txt: is empty"));
  EXPECT_TRUE(holds(problem_with("aaaa"), "consists of one symbol only, \"a\""));
  EXPECT_TRUE(
      holds(problem_with(characters(65'537)), "has 65,537 different characters; at most 65,536"));
}

TEST(TextOf, ReadsAsManyCharactersAsThereAreNumbersFor) {
  const auto text = text_of(characters(65'536), SymbolKind::kUtf8, "a.txt");
  EXPECT_EQ(text.symbols, 65'536);
  EXPECT_EQ(text.train[300], 300);
  EXPECT_EQ(text.test.back(), 65'535);
}

// Truncated, overlong, a surrogate, beyond Unicode, a stray byte: RFC 3629.
TEST(TextOf, RefusesWhatIsNotUtf8) {
  for (const char* bad : {"\xC3", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                          "\xF0\x80\x80\x80", "\x80", "\xFF", "\xE2\x82"})
    EXPECT_TRUE(holds(problem_with(std::string("abc") + bad), "byte 4 is not UTF-8")) << bad;
  EXPECT_EQ(bytes_of("abc\xFF").symbols, 4);
}

TEST(ValidationPart, IsTheEndOfTheTrainingPart) {
  auto text = bytes_of("abcdefghijklmnopqrst");  // 18 symbols to train on, 2 to test on
  split_off_validation_part(text, 0.2, "a.txt");
  EXPECT_EQ(text.train.size(), 14U);
  EXPECT_EQ(text.validation, (std::vector<std::uint16_t>{14, 15, 16, 17}));
  EXPECT_EQ(text.test, (std::vector<std::uint16_t>{18, 19}));
}

TEST(ValidationPart, NeedsTwoSymbolsAndLeavesTwo) {
  for (const double share : {0.05, 0.95, 1.0}) {
    auto text = bytes_of("abcdefghijklmnopqrst");
    EXPECT_TRUE(
        holds(message_of<DataError>([&] { split_off_validation_part(text, share, "a.txt"); }),
              "choose another --validation-share"));
  }
}

TrainingSettings settings(int streams, int length) {
  TrainingSettings training;
  training.task = "text";
  training.batch_size = streams;
  training.length = LengthRange{length, length};
  return training;
}

// Symbols 0, 1, ..., 255, 0, ..., so that each says where it was read.
SymbolText counting_text(int train, int test) {
  SymbolText text;
  text.symbols = 256;
  for (int i = 0; i < train; ++i) text.train.push_back(static_cast<std::uint16_t>(i % 256));
  for (int i = 0; i < test; ++i) text.test.push_back(static_cast<std::uint16_t>(i % 256));
  return text;
}

int symbol_read(const Batch& batch, std::size_t sample, int t) {
  const std::size_t row =
      sample / kLanes * static_cast<std::size_t>(batch.time_steps) + static_cast<std::size_t>(t);
  return batch.symbols[row * kLanes + sample % kLanes];
}

int symbol_to_predict(const Batch& batch, std::size_t sample, int t) {
  const std::size_t row =
      sample / kLanes * static_cast<std::size_t>(batch.time_steps) + static_cast<std::size_t>(t);
  return batch.labels[row * kLanes + sample % kLanes];
}

// 200 symbols in 20 streams of 10: with pieces of 3, three steps read all of a stream.
TEST(TextTask, StreamsGoOnFromStepToStepAndBeginAnew) {
  const auto task = make_text_task(counting_text(200, 60), settings(20, 3), "a.txt");
  const auto stream = task->training_samples(5);
  Batch batch = make_batch(task->model(), 1, 20, {0});
  std::vector<std::vector<int>> begins;
  for (std::uint64_t step = 1; step <= 6; ++step) {
    set_time_steps(batch, task->time_steps(step));
    stream->next(batch, 0);
    EXPECT_EQ(task->continues(step), step != 1 && step != 4) << step;
    begins.emplace_back();
    for (std::size_t b = 0; b < 20; ++b) {
      begins.back().push_back(symbol_read(batch, b, 0));
      for (int t = 0; t < 3; ++t) {
        EXPECT_EQ(symbol_read(batch, b, t), (begins.back()[b] + t) % 200);
        EXPECT_EQ(symbol_to_predict(batch, b, t), (begins.back()[b] + t + 1) % 200);
      }
    }
  }
  for (std::size_t b = 0; b < 20; ++b) {
    EXPECT_EQ(begins[1][b], (begins[0][b] + 3) % 200);
    EXPECT_EQ(begins[2][b], (begins[0][b] + 6) % 200);
    EXPECT_EQ(begins[3][b], begins[0][b]);
    EXPECT_EQ(begins[0][b], (begins[0][0] + 10 * static_cast<int>(b)) % 200);
  }
}

TEST(TextTask, SkippedStepsAreAsIfTheyHadBeenDrawn) {
  const auto task = make_text_task(counting_text(200, 60), settings(4, 5), "a.txt");
  const auto drawing = task->training_samples(1);
  const auto skipping = task->training_samples(1);
  Batch a = make_batch(task->model(), 1, 4, {0}), b = a;
  set_time_steps(a, 5);
  set_time_steps(b, 5);
  for (int step = 0; step < 12; ++step) drawing->next(a, 0);
  for (int step = 0; step < 11; ++step) skipping->skip(5);
  skipping->next(b, 0);
  EXPECT_FALSE(a.symbols.empty());
  EXPECT_EQ(a.symbols, b.symbols);
  EXPECT_EQ(a.labels, b.labels);
}

// A few symbols are kept as zeros and ones, many as symbols; printed they are the same.
TEST(TextTask, FewSymbolsAndManyArePrintedAlike) {
  Model model;
  model.outputs = 2;
  model.one_hot_inputs = true;
  for (const int symbols : {kMinSymbols - 1, kMinSymbols}) {
    model.inputs = symbols;
    Batch batch = make_batch(model, 2, 3, {0, 1});
    set_time_steps(batch, 2);
    EXPECT_EQ(batch.symbols.empty(), symbols < kMinSymbols);
    EXPECT_EQ(batch.inputs.empty(), symbols >= kMinSymbols);
    for (const int source : {0, 1}) clear_inputs(batch, source);
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t t = 0; t < 2; ++t) set_symbol(batch, 1, b, t, 2 * b + t);
    pad_lanes(batch, 1);
    const Json printed = samples_json(batch, 1).at("inputs");
    for (std::size_t b = 0; b < 3; ++b)
      for (std::size_t t = 0; t < 2; ++t)
        for (std::size_t i = 0; i < static_cast<std::size_t>(symbols); ++i)
          EXPECT_EQ(printed.at(b).at(t).at(i), i == 2 * b + t ? 1 : 0);
  }
}

TEST(TextTask, SeedsBeginElsewhere) {
  const auto task = make_text_task(counting_text(200, 60), settings(4, 5), "a.txt");
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 5; ++seed) orders.insert(task->sample_order_sha256(seed));
  EXPECT_GE(orders.size(), 4U);
  EXPECT_EQ(task->sample_order_sha256(3), task->sample_order_sha256(3));
}

// The test part is read once, from its beginning, in sequences eight times as long.
TEST(TextTask, TestSequencesFollowOneAnother) {
  const auto task = make_text_task(counting_text(200, 60), settings(4, 2), "a.txt");
  EXPECT_EQ(task->test_batches(), 1U);
  EXPECT_EQ(task->test_samples(), 3U);
  Batch scratch;
  const Batch& batch = task->test_batch(0, scratch);
  EXPECT_EQ(batch.size, 3);
  EXPECT_EQ(batch.time_steps, 16);
  for (std::size_t b = 0; b < 3; ++b)
    for (int t = 0; t < 16; ++t) EXPECT_EQ(symbol_read(batch, b, t), static_cast<int>(b) * 16 + t);
}

// 3,300 sequences: the last batch is not full.
TEST(TextTask, EveryTestSequenceIsInOneBatch) {
  const auto task = make_text_task(counting_text(200, 3300 * 8 + 1), settings(4, 1), "a.txt");
  EXPECT_EQ(task->test_batches(), 14U);
  Batch scratch;
  std::uint64_t samples = 0;
  for (std::size_t number = 0; number < task->test_batches(); ++number)
    samples += static_cast<std::uint64_t>(task->test_batch(number, scratch).size);
  EXPECT_EQ(samples, task->test_samples());
  EXPECT_EQ(samples, 3300U);
}

TEST(TextTask, EvaluatesTheValidationPartAsTheTestPart) {
  SymbolText text = counting_text(200, 60);
  split_off_validation_part(text, 0.25, "a.txt");  // the symbols 150 to 199
  const auto task = make_text_task(std::move(text), settings(4, 2), "a.txt");
  EXPECT_EQ(task->validation_batches(), 1U);
  EXPECT_EQ(task->validation_samples(), 3U);
  Batch scratch;
  const Batch& batch = task->validation_batch(0, scratch);
  for (std::size_t b = 0; b < 3; ++b)
    for (int t = 0; t < 16; ++t)
      EXPECT_EQ(symbol_read(batch, b, t), 150 + static_cast<int>(b) * 16 + t);
  EXPECT_EQ(validation_chance_level(*task)->samples, 48U);
  const auto without = make_text_task(counting_text(200, 60), settings(4, 2), "a.txt");
  EXPECT_EQ(without->validation_batches(), 0U);
  EXPECT_FALSE(validation_chance_level(*without));
}

TEST(TextTask, ChanceIsTheMostFrequentSymbol) {
  SymbolText text = counting_text(100, 0);
  text.symbols = 3;
  for (auto& symbol : text.train) symbol %= 3;
  text.test = {0, 1, 1, 0, 1, 2, 1, 1, 2};
  const auto task = make_text_task(std::move(text), settings(4, 1), "a.txt");
  const auto chance = chance_level(*task);
  EXPECT_EQ(chance.samples, 8U);
  EXPECT_EQ(chance.accuracy, 5.0 / 8);
  // Of 5, 2 and 1 in 8.
  const double entropy =
      -(5.0 / 8 * std::log(5.0 / 8) + 2.0 / 8 * std::log(2.0 / 8) + 1.0 / 8 * std::log(1.0 / 8));
  EXPECT_DOUBLE_EQ(chance.symbol_entropy.value_or(0), entropy);
}

TEST(TextTask, SaysThatTheTextIsTooShort) {
  const auto problem = [](int train, int test) {
    return message_of<DataError>(
        [&] { make_text_task(counting_text(train, test), settings(4, 10), "a.txt"); });
  };
  EXPECT_NO_THROW(make_text_task(counting_text(44, 2), settings(4, 10), "a.txt"));
  EXPECT_TRUE(
      holds(problem(43, 2), "a.txt: has 43 training symbols, but a step reads 4 streams of 10"));
  EXPECT_TRUE(holds(problem(44, 1), "its last tenth"));
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/experiment/task_table.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace clipsweep {
namespace {

constexpr double kSolved = 0.99;
// acos(0.6) / pi: a sine is within 0.2 of 0.8 on this share of its period.
constexpr double kChanceOfSine = 0.29516723530086653;

}  // namespace

bool operator==(const LengthRange& a, const LengthRange& b) {
  return a.shortest == b.shortest && a.longest == b.longest;
}

std::string to_text(const LengthRange& range) {
  if (range.shortest == range.longest) return fmt::format("{}", range.shortest);
  return fmt::format("{}-{}", range.shortest, range.longest);
}

const std::vector<TaskEntry>& task_table() {
  static const std::vector<TaskEntry> kTable = {
      {"fashion-mnist", "images, row by row", Samples::kImages, Target::kClass, 0.1, {}, 0.6},
      {"fashion-mnist-pixels",
       "images, pixel by pixel",
       Samples::kImages,
       Target::kClass,
       0.1,
       {},
       0.6},
      {"adding", "the sum of two marked numbers", Samples::kGenerated, Target::kNumber, 0.36,
       kSolved, kSolved, 4, 100},
      {"temporal-order", "the order of two symbols among noise", Samples::kGenerated,
       Target::kClass, 1.0 / 4, kSolved, kSolved, 10, 100},
      {"temporal-order-3", "the order of three symbols among noise", Samples::kGenerated,
       Target::kClass, 1.0 / 8, kSolved, kSolved, 10, 100},
      {"copy", "ten symbols, to be repeated after a pause", Samples::kGenerated,
       Target::kClassEachStep, 0, kSolved, kSolved, 1, 100},
      {"sine", "the next value of a sine", Samples::kGenerated, Target::kNumber, kChanceOfSine,
       kSolved, kSolved, 2, 25},
      {"sequences", "your own sequences", Samples::kSequences, Target::kClass, 0, {}, 0.6},
      {"text",
       "the next character of a text",
       Samples::kText,
       Target::kClassEachStep,
       0,
       {},
       0.5,
       1,
       50},
      {"markov",
       "the next symbol of a Markov chain of order 2",
       Samples::kGeneratedText,
       Target::kClassEachStep,
       0,
       {},
       0.5,
       1,
       50},
      {"reber",
       "the next symbol of the embedded Reber grammar",
       Samples::kGeneratedText,
       Target::kClassEachStep,
       0,
       {},
       0.5,
       1,
       50}};
  return kTable;
}

const TaskEntry& task_entry(std::string_view name) {
  for (const auto& entry : task_table())
    if (entry.name == name) return entry;
  throw std::logic_error("task_entry: unknown task " + std::string(name));
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const auto& entry : task_table()) names.emplace_back(entry.name);
  return names;
}

}  // namespace clipsweep

#include "clipsweep/analysis/success_by_length.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "clipsweep/base/table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr const char* kLength = "length";

const VariedSetting* length_of(const Setup& setup) {
  for (const auto& setting : setup.varied.values())
    if (setting.key == kLength) return &setting;
  return nullptr;
}

VariedSettings without_length(const VariedSettings& varied) {
  std::vector<VariedSetting> others;
  for (const auto& setting : varied.values())
    if (setting.key != kLength) others.push_back(setting);
  return VariedSettings(std::move(others));
}

// The arm without its length: arms with the same name are in one row.
std::string name_without_length(const ArmSettings& arm, const VariedSettings& others,
                                SetupInName shown) {
  ArmSettings same = arm;
  same.setup = {arm.setup, others};
  return display_name(same, shown);
}

// `4/5 [38, 96]`: with the interval of the share in % (Wilson).
std::string solved_text(const std::optional<RunShare>& solved) {
  if (!solved) return "";
  const Interval interval = wilson_interval(static_cast<double>(solved->count), solved->n);
  return fmt::format("{}/{} [{:.0f}, {:.0f}]", solved->count, solved->n, 100 * interval.lower,
                     100 * interval.upper);
}

// One column per length.
Table wide_table(const SuccessByLength& success, SetupInName shown) {
  std::vector<Column> columns = {{"arm", Align::kLeft}};
  for (const auto& length : success.lengths) columns.push_back({length});
  Table table(std::move(columns));
  for (const auto& row : success.rows) {
    std::vector<std::string> cells = {name_without_length(row.arm, row.others, shown)};
    for (const auto& solved : row.solved) cells.push_back(solved_text(solved));
    table.add_row(std::move(cells));
  }
  return table;
}

// One line per length below each arm.
Table long_table(const SuccessByLength& success, SetupInName shown) {
  Table table({{"length"}, {"solved"}});
  for (const auto& row : success.rows) {
    table.add_heading(
        wrapped_heading(name_without_length(row.arm, row.others, shown), kTerminalColumns));
    for (std::size_t i = 0; i < success.lengths.size(); ++i)
      table.add_row({success.lengths[i], solved_text(row.solved[i])});
  }
  return table;
}

}  // namespace

std::optional<SuccessByLength> success_by_length(const Summary& summary) {
  SuccessByLength success;
  std::map<std::string, std::size_t> rows;
  std::map<std::string, std::size_t> places;
  for (const auto& setup : summary.setups)
    if (const auto* length = length_of(setup)) {
      const std::string text = length->value.get<std::string>();
      if (places.emplace(text, success.lengths.size()).second) success.lengths.push_back(text);
    }
  if (success.lengths.size() < 2) return std::nullopt;
  for (const auto& arm : summary.arms) {
    const auto* arm_length = length_of(arm.setup);
    if (!arm.solved || arm.perturbed || !arm_length) continue;
    const VariedSettings others = without_length(arm.setup.varied);
    const auto [row, is_new] =
        rows.emplace(name_without_length(arm, others, SetupInName::kCell), success.rows.size());
    if (is_new)
      success.rows.push_back(
          {arm, others, std::vector<std::optional<RunShare>>(success.lengths.size())});
    const std::string length = arm_length->value.get<std::string>();
    if (!arm.seeds.empty())
      success.rows[row->second].solved[places.at(length)] = RunShare{*arm.solved, arm.seeds.size()};
  }
  if (success.rows.empty()) return std::nullopt;
  return success;
}

std::string success_by_length_table(const Summary& summary, const TextStyle& style) {
  const auto success = success_by_length(summary);
  if (!success) return "";
  const Table wide = wide_table(*success, summary.setup_in_name());
  const std::string title = wrapped(
      "Success by length: runs that solved the task in some evaluation, and the 95 % interval of "
      "their share in % (Wilson)",
      kTerminalColumns);
  const bool fits = wide.width() <= style.table_columns;
  return "\n" + title + (fits ? wide : long_table(*success, summary.setup_in_name())).text();
}

}  // namespace clipsweep

#include "clipsweep/advice/norm_columns.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

using NameViews = std::vector<std::string_view>;

// Usual names, in lower case and with `_` between words. Those of norms and steps may follow a
// path, as in `train/grad_norm`.
const NameViews kNormNames = {"grad_norm",
                              "grad_norm_raw",
                              "gradient_norm",
                              "total_norm",
                              "total_grad_norm",
                              "total_gradient_norm",
                              "global_norm",
                              "global_grad_norm",
                              "global_gradient_norm",
                              "gradnorm",
                              "gnorm",
                              "l2_grad_norm",
                              "grad_l2_norm",
                              "grad_norm_l2",
                              "grad_norm_total",
                              "grad_2.0_norm_total",
                              "grad_2_norm_total",
                              "grad_norm_before_clip",
                              "grad_norm_before_clipping",
                              "train_grad_norm",
                              "norm"};
const NameViews kStepNames = {"global_step", "step",          "_step",       "iteration",  "iter",
                              "train_step",  "training_step", "num_updates", "update_step"};
const NameViews kLossNames = {"loss",          "train/loss",      "train_loss",
                              "training_loss", "train/loss_step", "train_loss_step",
                              "loss_step",     "training/loss"};
constexpr std::size_t kMaxListed = 30;

// Weights & Biases prefixes its exports: `run name - train/grad_norm`.
std::string normalized(std::string_view name) {
  const std::size_t prefix = name.rfind(" - ");
  if (prefix != name.npos) name.remove_prefix(prefix + 3);
  std::string text(trimmed(name));
  for (char& letter : text) {
    letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    if (letter == ' ' || letter == '-') letter = '_';
  }
  return text;
}

std::string_view last_part(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == name.npos ? name : name.substr(slash + 1);
}

std::optional<std::size_t> rank_in(const NameViews& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

TextValue read_value_text(std::string_view text) {
  text = trimmed(text);
  if (const auto number = parse_number(text)) return {number, false};
  const bool is_missing = text.empty() || text == "null" || text == "None" || text == "NA";
  return {std::nullopt, is_missing};
}

NormColumns::NormColumns(std::string where, std::string wanted, RowPlace place)
    : where_(std::move(where)), wanted_(std::move(wanted)), place_(place) {}

std::size_t NormColumns::find_or_add(std::string_view name) {
  key_ = name;
  if (const auto found = index_.find(key_); found != index_.end()) return found->second;
  all_.push_back(key_);
  std::size_t index = kIgnored;
  if (auto column = kept_column(name)) {
    index = kept_.size();
    kept_.push_back(std::move(*column));
  }
  index_.emplace(key_, index);
  return index;
}

std::optional<NormColumns::Column> NormColumns::kept_column(std::string_view name) const {
  const auto column = [&](Role role, std::size_t rank) {
    return Column{std::string(name), role, rank, {}};
  };
  if (!wanted_.empty() && name == wanted_) return column(Role::kNorm, 0);
  const std::string usual = normalized(name);
  if (const auto rank = rank_in(kStepNames, last_part(usual))) return column(Role::kStep, *rank);
  if (const auto rank = rank_in(kLossNames, usual)) return column(Role::kLoss, *rank);
  if (!wanted_.empty()) return std::nullopt;
  if (const auto rank = rank_in(kNormNames, last_part(usual))) return column(Role::kNorm, *rank);
  return std::nullopt;
}

void NormColumns::begin_row(std::size_t number) {
  row_ = number;
  ++rows_;
}

void NormColumns::remove_row() {
  --rows_;
  for (auto& column : kept_)
    if (!column.values.empty() && column.values.back().row == row_) column.values.pop_back();
}

void NormColumns::set(std::size_t column, double value) {
  Column& kept = kept_[column];
  if (kept.role == Role::kNorm && value < 0)
    throw DataError(
        fmt::format("{}: {} is {}, but a norm is never below 0; name the column of the "
                    "norms with --column NAME",
                    place_of(row_), printable(kept.name), shortest(value)));
  if (kept.values.empty() || kept.values.back().row != row_) kept.values.push_back({row_, value});
}

void NormColumns::set_text(std::size_t column, std::string_view text) {
  const TextValue value = read_value_text(text);
  if (value.number) return set(column, *value.number);
  if (value.is_missing) return;
  Column& kept = kept_[column];
  kept.is_numeric = false;
  if (kept.role == Role::kNorm)
    throw DataError(fmt::format("{}: {} is \"{}\", which is not a number", place_of(row_),
                                printable(kept.name), printable(text)));
}

void NormColumns::choose(NormLog& log) {
  Column& norms = column_of_norms();
  const Column* steps = best_of(Role::kStep);
  const Column* losses = best_of(Role::kLoss);
  log.column = norms.name;
  if (steps) log.step_column = steps->name;
  if (losses) log.loss_column = losses->name;
  log.rows_without_norm = rows_ - norms.values.size();
  std::size_t step_at = 0, loss_at = 0;
  // The value of a column in a row; the rows only grow.
  const auto value_in = [](const Column& column, std::size_t row,
                           std::size_t& at) -> std::optional<double> {
    while (at < column.values.size() && column.values[at].row < row) ++at;
    if (at == column.values.size() || column.values[at].row != row) return std::nullopt;
    return column.values[at].number;
  };
  for (const auto& [row, norm] : norms.values) {
    const double following = log.steps.empty() ? 1 : log.steps.back() + 1;
    const auto step = steps ? value_in(*steps, row, step_at) : std::nullopt;
    log.norms.push_back(norm);
    log.steps.push_back(step.value_or(following));
    if (losses) log.losses.push_back(value_in(*losses, row, loss_at));
  }
}

NormColumns::Column& NormColumns::column_of_norms() {
  std::vector<Column*> named, filled;
  for (auto& column : kept_)
    if (column.role == Role::kNorm) {
      named.push_back(&column);
      if (!column.values.empty()) filled.push_back(&column);
    }
  if (named.empty() && !wanted_.empty())
    throw ConfigError(fmt::format("{}: no column \"{}\"{}; there are: {}", where_,
                                  printable(wanted_), did_you_mean(wanted_, all_), names_text()));
  if (named.empty())
    throw ConfigError(
        fmt::format("{}: no column has a usual name of gradient norms, such as "
                    "grad_norm; name one with --column NAME; there are: {}",
                    where_, names_text()));
  if (filled.size() > 1)
    throw ConfigError(
        fmt::format("{}: {} columns may be the gradient norms; name one with "
                    "--column NAME; there are: {}",
                    where_, filled.size(), names_text()));
  if (filled.empty())
    throw DataError(
        fmt::format("{}: column {} has no numbers", where_, printable(named.front()->name)));
  return *filled.front();
}

NormColumns::Column* NormColumns::best_of(Role role) {
  Column* best = nullptr;
  for (auto& column : kept_) {
    if (column.role != role || !column.is_numeric || column.values.empty()) continue;
    if (!best || column.rank < best->rank) best = &column;
  }
  return best;
}

std::string NormColumns::place_of(std::size_t row) const {
  return place_ == RowPlace::kLine ? fmt::format("{}:{}", where_, row)
                                   : fmt::format("{}: entry {}", where_, row);
}

std::string NormColumns::names_text() const {
  std::vector<std::string> names;
  for (const auto& name : all_) names.push_back(name.empty() ? "\"\"" : printable(name));
  return names.empty() ? "none" : join_first(names, kMaxListed);
}

}  // namespace clipsweep

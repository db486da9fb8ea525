#include "clipsweep/model/initial_scheme.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "clipsweep/base/error.h"
#include "clipsweep/base/name_table.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr NameTable<InitialKind, 5> kKinds = {{{InitialKind::kKeras, "keras"},
                                               {InitialKind::kTorch, "torch"},
                                               {InitialKind::kIdentity, "identity"},
                                               {InitialKind::kGaussian, "gaussian"},
                                               {InitialKind::kSparse, "sparse"}}};

InitialKind parse_kind(std::string_view name) {
  if (const auto kind = choice_in(kKinds, name)) return *kind;
  throw ConfigError(fmt::format("{}; allowed: {}",
                                unknown_name("initial scheme", name, names_in(kKinds)),
                                initial_scheme_forms()));
}

// The weights are float32, so the deviation must be finite and above 0 as float32.
double parse_deviation(const std::string& name, std::string_view text) {
  const auto deviation = parse_number(text);
  if (deviation && static_cast<float>(*deviation) > 0 &&
      std::isfinite(static_cast<float>(*deviation)))
    return *deviation;
  throw ConfigError(fmt::format(
      "{} takes a standard deviation, a finite number above 0 as in {}:0.01, not \"{}\"", name,
      name, printable(text)));
}

}  // namespace

bool operator==(const InitialScheme& a, const InitialScheme& b) {
  return a.kind == b.kind && a.deviation == b.deviation;
}

std::string to_text(const InitialScheme& scheme) {
  const std::string name = name_in(kKinds, scheme.kind);
  return scheme.deviation > 0 ? name + ":" + shortest(scheme.deviation) : name;
}

std::vector<std::string> initial_scheme_names() { return names_in(kKinds); }

std::string initial_scheme_forms() {
  return "keras, torch, identity, identity:SD, gaussian:SD, sparse";
}

InitialScheme parse_initial_scheme(std::string_view text) {
  const auto colon = text.find(':');
  const bool has_number = colon != std::string_view::npos;
  const InitialKind kind = parse_kind(text.substr(0, colon));
  const std::string name = name_in(kKinds, kind);
  const bool takes_number = kind == InitialKind::kGaussian || kind == InitialKind::kIdentity;
  const bool needs_number = kind == InitialKind::kGaussian;
  if (needs_number || (takes_number && has_number))
    return {kind, parse_deviation(name, has_number ? text.substr(colon + 1) : "")};
  if (has_number) throw ConfigError(fmt::format("{} takes no number; write {}", name, name));
  return {kind};
}

bool operator==(const CellSetup& a, const CellSetup& b) {
  return a.cell == b.cell && a.init == b.init;
}

std::string to_text(const CellSetup& setup) {
  return fmt::format("{}:{}", to_text(setup.cell), to_text(setup.init));
}

std::string display_name(const CellSetup& setup) {
  return setup.init == InitialScheme{} ? to_text(setup.cell) : to_text(setup);
}

std::string slug_of(const CellSetup& setup) {
  if (setup == CellSetup{}) return "";
  if (setup.init == InitialScheme{}) return to_text(setup.cell);
  std::string slug = fmt::format("{}-{}", to_text(setup.cell), to_text(setup.init));
  std::replace(slug.begin(), slug.end(), ':', '-');
  return slug;
}

std::string to_text(const CellChoice& choice) {
  return choice.init ? to_text(CellSetup{choice.cell, *choice.init}) : to_text(choice.cell);
}

CellChoice parse_cell_choice(std::string_view text) {
  const auto colon = text.find(':');
  CellChoice choice{parse_cell(text.substr(0, colon))};
  if (colon == std::string_view::npos) return choice;
  choice.init = parse_initial_scheme(text.substr(colon + 1));
  check_initial_scheme(*choice.init, choice.cell);
  return choice;
}

void check_initial_scheme(const InitialScheme& scheme, Cell cell) {
  if (scheme.kind != InitialKind::kIdentity || !is_gated(cell)) return;
  throw ConfigError(fmt::format(
      "identity is for plain cells, rnn-relu and rnn-tanh; {} has gates: use keras, torch, "
      "gaussian:SD or sparse",
      to_text(cell)));
}

}  // namespace clipsweep

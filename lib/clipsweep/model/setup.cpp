#include "clipsweep/model/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// `20`, `0.5`, `50-200`, `adam`
std::string value_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : to_line(value);
}

}  // namespace

VariedSettings::VariedSettings(std::vector<VariedSetting> values) : values_(std::move(values)) {
  for (const auto& [key, flag, value] : values_)
    slug_ += fmt::format("{}{}-{}", slug_.empty() ? "" : "_", flag, value_text(value));
}

std::string VariedSettings::text() const {
  std::vector<std::string> texts;
  for (const auto& [key, flag, value] : values_) {
    std::string name = flag;
    std::replace(name.begin(), name.end(), '-', ' ');
    texts.push_back(fmt::format("{} {}", name, value_text(value)));
  }
  return join(texts);
}

bool operator==(const VariedSettings& a, const VariedSettings& b) { return a.slug() == b.slug(); }

Setup::Setup(Cell cell_of_setup, InitialScheme initial_scheme)
    : CellSetup{cell_of_setup, initial_scheme} {}

Setup::Setup(CellSetup cell_setup, VariedSettings settings)
    : CellSetup(cell_setup), varied(std::move(settings)) {}

bool operator==(const Setup& a, const Setup& b) {
  return static_cast<const CellSetup&>(a) == static_cast<const CellSetup&>(b) &&
         a.varied == b.varied;
}

std::string slug_of(const Setup& setup) {
  const std::string cell = slug_of(static_cast<const CellSetup&>(setup));
  const std::string& varied = setup.varied.slug();
  return varied + (varied.empty() || cell.empty() ? "" : "_") + cell;
}

void add_json(Json& json, const Setup& setup) {
  for (const auto& setting : setup.varied.values()) json[setting.key] = setting.value;
  const CellSetup common;
  if (setup.cell != common.cell) json["cell"] = to_text(setup.cell);
  if (!(setup.init == common.init)) json["init"] = to_text(setup.init);
}

SetupInName setup_in_name(const std::vector<Setup>& setups) {
  if (setups.size() < 2) return SetupInName::kOmitted;
  const CellSetup& first = setups.front();
  const bool has_one_cell = std::all_of(setups.begin(), setups.end(), [&](const Setup& setup) {
    return static_cast<const CellSetup&>(setup) == first;
  });
  return has_one_cell ? SetupInName::kSettings : SetupInName::kCell;
}

std::string setup_name(const Setup& setup, SetupInName shown) {
  if (shown == SetupInName::kOmitted) return "";
  const std::string varied = setup.varied.text();
  if (shown == SetupInName::kSettings) return varied;
  return display_name(setup) + (varied.empty() ? "" : ", " + varied);
}

}  // namespace clipsweep

// A setup is everything about a run that is neither its clipping, learning rate and regularization
// nor its seed: its cell, its initial weights, and the training settings that vary in the sweep.
// Arms are compared within one setup.
#pragma once

#include <string>
#include <vector>

#include "clipsweep/io/json.h"
#include "clipsweep/model/initial_scheme.h"

namespace clipsweep {

// The value of a training setting that varies.
struct VariedSetting {
  std::string key;   // in JSON: `batch_size`
  std::string flag;  // on the command line, without dashes: `batch-size`
  Json value;        // as in `settings`
};

// The values of all training settings that vary, in the order of the table of settings.
class VariedSettings {
 public:
  VariedSettings() = default;
  explicit VariedSettings(std::vector<VariedSetting> values);

  const std::vector<VariedSetting>& values() const { return values_; }
  // The beginning of an arm's name, different for different values: `length-20_batch-size-50`.
  // Empty if nothing varies.
  const std::string& slug() const { return slug_; }
  // For people: `length 20, batch size 50`.
  std::string text() const;

 private:
  std::vector<VariedSetting> values_;
  std::string slug_;
};

bool operator==(const VariedSettings& a, const VariedSettings& b);

struct Setup : CellSetup {
  Setup() = default;
  Setup(Cell cell_of_setup, InitialScheme initial_scheme = {});
  Setup(CellSetup cell_setup, VariedSettings settings = {});

  VariedSettings varied;
};

bool operator==(const Setup& a, const Setup& b);

// The part of an arm's name: `length-20_rnn-relu-identity`; empty for the default.
std::string slug_of(const Setup& setup);

// Adds the settings that vary, and cell and initial scheme if they are not the default.
void add_json(Json& json, const Setup& setup);

// What the names of arms and setups say about the setup, in text for people.
enum class SetupInName {
  kOmitted,   // the sweep has one setup
  kSettings,  // it has one cell, and settings that vary
  kCell,      // it has several cells; settings that vary are named, too
};

SetupInName setup_in_name(const std::vector<Setup>& setups);

// `length 20, batch size 50`, `rnn-relu:identity`, `gru, length 20`; empty for kOmitted.
std::string setup_name(const Setup& setup, SetupInName shown);

}  // namespace clipsweep

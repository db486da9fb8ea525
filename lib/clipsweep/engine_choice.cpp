#include "clipsweep/engine_choice.h"

#include "clipsweep/error.h"
#include "clipsweep/name_table.h"

namespace clipsweep {
namespace {

constexpr NameTable<EngineName, 2> kNames = {
    {{EngineName::kReference, "reference"}, {EngineName::kFused, "fused"}}};

}  // namespace

const char* to_text(EngineName name) { return name_in(kNames, name); }

EngineChoice choose_engine(const ExperimentConfig& config) {
  const bool on_cpu = config.device == "cpu";
  if (config.engine == "reference") return {EngineName::kReference, "as asked for"};
  if (config.engine == "fused" && !on_cpu)
    throw ConfigError(
        "--engine fused computes on the CPU alone; use --device cpu, or --engine reference");
  if (config.engine == "fused") return {EngineName::kFused, "as asked for"};
  // The kernels know the LSTM with a dense layer, which is all there is, in any size.
  if (on_cpu) return {EngineName::kFused, "auto: an LSTM on the CPU"};
  return {EngineName::kReference, "auto: the one for --device " + config.device};
}

}  // namespace clipsweep

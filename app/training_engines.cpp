#include "clipsweep/base/simd.h"
#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/records/run_record.h"
#include "commands/training_commands.h"

namespace clipsweep {

std::string TrainingEngines::description(Cell cell) const {
  const EngineName name = choices.at(cell).name;
  return engine_description(to_text(name), simd.at(name));
}

TrainingEngines fused_training_engines(const EngineChoices& choices) {
  return {choices,
          make_fused_engine,
          {{EngineName::kFused, simd_name()}},
          {{"highway", simd_library_version()}}};
}

}  // namespace clipsweep

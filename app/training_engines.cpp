#include "clipsweep/fused_engine.h"
#include "clipsweep/run_record.h"
#include "clipsweep/simd.h"
#include "training_commands.h"

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

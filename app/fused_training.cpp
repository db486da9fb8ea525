#include "clipsweep/fused_engine.h"
#include "clipsweep/simd.h"
#include "training_commands.h"

namespace clipsweep {

TrainingEngine fused_training_engine(const EngineChoice& choice) {
  return {choice, make_fused_engine, simd_name(), {{"highway", simd_library_version()}}};
}

}  // namespace clipsweep

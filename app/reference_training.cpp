#include "reference_training.h"

#include "clipsweep/engine/fused/fused_engine.h"
#include "clipsweep/engine/reference/reference_engine.h"
#include "clipsweep/engine/reference/torch_runtime.h"
#include "messages.h"

namespace clipsweep {
namespace {

void warn_about_blas() {
  if (!blas_is_reference()) return;
  complain(
      "warning: LibTorch uses the reference BLAS, which makes training several "
      "times slower; install libopenblas0-pthread");
}

}  // namespace

TrainingEngines all_training_engines(const ExperimentConfig& config, const EngineChoices& choices) {
  TrainingEngines engines = fused_training_engines(choices);
  engines.make = [choices, device = config.device](const ParameterLayout& layout) {
    return choices.at(layout.model.cell).name == EngineName::kFused
               ? make_fused_engine(layout)
               : make_reference_engine(layout, device);
  };
  // Made once here, so that a missing device is reported before anything starts.
  const auto reference = make_reference_engine(lstm_layout(1, 1, 1), config.device);
  engines.simd[EngineName::kReference] = reference->simd();
  engines.software.update({{"libtorch", torch_version()}, {"blas", blas_description()}});
  warn_about_blas();
  return engines;
}

}  // namespace clipsweep

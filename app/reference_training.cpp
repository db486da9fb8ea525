#include "reference_training.h"

#include "clipsweep/reference_engine.h"
#include "clipsweep/torch_runtime.h"
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

TrainingEngine reference_training_engine(const ExperimentConfig& config,
                                         const EngineChoice& choice) {
  const EngineFactory make = [device = config.device](const ParameterLayout& layout) {
    return make_reference_engine(layout, device);
  };
  // Once here, so that a device that is not there is found before anything starts.
  const auto engine = make(lstm_layout(1, 1, 1));
  warn_about_blas();
  return {
      choice, make, engine->simd(), {{"libtorch", torch_version()}, {"blas", blas_description()}}};
}

}  // namespace clipsweep

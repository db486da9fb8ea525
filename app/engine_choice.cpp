#include "engine_choice.h"

#include "clipsweep/reference_engine.h"

namespace clipsweep {

EngineFactory engine_factory(const ExperimentConfig& config) {
  const EngineFactory make = [device = config.device](const ParameterLayout& layout) {
    return make_reference_engine(layout, device);
  };
  // Once here, so that a device that is not there is found before anything starts.
  make(lstm_layout(1, 1, 1));
  return make;
}

}  // namespace clipsweep

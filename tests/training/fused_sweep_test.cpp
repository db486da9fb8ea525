// The engine that sweep_runner_test.cpp tests in worker_tests.
#include "clipsweep/engine/fused/fused_engine.h"
#include "support/small_sweep.h"

namespace clipsweep {

EngineFactory engine_under_test() { return make_fused_engine; }

}  // namespace clipsweep

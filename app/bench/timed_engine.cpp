#include "bench/timed_engine.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/base/wall_clock.h"
#include "clipsweep/engine/fused/fused_engine.h"

namespace clipsweep {
namespace {

// Adds the time from its construction to its end.
class Timer {
 public:
  explicit Timer(EngineTime& time) : time_(time) {}
  ~Timer() { time_ += static_cast<std::int64_t>(1e9 * stopwatch_.seconds()); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 private:
  EngineTime& time_;
  const Stopwatch stopwatch_;
};

class TimedEngine : public GradientEngine {
 public:
  TimedEngine(std::unique_ptr<GradientEngine> engine, EngineTime& time)
      : engine_(std::move(engine)), time_(time) {}

  std::string name() const override { return engine_->name(); }
  std::string simd() const override { return engine_->simd(); }

  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result,
                         const EngineContext& context) override {
    const Timer timer(time_);
    engine_->compute_gradients(parameters, batch, backprop_limits, result, context);
  }

  EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                            const EngineContext& context) override {
    const Timer timer(time_);
    return engine_->evaluate(parameters, batch, context);
  }

  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits,
                                                       const EngineContext& context) override {
    const Timer timer(time_);
    return engine_->state_gradient_norms(parameters, batch, source_of_run, backprop_limits,
                                         context);
  }

 private:
  std::unique_ptr<GradientEngine> engine_;
  EngineTime& time_;
};

}  // namespace

EngineFactory timed_fused_engines(EngineTime& time) {
  return [&time](const ParameterLayout& layout) {
    return std::make_unique<TimedEngine>(make_fused_engine(layout), time);
  };
}

}  // namespace clipsweep

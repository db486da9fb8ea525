#include "clipsweep/landscape/cliff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/random.h"
#include "clipsweep/model/gradient_norms.h"

namespace clipsweep {
namespace {

constexpr std::size_t kRowsPerCall = 64;
constexpr std::size_t kSlicePoints = 201;
constexpr float kNoLimit = std::numeric_limits<float>::infinity();

// A vector in the space of the weights, [P].
using Direction = std::vector<double>;

double product(const Direction& a, const Direction& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double length(const Direction& direction) { return std::sqrt(product(direction, direction)); }

Direction between(const std::vector<float>& from, const std::vector<float>& to) {
  Direction direction(from.size());
  for (std::size_t i = 0; i < from.size(); ++i)
    direction[i] = static_cast<double>(to[i]) - static_cast<double>(from[i]);
  return direction;
}

void scale(Direction& direction, double factor) {
  for (double& element : direction) element *= factor;
}

void add(Direction& direction, const Direction& other, double factor) {
  for (std::size_t i = 0; i < direction.size(); ++i) direction[i] += factor * other[i];
}

std::vector<float> copied(Span<const float> row) { return {row.begin(), row.end()}; }

// The batch of one step of a run alone, with the states that its sequences begin with: losses and
// gradients of it at any weights.
class StepBatch {
 public:
  StepBatch(GradientEngine& engine, const Batch& batch, const EngineContext& context,
            std::atomic<std::uint64_t>& run_steps)
      : engine_(engine), batch_(batch), cancel_(context.cancel), run_steps_(run_steps) {
    if (context.begins_with_states()) states_ = copied(context.initial_states->row(0));
  }

  // [P], without any limit inside the backward pass
  std::vector<float> gradient_at(const std::vector<float>& weights) {
    return copied(compute(rows_of(1, [&](std::size_t) { return weights; })).gradients.row(0));
  }

  float loss_at(const std::vector<float>& weights) {
    return compute(rows_of(1, [&](std::size_t) { return weights; })).losses.front();
  }

  // The losses [N] at the weights that weights_of(i) returns, each counted as a run-step.
  template <typename WeightsOf>
  std::vector<float> losses(std::size_t count, const WeightsOf& weights_of) {
    std::vector<float> losses;
    for (std::size_t first = 0; first < count; first += kRowsPerCall) {
      const std::size_t rows = std::min(kRowsPerCall, count - first);
      const auto result =
          compute(rows_of(rows, [&](std::size_t k) { return weights_of(first + k); }));
      losses.insert(losses.end(), result.losses.begin(), result.losses.end());
      run_steps_ += rows;
    }
    return losses;
  }

 private:
  template <typename WeightsOf>
  static Block rows_of(std::size_t count, const WeightsOf& weights_of) {
    std::vector<float> weights = weights_of(0);
    Block rows(count, weights.size());
    for (std::size_t k = 0; k < count; ++k) {
      if (k > 0) weights = weights_of(k);
      std::copy(weights.begin(), weights.end(), rows.row(k).begin());
    }
    return rows;
  }

  StepResult compute(const Block& rows) {
    batch_.source_of_run.assign(rows.rows(), batch_.source_of_run.front());
    StateBlock states(states_.empty() ? 0 : rows.rows(), states_.size());
    for (std::size_t k = 0; k < states.rows(); ++k)
      std::copy(states_.begin(), states_.end(), states.row(k).begin());
    const std::vector<float> limits(rows.rows(), kNoLimit);
    StepResult result(rows.rows(), rows.columns());
    engine_.compute_gradients(rows, batch_, limits, result, {cancel_, nullptr, &states});
    return result;
  }

  GradientEngine& engine_;
  Batch batch_;
  std::vector<float> states_;
  const CancelFlag& cancel_;
  std::atomic<std::uint64_t>& run_steps_;
};

// An engine that shows what it computes from. It calls on_gradients before each step.
class ObservedEngine : public GradientEngine {
 public:
  using OnGradients = std::function<void(const Batch& batch, const EngineContext& context)>;

  explicit ObservedEngine(GradientEngine& inner) : inner_(inner) {}
  void observe(OnGradients on_gradients) { on_gradients_ = std::move(on_gradients); }

  std::string name() const override { return inner_.name(); }
  std::string simd() const override { return inner_.simd(); }
  void compute_gradients(const Block& parameters, const Batch& batch,
                         Span<const float> backprop_limits, StepResult& result,
                         const EngineContext& context) override {
    if (on_gradients_) on_gradients_(batch, context);
    inner_.compute_gradients(parameters, batch, backprop_limits, result, context);
  }
  EvaluationResult evaluate(const Block& parameters, const Batch& batch,
                            const EngineContext& context) override {
    return inner_.evaluate(parameters, batch, context);
  }
  std::vector<std::vector<float>> state_gradient_norms(const Block& parameters, const Batch& batch,
                                                       const std::vector<int>& source_of_run,
                                                       Span<const float> backprop_limits,
                                                       const EngineContext& context) override {
    return inner_.state_gradient_norms(parameters, batch, source_of_run, backprop_limits, context);
  }

 private:
  GradientEngine& inner_;
  OnGradients on_gradients_;
};

// The run just before and just after the step.
struct StepTaken {
  std::optional<StepBatch> batch;
  std::vector<float> before;     // [P] weights
  std::vector<float> previous;   // [P] those one step earlier; empty at step 1
  std::vector<float> gradient;   // [P]
  std::vector<float> unclipped;  // [P] weights after a step without clipping
  std::vector<float> after;      // [P] weights after the step; empty if the run ended
  StepRecord record;
};

StepTaken train_to(const CohortContext& context, const RunSpec& run, GradientEngine& engine,
                   std::uint64_t step) {
  StepTaken taken;
  ObservedEngine observed(engine);
  const auto sinks = [&](const RunSpec&) -> RunSinks {
    return {[&](const StepRecord& record) { taken.record = record; }};
  };
  CohortTrainer trainer(context, {{&run}}, observed, sinks, [](const RunRecord&) {});
  for (std::uint64_t done = 1; done < step; ++done) {
    if (done + 1 == step) taken.previous = copied(trainer.weights(0));
    trainer.step();
    if (trainer.active_runs() == 0)
      throw ConfigError(fmt::format("the run ended at step {}; name a step up to that one", done));
  }
  taken.before = copied(trainer.weights(0));
  observed.observe([&](const Batch& batch, const EngineContext& engine_context) {
    taken.batch.emplace(engine, batch, engine_context, context.run_steps);
    taken.gradient = taken.batch->gradient_at(taken.before);
    taken.unclipped = trainer.weights_after(0, taken.gradient);
  });
  trainer.step();
  if (trainer.active_runs() > 0) taken.after = copied(trainer.weights(0));
  return taken;
}

// Random, each row of a matrix and each vector as long as that of the weights.
Direction random_direction(const ParameterLayout& layout, const std::vector<float>& weights,
                           std::uint64_t seed) {
  RandomStream random(seed, "cliff");
  Direction direction(weights.size());
  for (double& element : direction) element = random.normal();
  for (const auto& tensor : layout.tensors) {
    const std::size_t columns =
        static_cast<std::size_t>(tensor.shape.size() > 1 ? tensor.shape[1] : tensor.shape[0]);
    for (std::size_t first = tensor.offset; first < tensor.offset + tensor.size();
         first += columns) {
      double squares = 0, wanted = 0;
      for (std::size_t i = first; i < first + columns; ++i) {
        squares += direction[i] * direction[i];
        wanted += static_cast<double>(weights[i]) * static_cast<double>(weights[i]);
      }
      const double factor = squares > 0 ? std::sqrt(wanted / squares) : 0;
      for (std::size_t i = first; i < first + columns; ++i) direction[i] *= factor;
    }
  }
  return direction;
}

// The plane through the weights before the step, spanned by two orthogonal directions of length 1.
struct Plane {
  const std::vector<float>& origin;
  Direction along;
  Direction across;
  CliffDirection direction = CliffDirection::kPreviousUpdate;

  std::vector<float> at(double a, double b) const {
    std::vector<float> weights(origin.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
      weights[i] =
          static_cast<float>(static_cast<double>(origin[i]) + a * along[i] + b * across[i]);
    return weights;
  }

  CliffMark place(const std::vector<float>& weights) const {
    Direction rest = between(origin, weights);
    CliffMark mark;
    mark.along = product(rest, along);
    mark.across = product(rest, across);
    add(rest, along, -mark.along);
    add(rest, across, -mark.across);
    mark.off_plane = length(rest);
    return mark;
  }
};

// Makes the direction orthogonal to `along` and 1 long; false if next to nothing of it is left.
bool make_orthogonal(Direction& direction, const Direction& along) {
  constexpr double kMinShare = 1e-3;
  const double whole = length(direction);
  add(direction, along, -product(direction, along));
  const double rest = length(direction);
  if (!(rest > kMinShare * whole) || !std::isfinite(rest)) return false;
  scale(direction, 1 / rest);
  return true;
}

Plane plane_of(const StepTaken& taken, const ParameterLayout& layout, const RunSpec& run) {
  Plane plane{taken.before, Direction(taken.gradient.begin(), taken.gradient.end()), {}};
  scale(plane.along, -1 / length(plane.along));
  if (!taken.previous.empty()) {
    plane.across = between(taken.previous, taken.before);
    if (make_orthogonal(plane.across, plane.along)) return plane;
  }
  plane.direction = CliffDirection::kRandom;
  plane.across = random_direction(layout, taken.before, run.seed);
  if (!make_orthogonal(plane.across, plane.along))
    throw ConfigError("the weights are all zero, so there is no second direction");
  return plane;
}

// `count` numbers from `first` to `last`.
std::vector<double> evenly(double first, double last, std::size_t count) {
  std::vector<double> places;
  for (std::size_t i = 0; i < count; ++i)
    places.push_back(first +
                     (last - first) * static_cast<double>(i) / static_cast<double>(count - 1));
  return places;
}

// How far an unclipped step goes. Throws ConfigError if there is nothing to draw.
double step_length(const StepTaken& taken, std::uint64_t step) {
  if (const double norm = euclidean_norm(taken.gradient); !(norm > 0) || !std::isfinite(norm))
    throw ConfigError(
        fmt::format("the gradient of step {} is {}, so it has no direction; name an "
                    "earlier step",
                    step, norm == 0 ? "zero" : "not finite"));
  const double distance = length(between(taken.before, taken.unclipped));
  if (!(distance > 0) || !std::isfinite(distance))
    throw ConfigError(
        fmt::format("step {} without clipping {}, so there is nothing to draw; name another step",
                    step, distance == 0 ? "would not move the weights" : "has no finite length"));
  return distance;
}

Json to_json(const CliffMark& mark) {
  return {{"along", json_number(mark.along)},
          {"across", json_number(mark.across)},
          {"off_plane", json_number(mark.off_plane)},
          {"loss", json_number(mark.loss)}};
}

template <typename Number>
Json numbers_json(const Number* numbers, std::size_t count) {
  Json list = Json::array();
  for (std::size_t i = 0; i < count; ++i) list.push_back(json_number(numbers[i]));
  return list;
}

}  // namespace

std::uint64_t run_steps_of(const CliffOptions& options) {
  return options.step + options.points * options.points + kSlicePoints;
}

Cliff measure_cliff(const CohortContext& context, const RunSpec& run, GradientEngine& engine,
                    const CliffOptions& options) {
  StepTaken taken = train_to(context, run, engine, options.step);
  const double reach = options.span * step_length(taken, options.step);
  const Plane plane = plane_of(taken, context.layout, run);
  Cliff cliff;
  cliff.record = taken.record;
  cliff.direction = plane.direction;
  // As wide as it is long, with the start a quarter of the way.
  cliff.along = evenly(-reach / 3, reach, options.points);
  cliff.across = evenly(-2 * reach / 3, 2 * reach / 3, options.points);
  cliff.slice_along = evenly(-reach / 3, reach, kSlicePoints);
  StepBatch& batch = *taken.batch;
  cliff.losses = batch.losses(options.points * options.points, [&](std::size_t i) {
    return plane.at(cliff.along[i % options.points], cliff.across[i / options.points]);
  });
  cliff.slice_losses =
      batch.losses(kSlicePoints, [&](std::size_t i) { return plane.at(cliff.slice_along[i], 0); });
  const auto mark = [&](const std::vector<float>& weights) {
    CliffMark found = plane.place(weights);
    found.loss = batch.loss_at(weights);
    return found;
  };
  cliff.unclipped = mark(taken.unclipped);
  if (!taken.after.empty()) cliff.clipped = mark(taken.after);
  return cliff;
}

std::optional<std::uint64_t> step_of_largest_spike(const std::vector<Event>& events) {
  const Event* largest = nullptr;
  for (const Event& event : events)
    if (event.kind == EventKind::kSpike && std::isfinite(event.norm) &&
        (!largest || event.norm > largest->norm))
      largest = &event;
  return largest ? std::optional(largest->step) : std::nullopt;
}

bool is_same_step(const StepRecord& step, const StepRecord& logged) {
  return step.loss == logged.loss && step.grad_norm_raw == logged.grad_norm_raw;
}

Json to_json(const Cliff& cliff, const RunSpec& run, const std::optional<StepRecord>& logged) {
  const std::size_t points = cliff.along.size();
  Json losses = Json::array();
  for (std::size_t row = 0; row < points; ++row)
    losses.push_back(numbers_json(cliff.losses.data() + row * points, points));
  return {{"schema", kCliffSchema},
          {"run", run.id},
          {"step", cliff.record.step},
          {"loss", json_number(cliff.record.loss)},
          {"grad_norm_raw", json_number(cliff.record.grad_norm_raw)},
          {"limit", json_optional(cliff.record.limit)},
          {"same_as_log", logged ? Json(is_same_step(cliff.record, *logged)) : Json(nullptr)},
          {"across_direction", name_in(kCliffDirections, cliff.direction)},
          {"along", numbers_json(cliff.along.data(), points)},
          {"across", numbers_json(cliff.across.data(), points)},
          {"losses", std::move(losses)},
          {"slice",
           {{"along", numbers_json(cliff.slice_along.data(), cliff.slice_along.size())},
            {"losses", numbers_json(cliff.slice_losses.data(), cliff.slice_losses.size())}}},
          {"unclipped", to_json(cliff.unclipped)},
          {"clipped", cliff.clipped ? to_json(*cliff.clipped) : Json(nullptr)}};
}

}  // namespace clipsweep

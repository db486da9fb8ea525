#include "clipsweep/measuring/weight_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "clipsweep/base/random.h"
#include "clipsweep/probing/gradient_sample.h"

namespace clipsweep {
namespace {

// The batches of a probe, one source for each seed among the runs.
class ProbeSamples {
 public:
  ProbeSamples(const std::vector<ProbedRun>& runs, std::uint64_t step, const ProbeContext& context)
      : task_(context.task) {
    std::vector<std::uint64_t> seeds;
    std::vector<int> source_of_run;
    for (const auto& run : runs) {
      const auto known = std::find(seeds.begin(), seeds.end(), run.seed);
      source_of_run.push_back(static_cast<int>(known - seeds.begin()));
      if (known != seeds.end()) continue;
      seeds.push_back(run.seed);
      streams_.push_back(task_.independent_samples(seed_of_probe(run.seed, step)));
    }
    batch_ = make_batch(context.layout.model, static_cast<int>(seeds.size()),
                        context.plan.training.batch_size, std::move(source_of_run));
  }

  // Batch k, from 0, in this order.
  const Batch& draw(std::uint64_t k) {
    set_time_steps(batch_, task_.time_steps(k + 1));
    for (std::size_t s = 0; s < streams_.size(); ++s)
      streams_[s]->next(batch_, static_cast<int>(s));
    return batch_;
  }

  Json drawn(std::size_t source) const {
    return streams_[source]->drawn(batch_, static_cast<int>(source));
  }

 private:
  static std::uint64_t seed_of_probe(std::uint64_t seed, std::uint64_t step) {
    RandomStream random(seed, fmt::format("probe-{}", step));
    return random.below(std::numeric_limits<std::uint64_t>::max());
  }

  const Task& task_;
  std::vector<std::unique_ptr<SampleStream>> streams_;  // [S]
  Batch batch_;
};

std::uint64_t batches_of(const ProbeContext& context) {
  return static_cast<std::uint64_t>(context.plan.probe_batches);
}

// How many runs' gradients fit into the memory of a probe, at least one.
std::size_t runs_per_group(const ProbeContext& context) {
  const std::size_t parameters = context.layout.size();
  const auto batches = static_cast<std::size_t>(context.plan.probe_batches);
  const std::size_t rules = context.plan.probed_rules.size();
  if (sketch_size(parameters, batches, rules)) return 1;
  // One block of clipped gradients besides.
  return kMaxProbeBytes / sizeof(float) / batches / parameters - 1;
}

std::vector<ProbeRecord> probe_group(const std::vector<ProbedRun>& runs, std::uint64_t step,
                                     const ProbeContext& context, GradientEngine& engine,
                                     const EngineContext& engine_context) {
  Block weights(runs.size(), context.layout.size());
  std::vector<GradientSample> gradients;
  gradients.reserve(runs.size());
  for (std::size_t r = 0; r < runs.size(); ++r) {
    std::copy(runs[r].weights.begin(), runs[r].weights.end(), weights.row(r).begin());
    gradients.emplace_back(context.layout, context.plan.probed_rules, runs[r].weights,
                           batches_of(context));
  }
  const std::vector<float> no_limits(runs.size(), std::numeric_limits<float>::infinity());
  ProbeSamples samples(runs, step, context);
  StepResult result(runs.size(), context.layout.size());
  for (std::uint64_t k = 0; k < batches_of(context); ++k) {
    throw_if_cancelled(engine_context.cancel);
    engine.compute_gradients(weights, samples.draw(k), no_limits, result, engine_context);
    for (std::size_t r = 0; r < runs.size(); ++r) gradients[r].add(result.gradients.row(r));
  }
  std::vector<ProbeRecord> records(runs.size());
  share(engine_context.sharing, runs.size(), [&](std::size_t r) {
    throw_if_cancelled(engine_context.cancel);
    records[r] = gradients[r].record(step);
  });
  return records;
}

}  // namespace

std::vector<ProbeRecord> probe_weights(const std::vector<ProbedRun>& runs, std::uint64_t step,
                                       const ProbeContext& context, GradientEngine& engine,
                                       const EngineContext& engine_context) {
  const auto group = static_cast<std::ptrdiff_t>(runs_per_group(context));
  std::vector<ProbeRecord> records;
  for (auto first = runs.begin(); first != runs.end();) {
    const auto last = first + std::min(group, runs.end() - first);
    for (auto& record : probe_group({first, last}, step, context, engine, engine_context))
      records.push_back(std::move(record));
    first = last;
  }
  return records;
}

Json probe_batches_json(std::uint64_t seed, std::uint64_t step, const ProbeContext& context) {
  ProbeSamples samples({{seed, {}}}, step, context);
  Json batches = Json::array();
  for (std::uint64_t k = 0; k < batches_of(context); ++k) {
    samples.draw(k);
    batches.push_back(samples.drawn(0));
  }
  return batches;
}

}  // namespace clipsweep

#include "clipsweep/training/cohort_samples.h"

#include <algorithm>
#include <map>
#include <utility>

namespace clipsweep {
namespace {

std::unique_ptr<SampleStream> stream_after(std::uint64_t steps, const Task& task,
                                           std::uint64_t seed, const CancelFlag& cancel) {
  auto stream = task.training_samples(seed);
  for (std::uint64_t step = 1; step <= steps; ++step) {
    throw_if_cancelled(cancel);
    stream->skip(task.time_steps(step));
  }
  return stream;
}

}  // namespace

CohortSamples::CohortSamples(const Task& task, const Model& model, int batch_size,
                             const std::vector<std::uint64_t>& seeds, std::uint64_t steps,
                             const CancelFlag& cancel)
    : task_(task), model_(model), batch_size_(batch_size) {
  std::map<std::uint64_t, std::shared_ptr<Source>> source_of_seed;
  for (const std::uint64_t seed : seeds) {
    auto& source = source_of_seed[seed];
    if (!source)
      source = std::make_shared<Source>(Source{seed, stream_after(steps, task, seed, cancel), ""});
    source_of_run_.push_back(source);
  }
  share_batches();
}

void CohortSamples::share_batches() {
  sources_.clear();
  std::vector<int> source_of_run;
  for (const auto& source : source_of_run_) {
    const auto known = std::find(sources_.begin(), sources_.end(), source.get());
    source_of_run.push_back(static_cast<int>(known - sources_.begin()));
    if (known == sources_.end()) sources_.push_back(source.get());
  }
  batch_ =
      make_batch(model_, static_cast<int>(sources_.size()), batch_size_, std::move(source_of_run));
}

void CohortSamples::draw(std::uint64_t step) {
  set_time_steps(batch_, task_.time_steps(step));
  for (std::size_t s = 0; s < sources_.size(); ++s)
    sources_[s]->stream->next(batch_, static_cast<int>(s));
}

Json CohortSamples::drawn(std::size_t r) const {
  return source_of_run_[r]->stream->drawn(batch_, batch_.source_of_run[r]);
}

const std::string& CohortSamples::order_sha256(std::size_t r) {
  Source& source = *source_of_run_[r];
  if (source.order_sha256.empty()) source.order_sha256 = task_.sample_order_sha256(source.seed);
  return source.order_sha256;
}

void CohortSamples::keep_runs(const std::vector<std::size_t>& kept) {
  std::vector<std::shared_ptr<Source>> sources;
  for (const std::size_t r : kept) sources.push_back(source_of_run_[r]);
  source_of_run_ = std::move(sources);
  share_batches();
}

}  // namespace clipsweep

// The training samples of a cohort: one stream per seed, shared by all runs of that seed, and the
// batch of a step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "clipsweep/base/cancellation.h"
#include "clipsweep/io/json.h"
#include "clipsweep/model/model.h"
#include "clipsweep/tasks/batches.h"
#include "clipsweep/tasks/task.h"

namespace clipsweep {

class CohortSamples {
 public:
  // seeds [R]: the seed of each run. The first `steps` steps are already taken: their samples are
  // skipped, which throws Cancelled once the flag is set. The task must outlive it.
  CohortSamples(const Task& task, const Model& model, int batch_size,
                const std::vector<std::uint64_t>& seeds, std::uint64_t steps,
                const CancelFlag& cancel);

  // Fills the batch with the samples of the next step, whose number (from 1) is `step`.
  void draw(std::uint64_t step);
  const Batch& batch() const { return batch_; }  // of the latest step

  // The latest samples of the run at this place: see SampleStream::drawn.
  Json drawn(std::size_t r) const;

  // The hash of the whole planned order of the run at this place.
  const std::string& order_sha256(std::size_t r);

  // Keeps the runs at these places, in this order. The batch is lost.
  void keep_runs(const std::vector<std::size_t>& kept);

 private:
  // The samples of one seed.
  struct Source {
    std::uint64_t seed = 0;
    std::unique_ptr<SampleStream> stream;
    std::string order_sha256;  // empty until it is needed
  };

  void share_batches();

  const Task& task_;
  const Model model_;
  const int batch_size_;
  std::vector<std::shared_ptr<Source>> source_of_run_;  // [R]
  std::vector<Source*> sources_;                        // [S], each once
  Batch batch_;
};

}  // namespace clipsweep

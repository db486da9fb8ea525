// Whether the numbers of a step agree: with each other and the plan, and with run.json.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "clipsweep/records/step_record.h"
#include "clipsweep/validation/expected_run.h"
#include "clipsweep/validation/problems.h"

namespace clipsweep {

// Norms, scale, learning rate, cosine and limit. `line`: of the step in its log.
void check_step_against_plan(const StepRecord& step, const ExpectedRun& expected,
                             std::uint64_t line, FileProblems& problems);

// Compares the steps of a log, in order, with the events, gates and outcome in run.json.
class StepsAgainstRecord {
 public:
  StepsAgainstRecord(const ExpectedRun& expected, FileProblems& problems);

  // `tensor_names`: of the log.
  void check(const StepRecord& step, std::uint64_t line,
             const std::vector<std::string>& tensor_names);

 private:
  void check_copy(const StepRecord& step, std::uint64_t line,
                  const std::vector<std::string>& tensor_names);
  void check_gates(const StepRecord& step, std::uint64_t line,
                   const std::vector<std::string>& tensor_names);
  void check_outcome(const StepRecord& step, std::uint64_t line);
  void check_phase(const StepRecord& step, std::uint64_t line, Phase phase, std::uint64_t nonfinite,
                   bool& was_nonfinite);

  const ExpectedRun& expected_;
  FileProblems& problems_;
  std::multimap<std::uint64_t, const Event*> events_;  // by step
  std::map<std::uint64_t, const StepRecord*> copies_;  // steps in the histories of events, by step
  std::map<std::uint64_t, double> gate_norms_;         // of spikes, all gates together, by step
  bool loss_was_nonfinite_ = false;
  bool gradient_was_nonfinite_ = false;
};

}  // namespace clipsweep

// Which events a step causes, and what the log finds in it.
#include "clipsweep/training/event_log.h"

#include <gtest/gtest.h>

#include <limits>

#include "clipsweep/io/byte_archive.h"
#include "support/special_values.h"

namespace clipsweep {
namespace {

class EventLogTest : public ::testing::Test {
 protected:
  EventLog make_log(NonfinitePolicy policy = NonfinitePolicy::kContinue, ClipRule clip = {}) const {
    return {layout_, clip, policy};
  }

  // A gradient of ones with one element replaced.
  std::uint64_t inspect(EventLog& log, Phase phase, float special) const {
    std::vector<float> values(layout_.size(), 1);
    values[9] = special;  // lstm.weight_hh[1]
    return log.inspect(phase, values, euclidean_norm(values));
  }

  StepRecord record_of(std::uint64_t step, double norm) const {
    StepRecord record;
    record.step = step;
    record.grad_norm_raw = norm;
    record.tensor_norms.resize(layout_.tensors.size());
    return record;
  }

  const ParameterLayout layout_ = lstm_layout(2, 1, 2);  // 20 parameters
};

TEST_F(EventLogTest, NamesTheFirstNonfiniteElementOfAPhase) {
  EventLog log = make_log(NonfinitePolicy::kSkip);
  log.begin_step(7, 3);
  EXPECT_EQ(inspect(log, Phase::kUpdate, -kInfinity), 1U);
  ASSERT_EQ(log.events().size(), 1U);
  const Event& event = log.events().front();
  EXPECT_EQ(event.kind, EventKind::kInf);
  EXPECT_EQ(event.phase, Phase::kUpdate);
  EXPECT_EQ(event.step, 7U);
  EXPECT_EQ(event.epoch, 3U);
  EXPECT_EQ(event.tensor, "lstm.weight_hh");
  EXPECT_EQ(event.index, 1U);
  EXPECT_EQ(event.negative_inf, 1U);
  EXPECT_EQ(event.action, Action::kSkipped);
}

TEST_F(EventLogTest, OnlyTheFirstBadStepInARowIsAnEvent) {
  EventLog log = make_log();
  for (const float special :
       {kNotANumber, kNotANumber, 1.0F, kNotANumber, 1e30F, 1e30F, 1.0F, 1e30F}) {
    log.begin_step(log.events().size() + 1, 1);
    inspect(log, Phase::kGradient, special);
  }
  std::vector<EventKind> kinds;
  for (const auto& event : log.events()) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector<EventKind>{EventKind::kNan, EventKind::kNan,
                                           EventKind::kNormOverflow, EventKind::kNormOverflow}));
}

TEST_F(EventLogTest, ABadUpdateAfterAMissingOneIsAnEventAgain) {
  EventLog log = make_log();
  log.begin_step(1, 1);
  inspect(log, Phase::kUpdate, kNotANumber);
  log.begin_step(2, 1);
  log.note_missing_update();
  log.begin_step(3, 1);
  inspect(log, Phase::kUpdate, kNotANumber);
  EXPECT_EQ(log.events().size(), 2U);
}

TEST_F(EventLogTest, AGradientThatClippingRepairsDoesNotBlockTheUpdate) {
  EventLog log = make_log(NonfinitePolicy::kStop, {ClipMode::kRandomStep, 1});
  log.begin_step(1, 1);
  inspect(log, Phase::kGradient, kNotANumber);
  EXPECT_TRUE(log.findings().has_nonfinite);
  EXPECT_FALSE(log.findings().update_blocked);
  EXPECT_EQ(log.events().front().action, Action::kContinued);
  log.inspect_loss(kNotANumber, 1);
  EXPECT_TRUE(log.findings().update_blocked);
  EXPECT_EQ(log.events().back().action, Action::kStopped);
  log.begin_step(2, 1);
  EXPECT_FALSE(log.findings().has_nonfinite || log.findings().update_blocked ||
               log.findings().has_event);
}

TEST_F(EventLogTest, AnEventHasTheLastFiniteNormAndTheStepsBeforeIt) {
  EventLog log = make_log();
  for (std::uint64_t step = 1; step <= 3; ++step) {
    log.begin_step(step, 1);
    log.end_step(record_of(step, step == 3 ? std::numeric_limits<double>::infinity() : 0.5));
  }
  log.begin_step(4, 1);
  inspect(log, Phase::kGradient, kNotANumber);
  EXPECT_EQ(log.events().front().last_finite_norm, 0.5);
  EXPECT_EQ(log.events().front().before.steps.size(), 3U);
}

TEST_F(EventLogTest, ASpikeHasItsMedianAndTheNormsOfTheGates) {
  EventLog log = make_log();
  const std::vector<float> gradient(layout_.size(), 1);
  for (std::uint64_t step = 1; step <= 2; ++step) {
    log.begin_step(step, 1);
    log.inspect_spike(gradient, step == 1 ? 2 : 30, {1, 2, 3, 4});
    EXPECT_EQ(log.findings().has_spike, step == 2);
  }
  ASSERT_EQ(log.events().size(), 1U);
  EXPECT_EQ(log.events().front().running_median, 2);
  EXPECT_EQ(log.events().front().gate_norms, (GateNumbers{{"i", 1}, {"f", 2}, {"g", 3}, {"o", 4}}));
}

TEST_F(EventLogTest, CountsTheFirstStepsWithAnEvent) {
  EventLog log = make_log();
  for (std::uint64_t step = 1; step <= 6; ++step) {
    log.begin_step(step, 1);
    const bool has_event = step % 2 == 0;  // steps 2, 4 and 6
    inspect(log, Phase::kGradient, has_event ? kNotANumber : 1.0F);
    log.end_step(record_of(step, 1));
    EXPECT_EQ(log.is_among_first_event_steps(2), has_event && step <= 4) << step;
  }
}

TEST_F(EventLogTest, ItsStateIsOnlyValidForItsStep) {
  EventLog log = make_log();
  for (std::uint64_t step = 1; step <= 3; ++step) {
    log.begin_step(step, 1);
    inspect(log, Phase::kGradient, step == 2 ? kNotANumber : 1.0F);
    log.end_step(record_of(step, 1));
  }
  ByteWriter writer;
  log.archive(writer);
  const std::string bytes = writer.take();
  EventLog restored = make_log();
  ByteReader reader(bytes);
  restored.archive(reader);
  EXPECT_TRUE(reader.is_at_end());
  EXPECT_EQ(restored.events().size(), 1U);
  EXPECT_TRUE(restored.is_valid(3));
  EXPECT_FALSE(restored.is_valid(4));
}

}  // namespace
}  // namespace clipsweep

#include "clipsweep/records/flight_recorder.h"

#include <gtest/gtest.h>

namespace clipsweep {
namespace {

// A recorder after steps 1, 2, ...
class Flight {
 public:
  // What an event gets at a step that is under way.
  EventHistory event_at(std::uint64_t step, EventKind kind = EventKind::kSpike) {
    for (; seen_ + 1 < step; ++seen_) {
      StepRecord record;
      record.step = seen_ + 1;
      recorder_.add_step(record);
    }
    return recorder_.history_before(step, kind);
  }

 private:
  FlightRecorder recorder_;
  std::uint64_t seen_ = 0;
};

void expect_steps(const EventHistory& history, std::uint64_t first, std::uint64_t last) {
  ASSERT_EQ(history.steps.size(), last - first + 1);
  for (std::size_t i = 0; i < history.steps.size(); ++i)
    EXPECT_EQ(history.steps[i].step, first + i);
}

TEST(FlightRecorder, GivesTheTwentyStepsBeforeAnEvent) {
  Flight flight;
  const auto history = flight.event_at(101);
  expect_steps(history, 81, 100);
  EXPECT_EQ(history.shared, 0U);
  EXPECT_EQ(history.left_out, 0U);
}

TEST(FlightRecorder, GivesFewerStepsAtTheBeginning) {
  Flight flight;
  EXPECT_TRUE(flight.event_at(1).steps.empty());
  expect_steps(flight.event_at(4), 1, 3);
}

TEST(FlightRecorder, GivesNoStepTwice) {
  Flight flight;
  flight.event_at(101);
  const auto at_once = flight.event_at(101, EventKind::kNan);
  EXPECT_TRUE(at_once.steps.empty());
  EXPECT_EQ(at_once.shared, 20U);
  const auto soon = flight.event_at(106);
  expect_steps(soon, 101, 105);
  EXPECT_EQ(soon.shared, 15U);
  expect_steps(flight.event_at(126), 106, 125);
}

TEST(FlightRecorder, GivesNoStepsToTheEleventhEventOfAKindAndCountsThem) {
  Flight flight;
  for (std::uint64_t i = 1; i <= kEventsWithSteps; ++i) flight.event_at(100 * i);
  const auto spike = flight.event_at(2000);
  EXPECT_TRUE(spike.steps.empty());
  EXPECT_EQ(spike.left_out, 20U);
  // What no spike got is there for the first event of another kind.
  expect_steps(flight.event_at(2005, EventKind::kInf), 1985, 2004);
  EXPECT_EQ(flight.event_at(2010).shared, 15U);
  EXPECT_EQ(flight.event_at(2010).left_out, 5U);
}

// As in a run of 100,000 steps with a spike on every other one.
TEST(FlightRecorder, IsBoundedForAnyNumberOfEvents) {
  Flight flight;
  std::size_t steps = 0;
  for (std::uint64_t step = 1; step <= 100'000; step += 2) {
    const auto history = flight.event_at(step);
    steps += history.steps.size();
    EXPECT_EQ(history.steps.size() + history.shared + history.left_out,
              step - first_step_before(step));
  }
  EXPECT_LE(steps, kEventsWithSteps * kStepsBeforeEvent);
}

}  // namespace
}  // namespace clipsweep

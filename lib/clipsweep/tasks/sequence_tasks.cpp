#include "clipsweep/tasks/sequence_tasks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "clipsweep/base/random.h"
#include "clipsweep/experiment/task_table.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {
namespace {

constexpr int kTestSamples = 10'000;
constexpr int kTestBatch = 250;

// Where one sample lies in a batch: a lane of one block.
class Lane {
 public:
  Lane(Batch& batch, int source, std::size_t sample)
      : batch_(batch),
        block_(static_cast<std::size_t>(source) * batch.blocks() + sample / kLanes),
        lane_(sample % kLanes) {}

  void set_input(int t, int input, float value) {
    const auto steps = static_cast<std::size_t>(batch_.time_steps);
    const auto inputs = static_cast<std::size_t>(batch_.inputs);
    const std::size_t row = block_ * steps * inputs + static_cast<std::size_t>(t) * inputs +
                            static_cast<std::size_t>(input);
    batch_.values[row * kLanes + lane_] = value;
  }
  void set_class(std::size_t number) {
    batch_.labels[block_ * kLanes + lane_] = static_cast<std::uint8_t>(number);
  }
  void set_class_at(int t, std::size_t number) {
    const std::size_t row =
        block_ * static_cast<std::size_t>(batch_.time_steps) + static_cast<std::size_t>(t);
    batch_.labels[row * kLanes + lane_] = static_cast<std::uint8_t>(number);
  }
  void set_number(float value) { batch_.numbers[block_ * kLanes + lane_] = value; }

 private:
  Batch& batch_;
  std::size_t block_;
  std::size_t lane_;
};

// A whole number in [first, end).
int whole_between(RandomStream& random, int first, int end) {
  return first + static_cast<int>(random.below(static_cast<std::uint64_t>(end - first)));
}

// What makes one task: its sizes, and how a sample is drawn. Inputs are zeros before.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual Model model() const = 0;
  // How many time steps a sequence has beside its length.
  virtual int further_steps() const { return 0; }
  virtual void draw(RandomStream& random, int time_steps, Lane lane) const = 0;
};

// ---- adding ----

// Two inputs a step: a number from U(0, 1), and a mark, 1 at two places: one in the first tenth,
// the other elsewhere in the first half. The target is the sum of the marked numbers, times the
// scale.
class Adding : public Generator {
 public:
  explicit Adding(double scale) : scale_(scale) {}

  Model model() const override {
    Model model;
    model.inputs = 2;
    model.outputs = 1;
    model.target = Target::kNumber;
    model.tolerance = 0.04 * scale_ * scale_;
    return model;
  }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    const int first = whole_between(random, 0, std::max(1, time_steps / 10));
    int second = whole_between(random, 0, time_steps / 2 - 1);
    if (second >= first) ++second;  // elsewhere
    double sum = 0;
    for (int t = 0; t < time_steps; ++t) {
      const auto number = static_cast<float>(random.uniform());
      lane.set_input(t, 0, number);
      if (t != first && t != second) continue;
      lane.set_input(t, 1, 1);
      sum += static_cast<double>(number);
    }
    lane.set_number(static_cast<float>(scale_ * sum));
  }

 private:
  double scale_;
};

// ---- temporal-order ----

// Six symbols, one-hot: four of noise, then X and Y. Each of the intervals, in shares of the
// length, holds one X or Y at a random place; the class says which of the two stood where.
class TemporalOrder : public Generator {
 public:
  explicit TemporalOrder(std::vector<std::pair<double, double>> intervals)
      : intervals_(std::move(intervals)) {}

  Model model() const override {
    Model model;
    model.inputs = kNoise + 2;
    model.outputs = 1 << intervals_.size();
    return model;
  }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    std::vector<int> symbols(static_cast<std::size_t>(time_steps));
    for (int& symbol : symbols) symbol = whole_between(random, 0, kNoise);
    std::size_t order = 0;
    for (const auto& [begin, end] : intervals_) {
      const auto which = static_cast<std::size_t>(random.below(2));
      const int place = whole_between(random, static_cast<int>(std::ceil(begin * time_steps)),
                                      static_cast<int>(std::ceil(end * time_steps)));
      symbols[static_cast<std::size_t>(place)] = kNoise + static_cast<int>(which);
      order = 2 * order + which;
    }
    for (int t = 0; t < time_steps; ++t) lane.set_input(t, symbols[static_cast<std::size_t>(t)], 1);
    lane.set_class(order);
  }

 private:
  static constexpr int kNoise = 4;
  std::vector<std::pair<double, double>> intervals_;
};

// ---- copy ----

// Ten of eight symbols, `length` - 1 blanks, a signal, and ten blanks during which the symbols are
// to be repeated; blanks before. T = length + 20 steps, ten inputs one-hot, nine classes.
class Copy : public Generator {
 public:
  Model model() const override {
    Model model;
    model.inputs = kSignal + 1;
    model.outputs = kBlank + 1;
    model.target = Target::kClassEachStep;
    return model;
  }

  int further_steps() const override { return 2 * kCount; }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    for (int t = 0; t < time_steps; ++t) {
      const bool is_signal = t == time_steps - kCount - 1;
      if (t >= kCount) lane.set_input(t, is_signal ? kSignal : kBlank, 1);
      lane.set_class_at(t, kBlank);
    }
    for (int k = 0; k < kCount; ++k) {
      const int symbol = whole_between(random, 0, kBlank);
      lane.set_input(k, symbol, 1);
      lane.set_class_at(time_steps - kCount + k, static_cast<std::size_t>(symbol));
    }
  }

 private:
  static constexpr int kCount = 10;
  static constexpr int kBlank = 8;  // and the number of symbols
  static constexpr int kSignal = 9;
};

// ---- sine ----

// One input: sin(phase + step / 2), the phase uniform over a turn; the target is the next value,
// times the scale.
class Sine : public Generator {
 public:
  explicit Sine(double scale) : scale_(scale) {}

  Model model() const override {
    Model model;
    model.inputs = 1;
    model.outputs = 1;
    model.target = Target::kNumber;
    model.tolerance = 0.04 * scale_ * scale_;
    return model;
  }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    constexpr double kTurn = 6.283185307179586;
    const double phase = kTurn * random.uniform();
    for (int t = 0; t < time_steps; ++t)
      lane.set_input(t, 0, static_cast<float>(std::sin(phase + 0.5 * t)));
    lane.set_number(static_cast<float>(scale_ * std::sin(phase + 0.5 * time_steps)));
  }

 private:
  double scale_;
};

std::unique_ptr<Generator> make_generator(const TrainingSettings& training) {
  if (training.task == "adding") return std::make_unique<Adding>(training.target_scale);
  if (training.task == "temporal-order")
    return std::make_unique<TemporalOrder>(
        std::vector<std::pair<double, double>>{{0.1, 0.2}, {0.5, 0.6}});
  if (training.task == "temporal-order-3")
    return std::make_unique<TemporalOrder>(
        std::vector<std::pair<double, double>>{{0.1, 0.2}, {0.3, 0.4}, {0.6, 0.7}});
  if (training.task == "copy") return std::make_unique<Copy>();
  if (training.task == "sine") return std::make_unique<Sine>(training.target_scale);
  throw std::logic_error("make_generator: no generated task " + training.task);
}

// ---- Any of them ----

// Draws B samples into one source.
void draw_samples(const Generator& generator, RandomStream& random, int source, Batch& batch) {
  const auto values = static_cast<std::ptrdiff_t>(batch.values.size()) / batch.sources;
  std::fill_n(batch.values.begin() + source * values, values, 0.0F);
  for (std::size_t sample = 0; sample < static_cast<std::size_t>(batch.size); ++sample)
    generator.draw(random, batch.time_steps, Lane(batch, source, sample));
  pad_lanes(batch, source);
}

class SequenceStream : public SampleStream {
 public:
  SequenceStream(const Generator& generator, int batch_size, std::uint64_t seed)
      : generator_(generator),
        random_(seed, "training-samples"),
        skipped_(make_batch(generator.model(), 1, batch_size, {})) {}

  void next(Batch& batch, int source) override { draw_samples(generator_, random_, source, batch); }

  void skip(int time_steps) override {
    set_time_steps(skipped_, time_steps);
    draw_samples(generator_, random_, 0, skipped_);
  }

  Json drawn(const Batch& batch, int source) const override { return samples_json(batch, source); }

 private:
  const Generator& generator_;
  RandomStream random_;
  Batch skipped_;
};

class SequenceTask : public Task {
 public:
  explicit SequenceTask(const TrainingSettings& training)
      : generator_(make_generator(training)),
        lengths_(lengths_of(training)),
        batch_size_(training.batch_size) {}

  Model model() const override { return generator_->model(); }

  int time_steps(std::uint64_t step) const override {
    return drawn_time_steps(step, "training-lengths");
  }

  std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const override {
    return std::make_unique<SequenceStream>(*generator_, batch_size_, seed);
  }

  // Of the first step's samples: whoever draws these draws all others too.
  std::string sample_order_sha256(std::uint64_t seed) const override {
    Batch batch = make_batch(model(), 1, batch_size_, {0});
    set_time_steps(batch, time_steps(1));
    training_samples(seed)->next(batch, 0);
    Sha256 hash;
    hash.add(batch.values.data(), batch.values.size() * sizeof(float));
    hash.add(batch.numbers.data(), batch.numbers.size() * sizeof(float));
    hash.add(batch.labels.data(), batch.labels.size());
    return hash.finish();
  }

  std::size_t test_batches() const override { return kTestSamples / kTestBatch; }
  std::uint64_t test_samples() const override { return kTestSamples; }

  const Batch& test_batch(std::size_t number, Batch& scratch) const override {
    if (scratch.sources == 0) scratch = make_batch(model(), 1, kTestBatch, {});
    set_time_steps(scratch, drawn_time_steps(number, "test-lengths"));
    RandomStream random(number, "test-samples");
    draw_samples(*generator_, random, 0, scratch);
    return scratch;
  }

 private:
  int drawn_time_steps(std::uint64_t number, std::string_view purpose) const {
    int length = lengths_.shortest;
    if (lengths_.longest > length) {
      RandomStream random(number, purpose);
      length = whole_between(random, lengths_.shortest, lengths_.longest + 1);
    }
    return length + generator_->further_steps();
  }

  std::unique_ptr<Generator> generator_;
  LengthRange lengths_;
  int batch_size_;
};

}  // namespace

std::unique_ptr<Task> make_sequence_task(const TrainingSettings& training) {
  return std::make_unique<SequenceTask>(training);
}

}  // namespace clipsweep

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

// The place of one sample in a batch: a lane of one block.
class Lane {
 public:
  Lane(Batch& batch, int source, std::size_t sample)
      : batch_(batch),
        source_(source),
        sample_(sample),
        block_(static_cast<std::size_t>(source) * batch.blocks() + sample / kLanes),
        lane_(sample % kLanes) {}

  void set_input(int t, int input, float value) {
    const auto steps = static_cast<std::size_t>(batch_.time_steps);
    const auto inputs = static_cast<std::size_t>(batch_.input_size);
    const std::size_t row = block_ * steps * inputs + static_cast<std::size_t>(t) * inputs +
                            static_cast<std::size_t>(input);
    batch_.inputs[row * kLanes + lane_] = value;
  }
  void set_symbol(int t, int symbol) {
    clipsweep::set_symbol(batch_, source_, sample_, static_cast<std::size_t>(t),
                          static_cast<std::size_t>(symbol));
  }
  void set_class(std::size_t number) {
    batch_.labels[block_ * kLanes + lane_] = static_cast<std::int32_t>(number);
  }
  void set_class_at(int t, std::size_t number) {
    const std::size_t row =
        block_ * static_cast<std::size_t>(batch_.time_steps) + static_cast<std::size_t>(t);
    batch_.labels[row * kLanes + lane_] = static_cast<std::int32_t>(number);
  }
  void set_number(float value) { batch_.targets[block_ * kLanes + lane_] = value; }

 private:
  Batch& batch_;
  int source_;
  std::size_t sample_;
  std::size_t block_;
  std::size_t lane_;
};

// A whole number in [first, end).
int whole_between(RandomStream& random, int first, int end) {
  return first + static_cast<int>(random.below(static_cast<std::uint64_t>(end - first)));
}

// One task: its sizes, and how to draw a sample. The inputs are zeros before a draw.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual Model model() const = 0;
  // The number of time steps of a sequence in addition to its length.
  virtual int extra_steps() const { return 0; }
  virtual void draw(RandomStream& random, int time_steps, Lane lane) const = 0;
};

// The output is one number. A prediction is correct if it is within 0.2 times the scale of the
// target; the tolerance is the square of that.
Model model_of_number(int inputs, double scale) {
  Model model;
  model.inputs = inputs;
  model.outputs = 1;
  model.target = Target::kNumber;
  model.tolerance = 0.04 * scale * scale;
  return model;
}

// ---- adding ----

// Two inputs per time step: a number from U(0, 1) and a mark, which is 1 at two steps, one in the
// first tenth of the sequence, the other elsewhere in its first half. The target is the sum of the
// two marked numbers, times the scale.
class Adding : public Generator {
 public:
  explicit Adding(double scale) : scale_(scale) {}

  Model model() const override { return model_of_number(2, scale_); }

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

// Six one-hot symbols: four noise symbols, X and Y. Each interval, given as fractions of the
// length, contains one X or Y at a random time step; the class is the order of the Xs and Ys.
class TemporalOrder : public Generator {
 public:
  explicit TemporalOrder(std::vector<std::pair<double, double>> intervals)
      : intervals_(std::move(intervals)) {}

  Model model() const override {
    Model model;
    model.inputs = kNoise + 2;
    model.outputs = 1 << intervals_.size();
    model.one_hot_inputs = true;
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
    for (int t = 0; t < time_steps; ++t) lane.set_symbol(t, symbols[static_cast<std::size_t>(t)]);
    lane.set_class(order);
  }

 private:
  static constexpr int kNoise = 4;
  std::vector<std::pair<double, double>> intervals_;
};

// ---- copy ----

// The input is ten symbols (of eight kinds), `length` - 1 blanks, a signal and ten blanks. The
// target is a blank at each time step but the last ten, where it repeats the symbols. T = length +
// 20, ten one-hot inputs, nine classes.
class Copy : public Generator {
 public:
  Model model() const override {
    Model model;
    model.inputs = kSignal + 1;
    model.outputs = kBlank + 1;
    model.target = Target::kClassEachStep;
    model.one_hot_inputs = true;
    return model;
  }

  int extra_steps() const override { return 2 * kCount; }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    for (int t = 0; t < time_steps; ++t) {
      const bool is_signal = t == time_steps - kCount - 1;
      if (t >= kCount) lane.set_symbol(t, is_signal ? kSignal : kBlank);
      lane.set_class_at(t, kBlank);
    }
    for (int k = 0; k < kCount; ++k) {
      const int symbol = whole_between(random, 0, kBlank);
      lane.set_symbol(k, symbol);
      lane.set_class_at(time_steps - kCount + k, static_cast<std::size_t>(symbol));
    }
  }

 private:
  static constexpr int kCount = 10;
  static constexpr int kBlank = 8;  // also the number of kinds of symbols
  static constexpr int kSignal = 9;
};

// ---- sine ----

// One input: sin(phase + t / 2), with a phase uniform in [0, 2 pi). The target is the next value,
// times the scale.
class Sine : public Generator {
 public:
  explicit Sine(double scale) : scale_(scale) {}

  Model model() const override { return model_of_number(1, scale_); }

  void draw(RandomStream& random, int time_steps, Lane lane) const override {
    constexpr double kTwoPi = 6.283185307179586;
    const double phase = kTwoPi * random.uniform();
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

// ---- All tasks ----

// Draws B samples into one source.
void draw_samples(const Generator& generator, RandomStream& random, int source, Batch& batch) {
  clear_inputs(batch, source);
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

  // Hashes the samples of the first step: they determine all later ones.
  std::string sample_order_sha256(std::uint64_t seed) const override {
    Batch batch = make_batch(model(), 1, batch_size_, {0});
    set_time_steps(batch, time_steps(1));
    training_samples(seed)->next(batch, 0);
    Sha256 hash;
    const auto inputs = batch.keeps_symbols ? one_hot_inputs(batch) : batch.inputs;
    hash.add(inputs.data(), inputs.size() * sizeof(float));
    hash.add(batch.targets.data(), batch.targets.size() * sizeof(float));
    // As bytes, which the labels of all generated tasks fit into.
    const std::vector<std::uint8_t> labels(batch.labels.begin(), batch.labels.end());
    hash.add(labels.data(), labels.size());
    return hash.finish();
  }

  std::size_t test_batches() const override { return kTestSamples / kTestBatchSize; }
  std::uint64_t test_samples() const override { return kTestSamples; }

  const Batch& test_batch(std::size_t number, Batch& scratch) const override {
    if (scratch.sources == 0) scratch = make_batch(model(), 1, kTestBatchSize, {});
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
    return length + generator_->extra_steps();
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

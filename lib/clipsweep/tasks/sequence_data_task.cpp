#include "clipsweep/tasks/sequence_data_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

// What the readers accept and `Batch` has no room for.
void refuse_unsupported(const SequenceData& data) {
  const auto refuse = [&](const std::string& what) {
    throw DataError(fmt::format("{}: {}", data.where, what));
  };
  constexpr std::size_t kMaxLabels = std::numeric_limits<std::uint8_t>::max() + 1;
  if (data.target == SequenceTarget::kNumbers && data.numbers != 1)
    refuse(
        fmt::format("{} to predict per sequence are not supported yet; give one, as y[:, 0]; of "
                    "one-hot classes take numpy.argmax(y, 1)",
                    counted(data.numbers, "number")));
  if (!data.train.lengths.empty() || !data.test.lengths.empty())
    refuse("sequences of different lengths are not supported yet; cut or pad them to one length");
  if (data.class_names.size() > kMaxLabels)
    refuse(
        fmt::format("{} classes are not supported yet, only up to {}; numbers to predict must "
                    "be floats",
                    with_thousands(data.class_names.size()), kMaxLabels));
}

Target target_of(const SequenceData& data) {
  switch (data.target) {
    case SequenceTarget::kClassEachStep:
      return Target::kClassEachStep;
    case SequenceTarget::kNumbers:
      return Target::kNumber;
    default:
      return Target::kClass;
  }
}

// The square of a fifth of the standard deviation of the targets.
double tolerance_of(const std::vector<float>& targets) {
  constexpr double kShare = 0.2;
  const auto count = static_cast<double>(targets.size());
  double sum = 0;
  for (const float target : targets) sum += static_cast<double>(target);
  double squares = 0;
  for (const float target : targets) {
    const double difference = static_cast<double>(target) - sum / count;
    squares += difference * difference;
  }
  return kShare * kShare * squares / count;
}

Model model_of(const SequenceData& data) {
  Model model;
  model.inputs = static_cast<int>(data.inputs);
  model.target = target_of(data);
  if (model.target == Target::kNumber) {
    model.outputs = static_cast<int>(data.numbers);
    model.tolerance = tolerance_of(data.train.targets);
  } else {
    model.outputs = static_cast<int>(data.class_names.size());
  }
  return model;
}

// Copies rows [rows] of kLanes samples side by side: to[row][lane] = from[lane][row].
template <typename From, typename To>
void interleave(const std::array<const From*, kLanes>& from, std::size_t rows, To* to) {
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      to[row * kLanes + lane] = static_cast<To>(from[lane][row]);
}

// Copies the sequences with these indices [B] into one source of the batch, the first also into the
// lanes behind the last.
void gather(const SequenceSet& set, Span<const std::uint32_t> indices, int source, Batch& batch) {
  require(indices.size() == static_cast<std::size_t>(batch.size), "gather: indices must be [B]");
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const std::size_t values = steps * static_cast<std::size_t>(batch.input_size);
  const std::size_t labels = batch.target == Target::kClassEachStep ? steps : 1;
  for (std::size_t block = 0; block < batch.blocks(); ++block) {
    const std::size_t place = static_cast<std::size_t>(source) * batch.blocks() + block;
    const auto lanes_of = [&](const auto& rows, std::size_t width) {
      std::array<decltype(rows.data()), kLanes> lanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t b = block * kLanes + lane;
        lanes[lane] = rows.data() + indices[b < indices.size() ? b : 0] * width;
      }
      return lanes;
    };
    interleave(lanes_of(set.inputs, values), values, batch.inputs.data() + place * values * kLanes);
    if (batch.target == Target::kNumber)
      interleave(lanes_of(set.targets, 1), 1, batch.targets.data() + place * kLanes);
    else
      interleave(lanes_of(set.classes, labels), labels,
                 batch.labels.data() + place * labels * kLanes);
  }
}

class SequenceDataStream : public SampleStream {
 public:
  SequenceDataStream(const SequenceSet& set, const TrainingSettings& training, std::uint64_t seed)
      : set_(set),
        order_(set.count, static_cast<std::size_t>(training.shuffle_buffer), seed),
        samples_(static_cast<std::size_t>(training.batch_size)) {}

  void next(Batch& batch, int source) override {
    for (auto& sample : samples_) sample = order_.next();
    gather(set_, samples_, source, batch);
  }

  void skip(int) override {
    for (std::size_t i = 0; i < samples_.size(); ++i) order_.next();
  }

  // Rows of the training arrays in the file.
  Json drawn(const Batch&, int) const override {
    Json rows = Json::array();
    for (const std::uint32_t sample : samples_) rows.push_back(set_.row(sample));
    return rows;
  }

 private:
  const SequenceSet& set_;
  ShuffleBuffer order_;
  std::vector<std::uint32_t> samples_;  // [B]
};

std::vector<Batch> batches_of(const SequenceSet& set, const Model& model) {
  std::vector<Batch> batches;
  for (std::size_t first = 0; first < set.count; first += kTestBatchSize) {
    const std::size_t size = std::min(static_cast<std::size_t>(kTestBatchSize), set.count - first);
    std::vector<std::uint32_t> indices(size);
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
    batches.push_back(make_batch(model, 1, static_cast<int>(size), {}));
    set_time_steps(batches.back(), static_cast<int>(set.time_steps));
    gather(set, indices, 0, batches.back());
  }
  return batches;
}

class SequenceDataTask : public Task {
 public:
  SequenceDataTask(SequenceData data, const TrainingSettings& training)
      : data_(std::move(data)),
        training_(training),
        model_(model_of(data_)),
        test_samples_(data_.test.count),
        test_batches_(batches_of(data_.test, model_)),
        validation_samples_(data_.validation.count),
        validation_batches_(batches_of(data_.validation, model_)) {
    data_.test = {};
    data_.validation = {};
  }

  Model model() const override { return model_; }

  int time_steps(std::uint64_t) const override { return static_cast<int>(data_.train.time_steps); }

  std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const override {
    return std::make_unique<SequenceDataStream>(data_.train, training_, seed);
  }

  // Hashes the indices of the whole planned run.
  std::string sample_order_sha256(std::uint64_t seed) const override {
    return batch_order_sha256(data_.train.count, training_, seed);
  }

  std::size_t test_batches() const override { return test_batches_.size(); }
  std::uint64_t test_samples() const override { return test_samples_; }
  const Batch& test_batch(std::size_t number, Batch&) const override {
    return test_batches_[number];
  }

  std::size_t validation_batches() const override { return validation_batches_.size(); }
  std::uint64_t validation_samples() const override { return validation_samples_; }
  const Batch& validation_batch(std::size_t number, Batch&) const override {
    return validation_batches_[number];
  }

 private:
  SequenceData data_;  // without the test and validation sets, which are in the batches
  const TrainingSettings training_;
  const Model model_;
  const std::uint64_t test_samples_;
  const std::vector<Batch> test_batches_;
  const std::uint64_t validation_samples_;
  const std::vector<Batch> validation_batches_;
};

}  // namespace

std::unique_ptr<Task> make_sequence_data_task(SequenceData data, const TrainingSettings& training) {
  require(!data.train.empty() && !data.test.empty(),
          "make_sequence_data_task: both sets must have sequences");
  refuse_unsupported(data);
  return std::make_unique<SequenceDataTask>(std::move(data), training);
}

}  // namespace clipsweep

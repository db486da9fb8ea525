#include "clipsweep/tasks/sequence_data_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

void refuse_too_many_classes(const SequenceData& data) {
  if (data.class_names.size() > kMaxClasses)
    throw DataError(fmt::format(
        "{}: {} classes; at most {} are supported; numbers to predict must "
        "be floats",
        data.where, with_thousands(data.class_names.size()), with_thousands(kMaxClasses)));
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

// The square of a fifth of the standard deviation of the targets [N, K]; of several numbers, the
// mean of these squares.
double tolerance_of(const std::vector<float>& targets, std::size_t numbers) {
  constexpr double kShare = 0.2;
  const std::size_t rows = targets.size() / numbers;
  double squares = 0;
  for (std::size_t k = 0; k < numbers; ++k) {
    double sum = 0;
    for (std::size_t n = 0; n < rows; ++n) sum += static_cast<double>(targets[n * numbers + k]);
    const double mean = sum / static_cast<double>(rows);
    for (std::size_t n = 0; n < rows; ++n) {
      const double difference = static_cast<double>(targets[n * numbers + k]) - mean;
      squares += difference * difference;
    }
  }
  return kShare * kShare * squares / static_cast<double>(targets.size());
}

Model model_of(const SequenceData& data) {
  Model model;
  model.inputs = static_cast<int>(data.inputs);
  model.target = target_of(data);
  if (model.target == Target::kNumber) {
    model.outputs = static_cast<int>(data.numbers);
    model.tolerance = tolerance_of(data.train.targets, data.numbers);
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

// Moves one lane's values [rows, kLanes] to later rows; those before become zeros.
template <typename Number>
void move_to_end(std::size_t lane, std::size_t rows, std::size_t by, Number* values) {
  for (std::size_t row = rows; row-- > 0;)
    values[row * kLanes + lane] = row < by ? Number{} : values[(row - by) * kLanes + lane];
}

// Aligns the sequences with these indices at their ends, in one block of the batch.
void align_ends(const SequenceSet& set, const std::array<std::uint32_t, kLanes>& indices,
                std::size_t place, Batch& batch) {
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const auto inputs = static_cast<std::size_t>(batch.input_size);
  batch.starts.resize(static_cast<std::size_t>(batch.sources) * batch.blocks() * kLanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const std::size_t start = steps - set.length(indices[lane]);
    batch.starts[place * kLanes + lane] = static_cast<std::int32_t>(start);
    move_to_end(lane, steps * inputs, start * inputs,
                batch.inputs.data() + place * steps * inputs * kLanes);
    if (batch.target == Target::kClassEachStep)
      move_to_end(lane, steps, start, batch.labels.data() + place * steps * kLanes);
  }
}

// Copies the sequences with these indices [B] into one source of the batch, the first also into the
// lanes behind the last.
void gather(const SequenceSet& set, Span<const std::uint32_t> indices, int source, Batch& batch) {
  require(indices.size() == static_cast<std::size_t>(batch.size), "gather: indices must be [B]");
  const auto steps = static_cast<std::size_t>(batch.time_steps);
  const std::size_t values = steps * static_cast<std::size_t>(batch.input_size);
  const std::size_t labels = batch.target == Target::kClassEachStep ? steps : 1;
  const auto numbers = static_cast<std::size_t>(batch.numbers);
  for (std::size_t block = 0; block < batch.blocks(); ++block) {
    const std::size_t place = static_cast<std::size_t>(source) * batch.blocks() + block;
    std::array<std::uint32_t, kLanes> in_lanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t b = block * kLanes + lane;
      in_lanes[lane] = indices[b < indices.size() ? b : 0];
    }
    const auto lanes_of = [&](const auto& rows, std::size_t width) {
      std::array<decltype(rows.data()), kLanes> lanes;
      for (std::size_t lane = 0; lane < kLanes; ++lane)
        lanes[lane] = rows.data() + in_lanes[lane] * width;
      return lanes;
    };
    interleave(lanes_of(set.inputs, values), values, batch.inputs.data() + place * values * kLanes);
    if (batch.target == Target::kNumber)
      interleave(lanes_of(set.targets, numbers), numbers,
                 batch.targets.data() + place * numbers * kLanes);
    else
      interleave(lanes_of(set.classes, labels), labels,
                 batch.labels.data() + place * labels * kLanes);
    if (!set.lengths.empty()) align_ends(set, in_lanes, place, batch);
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

  // A shuffle buffer that holds the whole set draws from all of it.
  std::unique_ptr<SampleStream> independent_samples(std::uint64_t seed) const override {
    TrainingSettings whole_set = training_;
    whole_set.shuffle_buffer = static_cast<int>(data_.train.count);
    return std::make_unique<SequenceDataStream>(data_.train, whole_set, seed);
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
  refuse_too_many_classes(data);
  return std::make_unique<SequenceDataTask>(std::move(data), training);
}

}  // namespace clipsweep

#include "clipsweep/tasks/image_task.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "clipsweep/base/random.h"

namespace clipsweep {
namespace {

class ImageStream : public SampleStream {
 public:
  ImageStream(const ImageSet& images, const TrainingSettings& training, std::uint64_t seed)
      : images_(images),
        order_(static_cast<std::size_t>(images.count),
               static_cast<std::size_t>(training.shuffle_buffer), seed),
        samples_(static_cast<std::size_t>(training.batch_size)) {}

  void next(Batch& batch, int source) override {
    for (auto& sample : samples_) sample = order_.next();
    gather(images_, samples_, source, batch);
  }

  void skip(int) override {
    for (std::size_t i = 0; i < samples_.size(); ++i) order_.next();
  }

  // Where the images are in the file.
  Json drawn(const Batch&, int) const override {
    if (images_.places.empty()) return samples_;
    Json places = Json::array();
    for (const std::uint32_t sample : samples_) places.push_back(images_.places[sample]);
    return places;
  }

 private:
  const ImageSet& images_;
  ShuffleBuffer order_;
  std::vector<std::uint32_t> samples_;  // [B]
};

std::vector<Batch> batches_of(const ImageSet& images) {
  std::vector<Batch> batches;
  for (int first = 0; first < images.count; first += kTestBatchSize) {
    const int size = std::min(kTestBatchSize, images.count - first);
    std::vector<std::uint32_t> indices(static_cast<std::size_t>(size));
    std::iota(indices.begin(), indices.end(), static_cast<std::uint32_t>(first));
    batches.push_back(make_batch(images, 1, size, {}));
    gather(images, indices, 0, batches.back());
  }
  return batches;
}

class ImageTask : public Task {
 public:
  ImageTask(ImageData data, const TrainingSettings& training)
      : data_(std::move(data)),
        training_(training),
        test_batches_(batches_of(data_.test)),
        validation_batches_(batches_of(data_.validation)) {}

  Model model() const override {
    Model model;
    model.inputs = data_.train.inputs();
    model.outputs = static_cast<int>(data_.classes.size());
    return model;
  }

  int time_steps(std::uint64_t) const override { return data_.train.rows; }

  std::unique_ptr<SampleStream> training_samples(std::uint64_t seed) const override {
    return std::make_unique<ImageStream>(data_.train, training_, seed);
  }

  // A shuffle buffer that holds the whole set draws from all of it.
  std::unique_ptr<SampleStream> independent_samples(std::uint64_t seed) const override {
    TrainingSettings whole_set = training_;
    whole_set.shuffle_buffer = data_.train.count;
    return std::make_unique<ImageStream>(data_.train, whole_set, seed);
  }

  // Hashes the indices of the whole planned run.
  std::string sample_order_sha256(std::uint64_t seed) const override {
    return batch_order_sha256(static_cast<std::size_t>(data_.train.count), training_, seed);
  }

  std::size_t test_batches() const override { return test_batches_.size(); }
  std::uint64_t test_samples() const override {
    return static_cast<std::uint64_t>(data_.test.count);
  }
  const Batch& test_batch(std::size_t number, Batch&) const override {
    return test_batches_[number];
  }

  std::size_t validation_batches() const override { return validation_batches_.size(); }
  std::uint64_t validation_samples() const override {
    return static_cast<std::uint64_t>(data_.validation.count);
  }
  const Batch& validation_batch(std::size_t number, Batch&) const override {
    return validation_batches_[number];
  }

 private:
  const ImageData data_;
  const TrainingSettings training_;
  const std::vector<Batch> test_batches_;
  const std::vector<Batch> validation_batches_;
};

// The source index of each pixel, by a Fisher-Yates shuffle.
std::vector<std::size_t> pixel_order(std::size_t pixels, std::uint64_t seed) {
  std::vector<std::size_t> order(pixels);
  std::iota(order.begin(), order.end(), std::size_t{0});
  RandomStream random(seed, "pixel-order");
  for (std::size_t left = pixels; left > 1; --left)
    std::swap(order[left - 1], order[random.below(left)]);
  return order;
}

// One pixel per time step.
void read_by_pixels(ImageSet& images, const std::optional<std::uint64_t>& permute_seed) {
  const auto pixels = static_cast<std::size_t>(images.rows * images.columns);
  if (permute_seed) reorder_pixels(images, pixel_order(pixels, *permute_seed));
  images.rows = static_cast<int>(pixels);
  images.columns = 1;
}

}  // namespace

std::unique_ptr<Task> make_image_task(ImageData data, const TrainingSettings& training) {
  for (ImageSet* images : {&data.train, &data.test, &data.validation}) {
    if (training.read_columns) transpose_images(*images);
    if (training.task == "fashion-mnist-pixels") read_by_pixels(*images, training.permute_seed);
  }
  return std::make_unique<ImageTask>(std::move(data), training);
}

}  // namespace clipsweep

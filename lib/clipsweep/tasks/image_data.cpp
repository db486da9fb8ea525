#include "clipsweep/tasks/image_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "clipsweep/base/error.h"
#include "clipsweep/base/subset.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

[[noreturn]] void throw_bad_images(const std::string& where, std::string_view what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

void check_image_sizes(const IdxFile& idx, const std::string& where) {
  constexpr std::uint32_t kMaxSide = 4096;
  const auto& sizes = idx.sizes;
  if (sizes.size() == 1)
    throw_bad_images(where, fmt::format("{}: images have three dimensions [N, rows, columns]; "
                                        "are these labels?",
                                        description(idx)));
  if (sizes.size() != 3 && sizes.size() != 4)
    throw_bad_images(where, fmt::format("{}: images have three dimensions [N, rows, columns], "
                                        "or four with channels at the end; reshape them",
                                        description(idx)));
  const std::uint32_t channels = sizes.size() == 4 ? sizes[3] : 1;
  if (sizes[1] > kMaxSide || sizes[2] > kMaxSide || channels > kMaxSide ||
      std::uint64_t{sizes[2]} * channels > kMaxSide)
    throw_bad_images(where, fmt::format("{}: images of more than 4,096 rows, or more than 4,096 "
                                        "numbers in a row",
                                        description(idx)));
}

// `image 3, row 2, column 5`, with the channel if there are several; counted from 0
std::string place_text(const ImageSet& set, std::size_t index) {
  const auto channels = static_cast<std::size_t>(set.channels);
  const auto columns = static_cast<std::size_t>(set.columns);
  const std::size_t row = index / channels / columns;
  const auto rows = static_cast<std::size_t>(set.rows);
  std::string place = fmt::format("image {}, row {}, column {}", row / rows, row % rows,
                                  index / channels % columns);
  if (channels > 1) place += fmt::format(", channel {}", index % channels);
  return place;
}

void check_finite(const ImageSet& set, const std::string& where) {
  const auto bad = std::find_if(set.values.begin(), set.values.end(),
                                [](float value) { return !std::isfinite(value); });
  if (bad == set.values.end()) return;
  const auto index = static_cast<std::size_t>(bad - set.values.begin());
  throw_bad_images(where, fmt::format("{} at {} (counted from 0); every number must be finite in "
                                      "float32",
                                      std::isnan(*bad) ? "NaN" : "Inf", place_text(set, index)));
}

// The largest absolute value, or 1 if there is none above 0.
float largest_magnitude(const std::vector<float>& values) {
  float largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  return largest > 0 ? largest : 1;
}

void divide(std::vector<float>& values, float divisor) {
  for (float& value : values) value /= divisor;
}

template <typename Number>
void reorder(std::vector<Number>& numbers, const std::vector<std::size_t>& order,
             std::size_t channels) {
  std::vector<Number> image(order.size() * channels);
  for (auto first = numbers.begin(); first != numbers.end();
       first += static_cast<std::ptrdiff_t>(image.size())) {
    for (std::size_t i = 0; i < order.size(); ++i)
      std::copy_n(first + static_cast<std::ptrdiff_t>(order[i] * channels), channels,
                  image.begin() + static_cast<std::ptrdiff_t>(i * channels));
    std::copy(image.begin(), image.end(), first);
  }
}

ImageSet part_of(const ImageSet& images, const std::vector<bool>& is_drawn, bool wanted) {
  ImageSet part;
  part.rows = images.rows;
  part.columns = images.columns;
  part.channels = images.channels;
  part.pixels = rows_of(images.pixels, is_drawn, wanted);
  part.values = rows_of(images.values, is_drawn, wanted);
  part.labels = rows_of(images.labels, is_drawn, wanted);
  for (std::uint32_t place = 0; place < is_drawn.size(); ++place)
    if (is_drawn[place] == wanted) part.places.push_back(place);
  part.count = static_cast<int>(part.places.size());
  return part;
}

}  // namespace

ImageSet images_in(IdxFile idx, const std::string& where) {
  check_image_sizes(idx, where);
  ImageSet set;
  set.count = static_cast<int>(idx.sizes[0]);
  set.rows = static_cast<int>(idx.sizes[1]);
  set.columns = static_cast<int>(idx.sizes[2]);
  if (idx.sizes.size() == 4) set.channels = static_cast<int>(idx.sizes[3]);
  if (idx.type == IdxType::kUint8) {
    set.pixels = std::move(idx.bytes);
  } else {
    set.values = as_floats(idx);
    check_finite(set, where);
  }
  return set;
}

float scale_images(ImageSet& train, ImageSet& test) {
  const float divisor = largest_magnitude(train.values);
  divide(train.values, divisor);
  divide(test.values, divisor);
  return divisor;
}

void split_off_validation_set(ImageData& data, double share, std::uint64_t seed,
                              const std::string& where) {
  const auto count = static_cast<std::size_t>(data.train.count);
  const auto size = static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
  if (size == 0 || size == count)
    throw DataError(
        fmt::format("{}: a share of {} of its {} leaves {}; choose another --validation-share",
                    where, shortest(share), counted(count, "training image"),
                    size == 0 ? "none for the validation set" : "nothing for training"));
  const auto is_drawn = draw_subset(count, size, RandomStream(seed, "validation-share"));
  data.validation = part_of(data.train, is_drawn, true);
  data.train = part_of(data.train, is_drawn, false);
  for (std::size_t c = 0; c < data.classes.size(); ++c) {
    const auto& labels = data.train.labels;
    if (std::find(labels.begin(), labels.end(), c) == labels.end())
      throw DataError(fmt::format(
          "{}: the split leaves no training image of class {}; choose another --split-seed or a "
          "smaller --validation-share",
          where, data.classes[c]));
  }
}

void reorder_pixels(ImageSet& images, const std::vector<std::size_t>& order) {
  const auto channels = static_cast<std::size_t>(images.channels);
  reorder(images.pixels, order, channels);
  reorder(images.values, order, channels);
}

void transpose_images(ImageSet& images) {
  const auto rows = static_cast<std::size_t>(images.rows);
  const auto columns = static_cast<std::size_t>(images.columns);
  std::vector<std::size_t> order;
  for (std::size_t column = 0; column < columns; ++column)
    for (std::size_t row = 0; row < rows; ++row) order.push_back(row * columns + column);
  reorder_pixels(images, order);
  std::swap(images.rows, images.columns);
}

}  // namespace clipsweep

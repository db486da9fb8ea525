// Labelled images in memory, and how they come from arrays of numbers.
//
// Images are [N, rows, columns] or [N, rows, columns, channels]. Bytes are kept as they are and
// divided by 255 when they are used. Other whole numbers are divided by the largest absolute value
// of the training set; float32 and float64 are used as they are. All in float32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clipsweep/data/idx_file.h"

namespace clipsweep {

struct ImageSet {
  int count = 0;
  int rows = 0;
  int columns = 0;
  int channels = 1;
  // [count, rows, columns, channels], in one of these two; the other is empty.
  std::vector<std::uint8_t> pixels;  // to be divided by 255
  std::vector<float> values;         // as a network sees them
  std::vector<std::int32_t> labels;  // [count], the number of a class
  // [count], where each is in the file; empty: 0 to count - 1
  std::vector<std::uint32_t> places = {};

  // The number of inputs of a row.
  int inputs() const { return columns * channels; }
  // Where an image begins in `pixels` or `values`.
  std::size_t offset(std::size_t index) const {
    return index * static_cast<std::size_t>(rows) * static_cast<std::size_t>(inputs());
  }
};

struct ImageData {
  ImageSet train;
  ImageSet test;
  ImageSet validation = {};  // empty unless split_off_validation_set has drawn it
  // The labels of the classes, ascending: as many as the model has outputs.
  std::vector<std::int32_t> classes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

// The images of a file, without labels; of whole numbers other than bytes not scaled yet. Throws
// DataError that begins with `where` for another number of dimensions, for images too large to be
// meant, and for NaN and Inf.
ImageSet images_in(IdxFile idx, const std::string& where);

// Divides the values of both sets by the largest absolute value of the training set, or by 1 if all
// are 0. Returns the divisor.
float scale_images(ImageSet& train, ImageSet& test);

// Moves a share of the training set, in (0, 1), to the validation set: images drawn at random by
// this seed. Both keep the order of the file. Throws DataError that begins with `where` if one of
// the two would be empty, or if the training set would lack a class.
void split_off_validation_set(ImageData& data, double share, std::uint64_t seed,
                              const std::string& where);

// Swaps rows and columns of all images.
void transpose_images(ImageSet& images);
// Moves pixels within each image: pixel i is then what pixel order[i] was. order
// [rows * columns].
void reorder_pixels(ImageSet& images, const std::vector<std::size_t>& order);

}  // namespace clipsweep

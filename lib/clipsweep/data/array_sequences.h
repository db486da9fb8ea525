// Sequences from NumPy arrays, named as Keras names those of its data sets:
//
//   x_train, x_test              inputs [N, T] or [N, T, I], of any number type
//   y_train, y_test              whole numbers [N]: a class each, whatever its number
//                                whole numbers [N, T]: a class at each time step
//                                floats [N], [N, K] or [N, 1, K]: K numbers to predict
//   lengths_train, lengths_test  whole numbers [N]: the time steps of each sequence; optional
//
// The arrays of the test set may be missing.
#pragma once

#include "clipsweep/data/array_store.h"
#include "clipsweep/data/sequence_data.h"

namespace clipsweep {

enum class Nonfinite { kRefuse, kAllow };

// Throws DataError that names the array and says what is wrong with it and what to do. NaN and Inf
// are allowed in inputs only.
SequenceData read_array_sequences(const ArrayStore& store, Nonfinite nonfinite);

}  // namespace clipsweep

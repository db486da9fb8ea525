// Finds out what kind of file or folder the user named, and reads the sequences in it.
#pragma once

#include <string>

#include "clipsweep/data/array_sequences.h"
#include "clipsweep/data/sequence_data.h"

namespace clipsweep {

// Reads one of these:
//   FILE.npz                   arrays of NumPy
//   FOLDER with x_train.npy    the same, a file each
//   NAME_TRAIN.ts, .tsv        time series, with NAME_TEST beside it if there is one
//   FOLDER with such a file: the only one, or FOLDER_TRAIN
//   FILE.ts, .tsv              time series, all in one file
// Throws DataError that names the file.
SequenceData read_sequences(const std::string& path, Nonfinite nonfinite);

// Whether a file of this name holds sequences.
bool is_sequence_file(const std::string& path);

}  // namespace clipsweep

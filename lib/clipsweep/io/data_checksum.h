// What identifies the data of a sweep, and what its readers must know about them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clipsweep/io/json.h"

namespace clipsweep {

struct DataChecksum {
  // For images: the SHA-256 of the digests of the files as they are unpacked, so that packing does
  // not matter. For sequences: a SHA-256 of their values. For text: that of its bytes. For
  // generated data: a SHA-256 of what generates it.
  std::string sha256;
  std::vector<std::pair<std::string, std::string>> files;  // name, SHA-256 as stored on disk
  // What `sha256` was in earlier versions, if they read the data as now: the SHA-256 of the digests
  // of the files as they are stored. Empty if there is none.
  std::string former_sha256 = {};
  Json classes = nullptr;  // the label of each class, [C] numbers or texts; null if 0, 1, 2, ...
  std::optional<double> pixel_divisor = {};  // of whole numbers other than bytes
  std::optional<double> entropy_rate = {};   // of a generated text: its least loss, in nats
};

}  // namespace clipsweep

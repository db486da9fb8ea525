// NumPy arrays by name: an archive that numpy.savez wrote, or a folder of files that numpy.save
// wrote, each NAME.npy.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clipsweep/data/sized_source.h"

namespace clipsweep {

class ArrayStore {
 public:
  virtual ~ArrayStore() = default;

  // Of all arrays, sorted.
  virtual std::vector<std::string> names() const = 0;
  // Opens the array of this name, which names() lists; the store must outlive it. Throws DataError
  // if that fails.
  virtual std::unique_ptr<SizedSource> open(const std::string& name) const = 0;
  // The archive or the folder, for messages.
  virtual std::string where() const = 0;

  bool has(const std::string& name) const;
};

// All throw DataError if the archive or folder cannot be read.
std::unique_ptr<ArrayStore> open_npz(const fs::path& path);
std::unique_ptr<ArrayStore> open_npz_in_memory(std::string_view bytes, const std::string& where);
std::unique_ptr<ArrayStore> open_npy_folder(const fs::path& folder);

}  // namespace clipsweep

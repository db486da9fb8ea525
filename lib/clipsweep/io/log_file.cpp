#include "clipsweep/io/log_file.h"

#include <algorithm>
#include <memory>

#include "clipsweep/base/error.h"
#include "clipsweep/io/gzip_file.h"

namespace clipsweep {
namespace {

constexpr std::size_t kLogPieceBytes = 64 * 1024;

ReadBytes open_compressed(const fs::path& path) {
  return [file = std::make_shared<GzipFile>(path)](char* to, std::size_t max_bytes) {
    return file->read(to, max_bytes);
  };
}

ReadBytes open_plain(const fs::path& path) {
  return [file = std::make_shared<InputFile>(path)](char* to, std::size_t max_bytes) {
    return file->read(to, max_bytes);
  };
}

// Calls `on_piece` with all bytes, in order.
template <typename OnPiece>
void for_each_piece(const ReadBytes& read, const OnPiece& on_piece) {
  std::string piece(kLogPieceBytes, '\0');
  while (const std::size_t count = read(piece.data(), piece.size()))
    on_piece(std::string_view(piece).substr(0, count));
}

std::string sha256_of_all(const ReadBytes& read) {
  Sha256 hash;
  for_each_piece(read, [&](std::string_view piece) { hash.add(piece.data(), piece.size()); });
  return hash.finish();
}

void write_compressed(const fs::path& log, const fs::path& compressed) {
  InputFile plain(log);
  ReplacingFile file(compressed);
  GzipPacker packer;
  std::string piece(kLogPieceBytes, '\0');
  for (std::size_t rest = plain.size(); rest > 0;) {
    const std::size_t count = std::min(rest, piece.size());
    plain.read_fully(piece.data(), count);  // or throws: what is not read now is lost
    file.write(packer.add(std::string_view(piece).substr(0, count)));
    rest -= count;
  }
  file.write(packer.finish());
  file.commit();
}

}  // namespace

fs::path compressed_path(const fs::path& log) { return log.string() + ".gz"; }

bool is_compressed_path(const fs::path& path) { return path.extension() == ".gz"; }

fs::path stored_log(const fs::path& log) {
  if (is_compressed_path(log)) return log;
  fs::path compressed = compressed_path(log);
  return is_there(compressed) ? compressed : log;
}

ReadBytes open_log(const fs::path& log) {
  const fs::path path = stored_log(log);
  if (is_compressed_path(path)) return open_compressed(path);
  try {
    return open_plain(path);
  } catch (const UnreadableError&) {
    throw;
  } catch (const DataError&) {
    // Another process may have compressed it at this moment.
    if (is_there(compressed_path(path))) return open_compressed(compressed_path(path));
    throw;
  }
}

std::string sha256_of_log(const fs::path& log) {
  const fs::path path = stored_log(log);
  return is_compressed_path(path) ? sha256_of_all(open_compressed(path))
                                  : hash_of_beginning(path).finish();
}

bool has_usual_compression(const fs::path& log) {
  GzipFile file(stored_log(log));
  std::string piece(kLogPieceBytes, '\0');
  while (file.read(piece.data(), piece.size()) > 0) continue;
  return file.has_usual_form();
}

bool is_duplicate_log(const fs::path& log) {
  if (!is_there(log) || !is_there(compressed_path(log))) return false;
  if (InputFile(log).size() == 0) return true;
  return hash_of_beginning(log).finish() == sha256_of_log(log);
}

void compress_log(const fs::path& log) {
  if (!is_there(log)) return;
  const fs::path compressed = compressed_path(log);
  if (is_there(compressed)) return remove_duplicate_log(log);
  write_compressed(log, compressed);
  remove_file(log);
}

void remove_duplicate_log(const fs::path& log) {
  if (is_duplicate_log(log)) remove_file(log);
}

}  // namespace clipsweep

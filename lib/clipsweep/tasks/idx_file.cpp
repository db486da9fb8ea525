#include "clipsweep/tasks/idx_file.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

[[noreturn]] void throw_bad_file(const std::string& where, std::string_view what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// The bytes of the IDX file, in order.
class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // The number of bytes that remain, and whether it is only an upper bound.
  virtual double max_left() const = 0;
  virtual bool is_bound() const = 0;
  // Returns the next `count` bytes, or fewer if there are no more.
  virtual std::vector<std::uint8_t> take(std::size_t count) = 0;
  // Throws if more bytes follow, or if the rest of the file is corrupt.
  virtual void expect_end() = 0;
};

class PlainSource : public Source {
 public:
  PlainSource(std::string_view file, const std::string& where) : left_(file), where_(where) {}

  double max_left() const override { return static_cast<double>(left_.size()); }
  bool is_bound() const override { return false; }

  std::vector<std::uint8_t> take(std::size_t count) override {
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(taken.size());
    return {taken.begin(), taken.end()};
  }

  void expect_end() override {
    if (!left_.empty())
      throw_bad_file(where_,
                     fmt::format("too long: {} bytes follow the data that the header describes",
                                 left_.size()));
  }

 private:
  std::string_view left_;
  const std::string& where_;
};

class GzipSource : public Source {
 public:
  GzipSource(std::string_view file, const std::string& where) : where_(where) {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.data()));
    stream_.avail_in = static_cast<uInt>(file.size());
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  // Deflate expands 2 bits to at most 258 bytes: https://zlib.net/zlib_tech.html ("maximum
  // compression factor").
  double max_left() const override { return 1032.0 * (stream_.avail_in + kWindowBytes); }
  bool is_bound() const override { return true; }

  std::vector<std::uint8_t> take(std::size_t count) override {
    std::vector<std::uint8_t> bytes(count);
    stream_.next_out = bytes.data();
    stream_.avail_out = static_cast<uInt>(count);
    inflate_more();
    bytes.resize(count - stream_.avail_out);
    return bytes;
  }

  void expect_end() override {
    std::uint8_t one_more = 0;
    stream_.next_out = &one_more;
    stream_.avail_out = 1;
    inflate_more();
    if (stream_.avail_out == 0)
      throw_bad_file(where_, "too long: it unpacks to more bytes than the header says");
    if (stream_.avail_in > 0) throw_bad_file(where_, "bytes follow the end of the gzip stream");
  }

 private:
  // The maximum number of bytes that inflate has read but not yet unpacked.
  static constexpr double kWindowBytes = 1 << MAX_WBITS;

  // Unpacks until the output is full or the stream ends.
  void inflate_more() {
    while (status_ == Z_OK && stream_.avail_out > 0) status_ = inflate(&stream_, Z_NO_FLUSH);
    if (status_ == Z_BUF_ERROR)
      throw_bad_file(where_, "the gzip stream is truncated; fetch the file again");
    if (status_ != Z_OK && status_ != Z_STREAM_END)
      throw_bad_file(where_, "not a valid gzip file; fetch the file again");
  }

  z_stream stream_{};
  int status_ = Z_OK;
  const std::string& where_;
};

std::uint32_t big_endian(const std::vector<std::uint8_t>& bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes[offset + i];
  return value;
}

std::vector<std::uint32_t> read_sizes(Source& source, std::size_t dimensions,
                                      const std::string& where) {
  const std::size_t size = 4 + 4 * dimensions;
  const auto header = source.take(size);
  if (header.size() < size)
    throw_bad_file(where, fmt::format("{} bytes are too few for an IDX header", header.size()));
  const std::uint32_t expected = 0x0800 + static_cast<std::uint32_t>(dimensions);
  if (const std::uint32_t magic = big_endian(header, 0); magic != expected)
    throw_bad_file(where, fmt::format("begins with 0x{:08x}, but an IDX file of {} begins with "
                                      "0x{:08x}",
                                      magic, dimensions == 3 ? "images" : "labels", expected));
  std::vector<std::uint32_t> sizes;
  for (std::size_t i = 0; i < dimensions; ++i) sizes.push_back(big_endian(header, 4 + 4 * i));
  return sizes;
}

IdxFile read_idx(Source& source, std::size_t dimensions, const std::string& where) {
  IdxFile idx;
  idx.sizes = read_sizes(source, dimensions, where);
  double expected = 1;  // in double, so that hostile sizes cannot wrap around
  for (const std::uint32_t size : idx.sizes) expected *= size;
  if (expected == 0) throw_bad_file(where, "the header says that the file is empty");
  const auto refuse_short = [&](double available, const char* bound) {
    if (expected > available)
      throw_bad_file(where, fmt::format("truncated: the header says {:.0f} bytes, the file has "
                                        "{}{:.0f}",
                                        expected, bound, available));
  };
  refuse_short(source.max_left(), source.is_bound() ? "at most " : "");
  if (expected > static_cast<double>(kMaxIdxBytes))
    throw_bad_file(where, "the header says more than 2 GiB; not a data set");
  idx.bytes = source.take(static_cast<std::size_t>(expected));
  refuse_short(static_cast<double>(idx.bytes.size()), "");
  source.expect_end();
  return idx;
}

}  // namespace

IdxFile parse_idx(std::string_view file, Packing packing, std::size_t dimensions,
                  const std::string& where) {
  if (file.empty()) throw_bad_file(where, "the file is empty; fetch it again");
  if (file.size() > kMaxIdxBytes) throw_bad_file(where, "more than 2 GiB; not a data set");
  if (packing == Packing::kGzip) {
    GzipSource source(file, where);
    return read_idx(source, dimensions, where);
  }
  PlainSource source(file, where);
  return read_idx(source, dimensions, where);
}

}  // namespace clipsweep

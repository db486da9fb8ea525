#include "clipsweep/io/byte_source.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "clipsweep/base/error.h"

namespace clipsweep {
namespace {

class PlainSource : public ByteSource {
 public:
  PlainSource(std::string_view file, std::string where) : left_(file), where_(std::move(where)) {}

  double max_left() const override { return static_cast<double>(left_.size()); }
  bool is_bound() const override { return false; }

  std::vector<std::uint8_t> take(std::size_t count) override {
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(taken.size());
    return {taken.begin(), taken.end()};
  }

  void expect_end() override {
    if (!left_.empty())
      throw DataError(
          fmt::format("{}: too long: {} bytes follow the data that the header describes", where_,
                      left_.size()));
  }

 private:
  std::string_view left_;
  const std::string where_;
};

class GzipSource : public ByteSource {
 public:
  GzipSource(std::string_view file, std::string where) : where_(std::move(where)) {
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
    if (stream_.avail_out == 0) fail("too long: it unpacks to more bytes than the header says");
    const std::uint8_t* rest = stream_.next_in;
    if (std::any_of(rest, rest + stream_.avail_in, [](auto byte) { return byte != 0; }))
      fail("bytes follow the end of the gzip stream");
  }

 private:
  // The maximum number of bytes that inflate has read but not yet unpacked.
  static constexpr double kWindowBytes = 1 << MAX_WBITS;

  [[noreturn]] void fail(const char* what) const {
    throw DataError(fmt::format("{}: {}", where_, what));
  }

  // Unpacks until the output is full or the last member ends.
  void inflate_more() {
    while (stream_.avail_out > 0) {
      if (status_ == Z_STREAM_END && !begin_next_member()) return;
      status_ = inflate(&stream_, Z_NO_FLUSH);
      if (status_ == Z_BUF_ERROR) fail("the gzip stream is truncated; fetch the file again");
      if (status_ != Z_OK && status_ != Z_STREAM_END)
        fail("not a valid gzip file; fetch the file again");
    }
  }

  // Returns false if what remains is not a member.
  bool begin_next_member() {
    const std::string_view rest(reinterpret_cast<const char*>(stream_.next_in), stream_.avail_in);
    if (!is_gzip(rest)) return false;
    inflateReset(&stream_);
    return true;
  }

  z_stream stream_{};
  int status_ = Z_OK;
  const std::string where_;
};

}  // namespace

bool is_gzip(std::string_view file) { return file.substr(0, 2) == "\x1f\x8b"; }

std::unique_ptr<ByteSource> open_bytes(std::string_view file, const std::string& where) {
  if (is_gzip(file)) return std::make_unique<GzipSource>(file, where);
  return std::make_unique<PlainSource>(file, where);
}

}  // namespace clipsweep

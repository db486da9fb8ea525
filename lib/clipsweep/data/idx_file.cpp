#include "clipsweep/data/idx_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"
#include "clipsweep/io/byte_source.h"
#include "clipsweep/io/file_kind.h"
#include "clipsweep/io/sha256.h"

namespace clipsweep {
namespace {

constexpr std::size_t kMaxDimensions = 8;

// ---- The types of numbers -----------------------------------------------------------------------

struct TypeEntry {
  IdxType type;
  const char* name;
  std::size_t bytes;
  bool is_whole;
};

constexpr std::array<TypeEntry, 6> kTypes = {{{IdxType::kUint8, "uint8", 1, true},
                                              {IdxType::kInt8, "int8", 1, true},
                                              {IdxType::kInt16, "int16", 2, true},
                                              {IdxType::kInt32, "int32", 4, true},
                                              {IdxType::kFloat32, "float32", 4, false},
                                              {IdxType::kFloat64, "float64", 8, false}}};

const TypeEntry* find_type(std::uint8_t code) {
  for (const auto& entry : kTypes)
    if (static_cast<std::uint8_t>(entry.type) == code) return &entry;
  return nullptr;
}

const TypeEntry& entry_of(IdxType type) { return *find_type(static_cast<std::uint8_t>(type)); }

// An unsigned number from its bytes, the highest first.
template <typename Unsigned>
Unsigned from_big_endian(const std::uint8_t* bytes) {
  Unsigned value = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    value = static_cast<Unsigned>(value << 8 | bytes[i]);
  return value;
}

template <typename Number, typename Unsigned>
Number number_from(const std::uint8_t* bytes) {
  const auto pattern = from_big_endian<Unsigned>(bytes);
  Number number;
  static_assert(sizeof number == sizeof pattern);
  std::memcpy(&number, &pattern, sizeof number);
  return number;
}

// Every `stride`-th number, converted to another type.
template <typename To, typename Number, typename Unsigned>
std::vector<To> convert(const IdxFile& idx, std::size_t first, std::size_t stride) {
  std::vector<To> numbers;
  numbers.reserve((idx.count() - first + stride - 1) / stride);
  for (std::size_t i = first; i < idx.count(); i += stride)
    numbers.push_back(
        static_cast<To>(number_from<Number, Unsigned>(idx.bytes.data() + i * sizeof(Number))));
  return numbers;
}

// ---- The header ---------------------------------------------------------------------------------

[[noreturn]] void throw_bad_file(const std::string& where, std::string_view what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// The first four bytes: 0, 0, the type and the number of dimensions.
using Magic = std::array<std::uint8_t, 4>;

constexpr const char* kLittleEndian =
    "little-endian (its {}), but IDX files are big-endian; write the highest byte of each number "
    "first, in NumPy by .astype('>i4') and the like";

bool is_valid(const Magic& magic) {
  return magic[0] == 0 && magic[1] == 0 && find_type(magic[2]) && magic[3] >= 1 &&
         magic[3] <= kMaxDimensions;
}

// Says what the file is instead of an IDX file.
[[noreturn]] void refuse_kind(const Magic& magic, std::string_view beginning,
                              const std::string& where) {
  if (const auto kind = known_file_kind(beginning))
    throw_bad_file(where, fmt::format("this is {}", *kind));
  if (is_valid({magic[3], magic[2], magic[1], magic[0]}))
    throw_bad_file(where,
                   fmt::format(fmt::runtime(kLittleEndian), "first four bytes are reversed"));
  const std::string hex =
      fmt::format("begins with 0x{:02x}{:02x}{:02x}{:02x}", magic[0], magic[1], magic[2], magic[3]);
  if (magic[0] != 0 || magic[1] != 0)
    throw_bad_file(where, hex + ", but an IDX file begins with two zero bytes");
  if (!find_type(magic[2]))
    throw_bad_file(where, fmt::format("{}, but 0x{:02x} is no type of numbers in an IDX file; for "
                                      "example 0x08 is uint8 and 0x0d is float32",
                                      hex, magic[2]));
  throw_bad_file(where, fmt::format("{}, that is {} dimensions; it must have 1 to {}", hex,
                                    magic[3], kMaxDimensions));
}

std::string_view as_text(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void refuse_short_header(std::size_t bytes, const std::string& where) {
  throw_bad_file(where, fmt::format("{} are too few for an IDX header", counted(bytes, "byte")));
}

Magic read_magic(ByteSource& source, std::string_view file, const std::string& where) {
  const auto bytes = source.take(sizeof(Magic));
  if (bytes.size() < sizeof(Magic)) refuse_short_header(bytes.size(), where);
  Magic magic;
  std::copy(bytes.begin(), bytes.end(), magic.begin());
  if (is_valid(magic)) return magic;
  constexpr std::size_t kEnoughToTell = 256;
  auto beginning = bytes;
  if (!is_gzip(file)) refuse_kind(magic, file, where);
  const auto more = source.take(kEnoughToTell);
  beginning.insert(beginning.end(), more.begin(), more.end());
  refuse_kind(magic, as_text(beginning), where);
}

// The number of bytes of all numbers; in double, so that hostile sizes cannot wrap around.
double data_bytes(IdxType type, const std::vector<std::uint32_t>& sizes) {
  auto bytes = static_cast<double>(entry_of(type).bytes);
  for (const std::uint32_t size : sizes) bytes *= size;
  return bytes;
}

std::uint32_t reversed(std::uint32_t value) {
  return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

// Whether the sizes fit into the file only if their bytes are reversed.
bool sizes_are_little_endian(const IdxFile& idx, double available) {
  std::vector<std::uint32_t> sizes;
  std::transform(idx.sizes.begin(), idx.sizes.end(), std::back_inserter(sizes), reversed);
  const double bytes = data_bytes(idx.type, sizes);
  return bytes > 0 && bytes <= available && data_bytes(idx.type, idx.sizes) > available;
}

void read_header(ByteSource& source, std::string_view file, const std::string& where,
                 IdxFile& idx) {
  const Magic magic = read_magic(source, file, where);
  idx.type = static_cast<IdxType>(magic[2]);
  const std::size_t size = 4 * std::size_t{magic[3]};
  const auto header = source.take(size);
  if (header.size() < size) refuse_short_header(sizeof magic + header.size(), where);
  for (std::size_t offset = 0; offset < size; offset += 4)
    idx.sizes.push_back(from_big_endian<std::uint32_t>(header.data() + offset));
}

IdxFile read_idx(ByteSource& source, std::string_view file, const std::string& where) {
  IdxFile idx;
  read_header(source, file, where, idx);
  const double expected = data_bytes(idx.type, idx.sizes);
  if (expected == 0) throw_bad_file(where, "the header says that the file is empty");
  const auto refuse_short = [&](double available, const char* bound) {
    if (expected > available)
      throw_bad_file(where, fmt::format("truncated: the header says {:.0f} bytes ({}), the file "
                                        "has {}{:.0f}",
                                        expected, description(idx), bound, available));
  };
  if (sizes_are_little_endian(idx, source.max_left()))
    throw_bad_file(where, fmt::format(fmt::runtime(kLittleEndian), "sizes fit only if reversed"));
  refuse_short(source.max_left(), source.is_bound() ? "at most " : "");
  if (expected > static_cast<double>(kMaxIdxBytes))
    throw_bad_file(where, "the header says more than 2 GiB; not a data set");
  idx.bytes = source.take(static_cast<std::size_t>(expected));
  refuse_short(static_cast<double>(idx.bytes.size()), "");
  source.expect_end();
  return idx;
}

}  // namespace

const char* to_text(IdxType type) { return entry_of(type).name; }

bool is_whole_number(IdxType type) { return entry_of(type).is_whole; }

std::size_t IdxFile::count() const { return bytes.size() / entry_of(type).bytes; }

std::string description(const IdxFile& idx) {
  return fmt::format("{} [{}]", to_text(idx.type), fmt::join(idx.sizes, ", "));
}

IdxFile parse_idx(std::string_view file, const std::string& where) {
  if (file.empty()) throw_bad_file(where, "the file is empty; fetch it again");
  if (file.size() > kMaxIdxBytes) throw_bad_file(where, "more than 2 GiB; not a data set");
  const auto source = open_bytes(file, where);
  return read_idx(*source, file, where);
}

std::string sha256_of_unpacked(const IdxFile& idx) {
  std::vector<std::uint8_t> header = {0, 0, static_cast<std::uint8_t>(idx.type),
                                      static_cast<std::uint8_t>(idx.sizes.size())};
  for (const std::uint32_t size : idx.sizes)
    for (int shift = 24; shift >= 0; shift -= 8)
      header.push_back(static_cast<std::uint8_t>(size >> shift));
  Sha256 hash;
  hash.add(header.data(), header.size());
  hash.add(idx.bytes.data(), idx.bytes.size());
  return hash.finish();
}

std::vector<std::int32_t> whole_numbers(const IdxFile& idx, std::size_t first, std::size_t stride) {
  using To = std::int32_t;
  switch (idx.type) {
    case IdxType::kUint8:
      return convert<To, std::uint8_t, std::uint8_t>(idx, first, stride);
    case IdxType::kInt8:
      return convert<To, std::int8_t, std::uint8_t>(idx, first, stride);
    case IdxType::kInt16:
      return convert<To, std::int16_t, std::uint16_t>(idx, first, stride);
    case IdxType::kInt32:
      return convert<To, std::int32_t, std::uint32_t>(idx, first, stride);
    default:
      throw std::logic_error("whole_numbers: the file must have whole numbers");
  }
}

std::vector<float> as_floats(const IdxFile& idx) {
  switch (idx.type) {
    case IdxType::kFloat32:
      return convert<float, float, std::uint32_t>(idx, 0, 1);
    case IdxType::kFloat64:
      return convert<float, double, std::uint64_t>(idx, 0, 1);
    default: {
      const auto numbers = whole_numbers(idx);
      return {numbers.begin(), numbers.end()};
    }
  }
}

}  // namespace clipsweep

#include "clipsweep/data/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>

#include "clipsweep/base/error.h"
#include "clipsweep/base/text.h"

namespace clipsweep {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
// NumPy's own readers refuse headers above 10,000 bytes.
constexpr std::size_t kMaxNpyHeaderBytes = 10'000;
constexpr std::size_t kMaxRank = 32;

[[noreturn]] void throw_bad_array(const std::string& where, std::string_view what) {
  throw DataError(fmt::format("{}: {}", where, what));
}

// ---- The header ---------------------------------------------------------------------------------

// Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : left_(text), where_(where) {}

  struct Fields {
    std::optional<std::string> type;
    std::optional<bool> fortran_order;
    std::optional<std::vector<std::uint64_t>> shape;
  };

  Fields parse() {
    Fields fields;
    expect('{');
    while (!take('}')) {
      read_field(fields);
      if (take(',')) continue;
      expect('}');
      break;
    }
    skip_blanks();
    if (!left_.empty()) refuse();
    if (!fields.type || !fields.fortran_order || !fields.shape)
      throw_bad_array(where_,
                      "its header lacks descr, fortran_order or shape; write the file again "
                      "with numpy.save");
    return fields;
  }

 private:
  [[noreturn]] void refuse() const {
    throw_bad_array(where_, fmt::format("its header is not one that NumPy writes, at \"{}\"; write "
                                        "the file again with numpy.save",
                                        printable(left_, 40)));
  }

  void skip_blanks() {
    while (!left_.empty() && (left_.front() == ' ' || left_.front() == '\n'))
      left_.remove_prefix(1);
  }

  bool take(char wanted) {
    skip_blanks();
    if (left_.empty() || left_.front() != wanted) return false;
    left_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) refuse();
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    if (left_.substr(0, word.size()) != word) return false;
    left_.remove_prefix(word.size());
    return true;
  }

  std::string text() {
    const char quote = take('\'') ? '\'' : '"';
    if (quote == '"') expect('"');
    const std::size_t end = left_.find(quote);
    if (end == std::string_view::npos) refuse();
    const std::string content(left_.substr(0, end));
    if (content.find('\\') != std::string::npos) refuse();
    left_.remove_prefix(end + 1);
    return content;
  }

  std::uint64_t size() {
    skip_blanks();
    const std::size_t digits = std::min(left_.find_first_not_of("0123456789"), left_.size());
    const auto value = parse_count(left_.substr(0, digits));
    if (!value) refuse();
    left_.remove_prefix(digits);
    return *value;
  }

  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> sizes;
    expect('(');
    while (!take(')')) {
      if (sizes.size() == kMaxRank) refuse();
      sizes.push_back(size());
      if (take(',')) continue;
      if (sizes.size() == 1) refuse();  // (3) is no tuple in Python
      expect(')');
      break;
    }
    return sizes;
  }

  void read_field(Fields& fields) {
    const std::string key = text();
    expect(':');
    if (key == "descr" && !fields.type) {
      if (take('['))
        throw_bad_array(where_,
                        "holds records with named fields; save each field as an array of "
                        "its own");
      fields.type = text();
    } else if (key == "fortran_order" && !fields.fortran_order) {
      if (take_word("True"))
        fields.fortran_order = true;
      else if (take_word("False"))
        fields.fortran_order = false;
      else
        refuse();
    } else if (key == "shape" && !fields.shape) {
      fields.shape = tuple();
    } else {
      throw_bad_array(where_, fmt::format("its header has \"{}\", which is unknown or there twice; "
                                          "write the file again with numpy.save",
                                          printable(key)));
    }
  }

  std::string_view left_;
  const std::string& where_;
};

// `<f4`, `|u1`
NumberType parse_type(const std::string& text, const std::string& where) {
  const auto refuse = [&](std::string_view cure) {
    throw_bad_array(where, fmt::format("its elements have the type {}; {}", printable(text), cure));
  };
  const char order = text.empty() ? '?' : text[0];
  const char kind = text.size() < 2 ? '?' : text[1];
  const std::string size = text.size() < 3 ? "" : text.substr(2);
  if (kind == 'O')
    throw_bad_array(where,
                    "holds Python objects, which are not read; save it again with a numeric "
                    "type, as in numpy.asarray(x, numpy.float32)");
  if (kind == 'U' || kind == 'S')
    refuse("number the texts first, as in numpy.unique(y, return_inverse=True)[1]");
  NumberType type;
  type.bytes = size == "1" ? 1 : size == "2" ? 2 : size == "4" ? 4 : size == "8" ? 8 : 0;
  type.big_endian = order == '>';
  type.kind = kind == 'b'   ? NumberKind::kBool
              : kind == 'u' ? NumberKind::kUnsigned
              : kind == 'i' ? NumberKind::kSigned
                            : NumberKind::kFloat;
  const bool known_kind = type.kind != NumberKind::kFloat || kind == 'f';
  const bool known_size = type.kind == NumberKind::kBool    ? type.bytes == 1
                          : type.kind == NumberKind::kFloat ? type.bytes >= 2
                                                            : type.bytes >= 1;
  const bool known_order = order == '<' || order == '>' || (order == '|' && type.bytes == 1);
  if (!known_kind || !known_size || !known_order)
    refuse("allowed: whole numbers of 1 to 8 bytes, floats of 2, 4 or 8 bytes");
  return type;
}

// Reads what precedes the header's text: magic bytes, version and length.
struct HeaderSize {
  std::size_t preamble;  // bytes before the text
  std::size_t text;
};
HeaderSize read_header_size(SizedSource& source, const std::string& where) {
  std::array<char, 8> start;
  const std::size_t got = source.read(start.data(), start.size());
  if (got < start.size() || std::string_view(start.data(), kMagic.size()) != kMagic)
    throw_bad_array(where,
                    "not an array that numpy.save or numpy.savez wrote: it does not begin "
                    "with \\x93NUMPY");
  const auto major = static_cast<unsigned char>(start[6]);
  const auto minor = static_cast<unsigned char>(start[7]);
  if (major < 1 || major > 3 || minor != 0)
    throw_bad_array(where, fmt::format("version {}.{} of NumPy's format; 1.0, 2.0 and 3.0 are "
                                       "supported",
                                       major, minor));
  std::array<unsigned char, 4> bytes{};
  const std::size_t wanted = major == 1 ? 2 : 4;
  if (source.read(reinterpret_cast<char*>(bytes.data()), wanted) < wanted)
    throw_bad_array(where, "truncated in its header; save it again");
  std::size_t length = 0;
  for (std::size_t i = 0; i < wanted; ++i) length |= std::size_t{bytes[i]} << (8 * i);
  if (length > kMaxNpyHeaderBytes)
    throw_bad_array(where, fmt::format("its header has {} bytes; at most {} are read", length,
                                       with_thousands(kMaxNpyHeaderBytes)));
  return {start.size() + wanted, length};
}

// The number of elements. Throws if `bytes` are not exactly what they need.
std::uint64_t checked_elements(const NpyHeader& header, std::uint64_t bytes,
                               const std::string& where) {
  std::uint64_t elements = 1;
  for (const std::uint64_t dimension : header.shape) {
    if (dimension == 0)
      throw_bad_array(where, fmt::format("is empty: its shape is {}", shape_text(header.shape)));
    if (dimension > kMaxArrayElements / elements)
      throw_bad_array(where,
                      fmt::format("its shape is {}; at most {} numbers are read",
                                  shape_text(header.shape), with_thousands(kMaxArrayElements)));
    elements *= dimension;
  }
  const std::uint64_t expected = elements * static_cast<std::uint64_t>(header.type.bytes);
  if (expected != bytes)
    throw_bad_array(where, fmt::format("its shape is {}, which needs {} bytes, but {} follow the "
                                       "header; save it again",
                                       shape_text(header.shape), expected, bytes));
  return elements;
}

// ---- The elements -------------------------------------------------------------------------------

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 0x1f;
  const std::uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign ? -value : value;
  }
  const std::uint32_t wide = exponent == 31 ? 0xff : exponent + 112;
  const std::uint32_t bits = sign | wide << 23 | fraction << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

struct Half {
  std::uint16_t bits;
  explicit operator float() const { return half_to_float(bits); }
};

template <typename Element>
Element element_at(const char* bytes, bool swapped) {
  std::array<char, sizeof(Element)> own;
  std::memcpy(own.data(), bytes, own.size());
  if (swapped) std::reverse(own.begin(), own.end());
  Element element;
  std::memcpy(&element, own.data(), own.size());
  return element;
}

// Reads all elements of one type, in pieces.
template <typename Element, typename Number>
std::vector<Number> read_elements(SizedSource& source, const NpyHeader& header,
                                  const std::string& where) {
  constexpr std::size_t kPiece = 1 << 16;  // elements; small enough for the caches
  const auto total = static_cast<std::size_t>(header.elements);
  std::vector<char> piece(std::min(total, kPiece) * sizeof(Element));
  std::vector<Number> numbers;
  numbers.reserve(total);
  while (numbers.size() < total) {
    const std::size_t first = numbers.size();
    const std::size_t count = std::min(kPiece, total - first);
    if (source.read(piece.data(), count * sizeof(Element)) < count * sizeof(Element))
      throw_bad_array(where, "truncated in its data; save it again");
    numbers.resize(first + count);
    Number* to = numbers.data() + first;
    const auto convert = [&](bool swapped) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto element = element_at<Element>(piece.data() + i * sizeof(Element), swapped);
        if constexpr (std::is_same_v<Number, std::int64_t> &&
                      std::is_same_v<Element, std::uint64_t>)
          if (element > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            throw_bad_array(where, fmt::format("element {} is {}; whole numbers are read up to "
                                               "2^63 - 1",
                                               first + i, element));
        to[i] = static_cast<Number>(element);
      }
    };
    if (header.type.big_endian && sizeof(Element) > 1)
      convert(true);
    else
      convert(false);
  }
  // An archive checks its checksum when its end is read.
  char more = 0;
  if (source.read(&more, 1) != 0) throw_bad_array(where, "more data than its header says");
  return numbers;
}

template <typename Number>
std::vector<Number> read_whole(SizedSource& source, const NpyHeader& header,
                               const std::string& where) {
  const bool is_signed = header.type.kind == NumberKind::kSigned;
  switch (header.type.bytes) {
    case 1:
      return is_signed ? read_elements<std::int8_t, Number>(source, header, where)
                       : read_elements<std::uint8_t, Number>(source, header, where);
    case 2:
      return is_signed ? read_elements<std::int16_t, Number>(source, header, where)
                       : read_elements<std::uint16_t, Number>(source, header, where);
    case 4:
      return is_signed ? read_elements<std::int32_t, Number>(source, header, where)
                       : read_elements<std::uint32_t, Number>(source, header, where);
    default:
      return is_signed ? read_elements<std::int64_t, Number>(source, header, where)
                       : read_elements<std::uint64_t, Number>(source, header, where);
  }
}

}  // namespace

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

NpyHeader read_npy_header(SizedSource& source, const std::string& where) {
  const auto [preamble, length] = read_header_size(source, where);
  std::string text(length, '\0');
  if (source.read(text.data(), length) < length)
    throw_bad_array(where, "truncated in its header; save it again");
  const auto fields = HeaderParser(text, where).parse();
  NpyHeader header;
  header.type = parse_type(*fields.type, where);
  header.shape = *fields.shape;
  if (*fields.fortran_order)
    throw_bad_array(where,
                    "is stored column by column (fortran_order); save it again with "
                    "numpy.ascontiguousarray");
  const std::uint64_t before = preamble + length;
  const std::uint64_t bytes = source.size() < before ? 0 : source.size() - before;
  header.elements = checked_elements(header, bytes, where);
  return header;
}

std::vector<float> read_floats(SizedSource& source, const NpyHeader& header,
                               const std::string& where) {
  if (header.type.is_whole()) return read_whole<float>(source, header, where);
  switch (header.type.bytes) {
    case 2:
      return read_elements<Half, float>(source, header, where);
    case 4:
      return read_elements<float, float>(source, header, where);
    default:
      return read_elements<double, float>(source, header, where);
  }
}

std::vector<std::int64_t> read_whole_numbers(SizedSource& source, const NpyHeader& header,
                                             const std::string& where) {
  require(header.type.is_whole(), "read_whole_numbers: the type must be one of whole numbers");
  return read_whole<std::int64_t>(source, header, where);
}

std::string npy_bytes(const std::vector<int>& shape, Span<const float> values) {
  static_assert(sizeof(float) == 4, "float32");
  constexpr std::size_t kBeforeHeader = 10;  // magic, version, length of the header
  constexpr std::size_t kAlignment = 64;
  std::string header = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': {}, }}",
                                   shape_text({shape.begin(), shape.end()}));
  // Blanks and a line break, so that the elements are aligned.
  header.append(kAlignment - (kBeforeHeader + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  for (const float value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 0xFF);
  }
  return bytes;
}

}  // namespace clipsweep

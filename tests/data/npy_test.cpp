#include "clipsweep/data/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "clipsweep/base/error.h"
#include "support/test_support.h"

namespace clipsweep {
namespace {

// A file of version 1.0 with this header and these bytes.
std::string npy(const std::string& header, const std::string& bytes, char major = 1) {
  std::string file = "\x93NUMPY";
  file += major;
  file += '\0';
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    file += static_cast<char>(header.size() >> (8 * i) & 0xff);
  return file + header + bytes;
}

std::string header_of(const std::string& type, const std::string& shape) {
  return "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }   \n";
}

template <typename Number>
std::string bytes_of(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

std::vector<float> floats_in(const std::string& file) {
  MemorySource source(file);
  const NpyHeader header = read_npy_header(source, "f");
  return read_floats(source, header, "f");
}

std::vector<std::int64_t> whole_numbers_in(const std::string& file) {
  MemorySource source(file);
  const NpyHeader header = read_npy_header(source, "f");
  return read_whole_numbers(source, header, "f");
}

std::string refusal_of_array(const std::string& file) {
  return message_of<DataError>([&] { floats_in(file); });
}

TEST(Npy, ReadsEveryTypeInEitherByteOrder) {
  EXPECT_EQ(floats_in(npy(header_of("|u1", "(2,)"), {"\xff\x01", 2})),
            (std::vector<float>{255, 1}));
  EXPECT_EQ(floats_in(npy(header_of("|i1", "(2,)"), {"\xff\x01", 2})), (std::vector<float>{-1, 1}));
  EXPECT_EQ(floats_in(npy(header_of("<i2", "(1,)"), {"\x00\x01", 2})), (std::vector<float>{256}));
  EXPECT_EQ(floats_in(npy(header_of(">i2", "(1,)"), {"\x00\x01", 2})), (std::vector<float>{1}));
  EXPECT_EQ(floats_in(npy(header_of("<f4", "(2,)"), bytes_of<float>({0.1F, -3}))),
            (std::vector<float>{0.1F, -3}));
  EXPECT_EQ(floats_in(npy(header_of("<f8", "(2,)"), bytes_of<double>({0.1, 1e300}))),
            (std::vector<float>{0.1F, std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(floats_in(npy(header_of(">f4", "(1,)"), {"\x3f\x80\x00\x00", 4})),
            (std::vector<float>{1}));
  EXPECT_EQ(whole_numbers_in(npy(header_of("<i8", "(2,)"), bytes_of<std::int64_t>({-5, 1L << 60}))),
            (std::vector<std::int64_t>{-5, 1L << 60}));
  EXPECT_EQ(whole_numbers_in(npy(header_of("|b1", "(2,)"), {"\x00\x01", 2})),
            (std::vector<std::int64_t>{0, 1}));
}

// The values are those of IEEE 754: 1, -2, the largest, the smallest subnormal, minus zero.
TEST(Npy, ReadsHalfPrecision) {
  const auto values = floats_in(
      npy(header_of("<f2", "(7,)"),
          bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00, 0x7e00})));
  EXPECT_EQ(std::vector<float>(values.begin(), values.begin() + 4),
            (std::vector<float>{1, -2, 65504, 0x1p-24F}));
  EXPECT_TRUE(values[4] == 0 && std::signbit(values[4]));
  EXPECT_TRUE(std::isinf(values[5]) && std::isnan(values[6]));
}

TEST(Npy, ReadsEveryVersionAndShape) {
  for (const char version : std::string("\1\2\3"))
    EXPECT_EQ(floats_in(npy(header_of("|u1", "(2, 1)"), "ab", version)),
              (std::vector<float>{97, 98}));
  EXPECT_EQ(floats_in(npy(header_of("|u1", "()"), "a")), (std::vector<float>{97}));
  MemorySource source("");
  const std::string file = npy("{\"shape\": (3,), 'fortran_order' : False, 'descr':'|u1'}", "abc");
  source = MemorySource(file);
  EXPECT_EQ(read_npy_header(source, "f").shape, (std::vector<std::uint64_t>{3}));
}

TEST(Npy, NeverEvaluatesPython) {
  const std::vector<std::string> headers = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').system('true'),), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1+1,), }",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1), }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': [1], }",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + {}",
      "{'descr': '<\\x66' '4', 'fortran_order': False, 'shape': (1,), }",
      "dict(descr='<f4', fortran_order=False, shape=(1,))",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
      ""};
  for (const auto& header : headers)
    EXPECT_TRUE(holds(refusal_of_array(npy(header, "abcd")), "not one that NumPy writes"))
        << header;
}

TEST(Npy, SaysWhatIsWrong) {
  EXPECT_TRUE(
      holds(refusal_of_array("PK"), "f: not an array that numpy.save or numpy.savez wrote"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<f4", "(1,)"), "abcd", 4)), "version 4.0"));
  EXPECT_TRUE(
      holds(refusal_of_array(npy(header_of("|O", "(1,)"), "abcd")), "holds Python objects"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<U4", "(1,)"), "abcd")), "numpy.unique"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<c8", "(1,)"), "abcdabcd")), "the type <c8"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<f16", "(1,)"), "abcd")), "the type <f16"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("=f4", "(1,)"), "abcd")), "the type =f4"));
  EXPECT_TRUE(
      holds(refusal_of_array(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': "
                                 "(1,), }",
                                 "abcd")),
            "named fields"));
  EXPECT_TRUE(holds(
      refusal_of_array(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "abcd")),
      "numpy.ascontiguousarray"));
  EXPECT_TRUE(
      holds(refusal_of_array(npy("{'descr': '<f4', 'descr': '<f4', }", "abcd")), "there twice"));
  EXPECT_TRUE(holds(refusal_of_array(npy("{'descr': '<f4', }", "abcd")), "lacks"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<f4", "(0, 3)"), "")), "is empty"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<f4", "(2,)"), "abcd")),
                    "needs 8 bytes, but 4 follow the header"));
  EXPECT_TRUE(holds(refusal_of_array(npy(header_of("<f4", "(1,)"), "abcdefgh")), "but 8 follow"));
  EXPECT_TRUE(
      holds(refusal_of_array(npy(header_of("<f4", "(1,)"), "abcd").substr(0, 20)), "truncated"));
}

// The header is refused before anything is allocated: this test would need terabytes.
TEST(Npy, RefusesSizesThatWrapAround) {
  for (const char* shape : {"(4294967296, 4294967296)", "(18446744073709551615,)",
                            "(99999999999999999999,)", "(1099511627776,)"})
    EXPECT_THROW(floats_in(npy(header_of("<f4", shape), "abcd")), DataError) << shape;
}

TEST(Npy, RefusesWholeNumbersThatDoNotFit) {
  const std::string file =
      npy(header_of("<u8", "(2,)"), bytes_of<std::uint64_t>({1, std::uint64_t{1} << 63}));
  const std::string message = message_of<DataError>([&] { whole_numbers_in(file); });
  EXPECT_TRUE(holds(message, "element 1 is 9223372036854775808"));
}

TEST(ShapeText, IsPythons) {
  EXPECT_EQ(shape_text({}), "()");
  EXPECT_EQ(shape_text({3}), "(3,)");
  EXPECT_EQ(shape_text({3, 4}), "(3, 4)");
}

// Its elements begin at a multiple of 64 bytes, as the format demands.
TEST(NpyBytes, AreReadAgain) {
  const std::vector<float> numbers = {1,      -2.5F, std::numeric_limits<float>::infinity(),
                                      1e-45F, 0,     std::numeric_limits<float>::max()};
  for (const std::vector<int>& shape : {std::vector<int>{6}, {2, 3}, {1, 2, 3, 1}}) {
    const std::string file = npy_bytes(shape, numbers);
    EXPECT_EQ(floats_in(file), numbers);
    EXPECT_EQ((file.size() - numbers.size() * sizeof(float)) % 64, 0U);
    MemorySource source(file);
    const NpyHeader header = read_npy_header(source, "f");
    EXPECT_EQ(header.shape, (std::vector<std::uint64_t>{shape.begin(), shape.end()}));
  }
}

}  // namespace
}  // namespace clipsweep

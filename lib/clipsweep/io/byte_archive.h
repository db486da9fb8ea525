// Writes state as bytes and reads it back, from one description: a type lists its members in
// `template <typename Archive> void archive(Archive& archive) { archive(first_, second_); }`.
//
// The bytes are those of the machine's memory, so only the same kind of machine can read them. The
// reader checks every size against the remaining bytes before it allocates, so any input is safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "clipsweep/base/error.h"

namespace clipsweep {

class ByteWriter {
 public:
  template <typename... Values>
  void operator()(Values&... values) {
    (put(values), ...);
  }

  std::string take() { return std::move(bytes_); }

 private:
  template <typename Value>
  void put(Value& value) {
    if constexpr (std::is_arithmetic_v<Value> || std::is_enum_v<Value>)
      put_bytes(&value, sizeof value);
    else
      value.archive(*this);
  }
  template <typename Value>
  void put(std::optional<Value>& value) {
    bool has_value = value.has_value();
    put(has_value);
    if (has_value) put(*value);
  }
  template <typename First, typename Second>
  void put(std::pair<First, Second>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <typename Value, std::size_t N>
  void put(std::array<Value, N>& values) {
    for (auto& value : values) put(value);
  }
  template <typename Value>
  void put(std::vector<Value>& values) {
    put_list(values);
  }
  template <typename Value>
  void put(std::deque<Value>& values) {
    put_list(values);
  }
  void put(std::string& text) {
    put_size(text.size());
    put_bytes(text.data(), text.size());
  }

  template <typename List>
  void put_list(List& values) {
    put_size(values.size());
    if constexpr (std::is_same_v<List, std::vector<typename List::value_type>> &&
                  std::is_arithmetic_v<typename List::value_type>)
      put_bytes(values.data(), values.size() * sizeof(typename List::value_type));
    else
      for (auto& value : values) put(value);
  }
  void put_size(std::uint64_t size) { put_bytes(&size, sizeof size); }
  void put_bytes(const void* data, std::size_t size) {
    if (size > 0) bytes_.append(static_cast<const char*>(data), size);
  }

  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  // Throws DataError if the bytes end too early or a value is not valid.
  template <typename... Values>
  void operator()(Values&... values) {
    (get(values), ...);
  }

  bool is_at_end() const { return left_.empty(); }

 private:
  template <typename Value>
  void get(Value& value) {
    if constexpr (std::is_same_v<Value, bool>)
      value = get_number<std::uint8_t>() != 0;
    else if constexpr (std::is_arithmetic_v<Value> || std::is_enum_v<Value>)
      value = get_number<Value>();
    else
      value.archive(*this);
  }
  template <typename Value>
  void get(std::optional<Value>& value) {
    bool has_value = false;
    get(has_value);
    value = has_value ? std::optional<Value>(std::in_place) : std::nullopt;
    if (value) get(*value);
  }
  template <typename First, typename Second>
  void get(std::pair<First, Second>& pair) {
    get(pair.first);
    get(pair.second);
  }
  template <typename Value, std::size_t N>
  void get(std::array<Value, N>& values) {
    for (auto& value : values) get(value);
  }
  template <typename Value>
  void get(std::vector<Value>& values) {
    if constexpr (std::is_arithmetic_v<Value>) {
      const std::size_t count = get_count(sizeof(Value));
      const char* data = take(count * sizeof(Value));
      values.resize(count);
      if (count > 0) std::memcpy(values.data(), data, count * sizeof(Value));
    } else {
      get_list(values);
    }
  }
  template <typename Value>
  void get(std::deque<Value>& values) {
    get_list(values);
  }
  void get(std::string& text) {
    const std::size_t size = get_count(1);
    text.assign(take(size), size);
  }

  // One by one, so that memory grows no faster than bytes are read.
  template <typename List>
  void get_list(List& values) {
    const std::size_t count = get_count(1);
    values.clear();
    for (std::size_t i = 0; i < count; ++i) get(values.emplace_back());
  }
  template <typename Number>
  Number get_number() {
    Number number;
    std::memcpy(&number, take(sizeof number), sizeof number);
    return number;
  }
  // The number of elements, each of at least `min_bytes`.
  std::size_t get_count(std::size_t min_bytes) {
    const auto count = get_number<std::uint64_t>();
    if (count > left_.size() / min_bytes) throw DataError("unexpected end of data");
    return static_cast<std::size_t>(count);
  }
  const char* take(std::size_t size) {
    if (size > left_.size()) throw DataError("unexpected end of data");
    const char* data = left_.data();
    left_.remove_prefix(size);
    return data;
  }

  std::string_view left_;
};

}  // namespace clipsweep

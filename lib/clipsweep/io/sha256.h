// SHA-256, by OpenSSL (FIPS 180-4): the proof that two runs saw the same weights and data.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace clipsweep {

// Hashes bytes as they come.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(const void* bytes, std::size_t count);

  // The digest as 64 lower-case hex digits; the object is used up.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_of(std::string_view bytes);

}  // namespace clipsweep

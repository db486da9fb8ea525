// SHA-256 (FIPS 180-4), by OpenSSL. Shows that two runs used the same weights and data.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace clipsweep {

// Hashes bytes in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(const void* bytes, std::size_t count);

  // Returns the digest of all bytes so far as 64 lower-case hex digits. More bytes may follow.
  std::string digest() const;

  // Returns the same. Do not use the object after that.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_of(std::string_view bytes);

}  // namespace clipsweep

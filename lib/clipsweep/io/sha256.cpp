// OpenSSL's functions of before version 3: the newer ones allocate memory, and crash where there is
// none (OpenSSL 3.0).
#define OPENSSL_API_COMPAT 10100

#include "clipsweep/io/sha256.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>
#include <iterator>

#include "clipsweep/base/error.h"

namespace clipsweep {

struct Sha256::Context {
  SHA256_CTX state;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(SHA256_Init(&context_->state) == 1, "Sha256: OpenSSL cannot start a hash");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(const void* bytes, std::size_t count) {
  require(SHA256_Update(&context_->state, bytes, count) == 1, "Sha256: OpenSSL cannot add bytes");
}

std::string Sha256::digest() const {
  SHA256_CTX state = context_->state;  // more bytes may follow
  std::array<unsigned char, SHA256_DIGEST_LENGTH> bytes{};
  require(SHA256_Final(bytes.data(), &state) == 1, "Sha256: OpenSSL cannot end a hash");
  std::string text;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

std::string Sha256::finish() { return digest(); }

std::string sha256_of(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.finish();
}

}  // namespace clipsweep

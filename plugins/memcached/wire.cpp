#include "wire.hpp"

#include <cairn/error.hpp>

#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>

namespace cairn::memcached {
namespace {

constexpr std::time_t day = 86'400;
constexpr std::time_t longest_relative = 30 * day;  // more is a date to the server
// Its dates have 31 bits. No server keeps an item for five years without a restart.
constexpr std::time_t longest_dated = 1825 * day;

bool is_plain(std::string_view key) noexcept {
  if (key.empty() || key.size() > WireKey::longest) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

std::time_t to_exptime(std::time_t seconds) {
  if (seconds <= longest_relative) return std::max<std::time_t>(seconds, 1);
  if (seconds > longest_dated) return 0;
  // The server's clock is the machine's, and so not the host's, which a test may set.
  return std::time(nullptr) + seconds;
}

Entry inflate_value(std::string_view value, std::size_t most) {
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) throw Error(Errc::internal, "zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(value.data()));
  stream.avail_in = static_cast<uInt>(value.size());
  std::string inflated;
  int code = Z_OK;
  while (code == Z_OK && inflated.size() <= most) {
    const std::size_t before = inflated.size();
    inflated.resize(std::max<std::size_t>(4 * value.size(), 2 * before));
    stream.next_out = reinterpret_cast<Bytef*>(inflated.data() + before);
    stream.avail_out = static_cast<uInt>(inflated.size() - before);
    code = inflate(&stream, Z_NO_FLUSH);
    inflated.resize(inflated.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END || inflated.size() > most) {
    throw Error(Errc::corrupt, "a deflated value does not inflate, or to more than " +
                                   std::to_string(most) + " bytes");
  }
  return Entry::own(std::move(inflated));
}

}  // namespace

WireKey::WireKey(Key key, bool mangles) : view_(key.view()) {
  if (is_plain(view_)) [[likely]]
    return;
  if (!mangles) {
    throw Error(
        Errc::rejected,
        "memcached does not take this key (" + std::to_string(view_.size()) +
            " bytes): it may have 1 to 245 bytes, without blanks and control characters; say "
            "mangle = \"auto\" to hash such keys");
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(view_.data(), view_.size(), digest, &size, EVP_sha1(), nullptr) != 1 ||
      size != 20) {
    throw Error(Errc::internal, "SHA-1 is not available");
  }
  for (std::size_t i = 0; i < size; ++i) {
    mangled_[2 * i] = "0123456789abcdef"[digest[i] >> 4];
    mangled_[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
  }
}

std::time_t to_exptime(std::chrono::nanoseconds ttl) {
  if (ttl.count() == 0) return 0;
  return to_exptime(std::chrono::duration_cast<std::chrono::seconds>(ttl).count());
}

std::time_t lease_to_exptime(std::chrono::nanoseconds lease) {
  if (lease.count() == 0) return 0;
  // The server's seconds begin anywhere in ours: n of them may be all but n - 1.
  return to_exptime(std::chrono::ceil<std::chrono::seconds>(lease).count() + 1);
}

Entry to_entry(std::string_view value, std::uint32_t flags, std::size_t most) {
  if ((flags & ~(flag::deflated | flag::bytes)) != 0) {
    throw Error(Errc::corrupt,
                "an item has the flags " + std::to_string(flags) +
                    ": a Python client stored an object in it, not bytes (give its region "
                    "a serializer)");
  }
  return (flags & flag::deflated) != 0 ? inflate_value(value, most) : Entry::copy(value);
}

}  // namespace cairn::memcached

#include "placement.hpp"

#include <zlib.h>

#include <bit>
#include <cstring>
#include <new>

namespace cairn::memcached {
namespace {

// MurmurHash3 by Austin Appleby (public domain), 32 bits, seed 0, of `server-name`.
std::uint32_t murmur3(std::string_view bytes) noexcept {
  constexpr std::uint32_t c1 = 0xcc9e2d51, c2 = 0x1b873593;
  const auto mixed = [](std::uint32_t k) { return std::rotl(k * c1, 15) * c2; };
  std::uint32_t hash = 0;
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
  };
  for (; at + 4 <= bytes.size(); at += 4) {
    hash ^= mixed(byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24);
    hash = std::rotl(hash, 13) * 5 + 0xe6546b64;
  }
  std::uint32_t tail = 0;
  for (std::size_t i = bytes.size(); i > at; --i) tail = tail << 8 | byte(i - 1);
  if (at != bytes.size()) hash ^= mixed(tail);
  hash ^= static_cast<std::uint32_t>(bytes.size());
  hash = (hash ^ hash >> 16) * 0x85ebca6b;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35;
  return hash ^ hash >> 16;
}

std::uint32_t python_memcached_hash(std::string_view name) noexcept {
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(name.data()), static_cast<uInt>(name.size()));
  const std::uint32_t hash = static_cast<std::uint32_t>(crc >> 16) & 0x7fff;
  return hash != 0 ? hash : 1;
}

}  // namespace

Placement::Placement(const Settings& settings)
    : scheme_(settings.scheme), count_(settings.servers.size()) {
  if (count_ == 1) return;
  for (std::size_t i = 0; i < count_; ++i) {
    names_.push_back(settings.servers[i].name());
    buckets_.insert(buckets_.end(), settings.servers[i].weight, i);
  }
  if (scheme_ != Scheme::ketama && scheme_ != Scheme::modula) return;
  router_.reset(memcached_create(nullptr));
  if (router_ == nullptr) throw std::bad_alloc();
  const auto set = [&](memcached_behavior_t behavior, std::uint64_t value) {
    if (memcached_behavior_set(router_.get(), behavior, value) != MEMCACHED_SUCCESS) {
      throw Error(Errc::config, "libmemcached does not offer this `distribution` or `hash`");
    }
  };
  bool weighted = false;
  for (const Address& server : settings.servers) weighted = weighted || server.weight != 1;
  if (scheme_ == Scheme::ketama) {
    set(weighted ? MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED : MEMCACHED_BEHAVIOR_KETAMA, 1);
  }
  if (settings.hash_is_given) {
    set(MEMCACHED_BEHAVIOR_HASH, static_cast<std::uint64_t>(settings.hash));
  }
  for (const Address& server : settings.servers) {
    const memcached_return_t code =
        server.path.empty()
            ? memcached_server_add_with_weight(router_.get(), server.host.c_str(),
                                               static_cast<in_port_t>(server.port), server.weight)
            : memcached_server_add_unix_socket_with_weight(router_.get(), server.path.c_str(),
                                                           server.weight);
    if (code != MEMCACHED_SUCCESS) {
      throw Error(Errc::config, "libmemcached does not take the server " + server.name() + ": " +
                                    memcached_strerror(nullptr, code));
    }
  }
}

std::size_t Placement::server_of(std::string_view name) const {
  if (count_ == 1) return 0;
  switch (scheme_) {
    case Scheme::python_memcached: return buckets_[python_memcached_hash(name) % buckets_.size()];
    case Scheme::pymemcache: {
      std::size_t best = 0;
      std::uint32_t highest = 0;
      std::string text;
      for (std::size_t i = 0; i < count_; ++i) {
        const std::uint32_t score = murmur3(text.assign(names_[i]).append("-").append(name));
        if (i == 0 || score > highest || (score == highest && names_[i] > names_[best])) {
          best = i;
          highest = score;
        }
      }
      return best;
    }
    case Scheme::ketama:
    case Scheme::modula: break;
  }
  return memcached_generate_hash(router_.get(), name.data(), name.size()) % count_;
}

std::size_t Placement::stand_in_for(std::string_view name, int attempt) const {
  return server_of(std::to_string(attempt).append(name));
}

}  // namespace cairn::memcached

// How entries lie in the file: three trees.
//
//     entries   stored key             -> header, [length, key,] payload
//     ages      sequence               -> stored key       oldest first
//     expiries  expiry, sequence       -> nothing          soonest first; only entries with a ttl
//
// A stored key is the key itself, if LMDB can hold it. A longer one (or the empty one) is stored
// under their beginning and a hash, and the record carries the whole key, which is compared when it
// is read: two keys with one hash replace each other, and are never taken for one another.
#pragma once

#include <lmdb.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cairn::lmdb {

// When the entry dies (Unix time in ns; 0: never), and a number that every set makes anew.
struct Header {
  std::int64_t expires_ns;
  std::uint64_t sequence;
};

inline MDB_val to_val(std::string_view bytes) noexcept {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}
inline std::string_view to_view(const MDB_val& val) noexcept {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

inline std::uint64_t hash_of(std::string_view bytes, std::uint64_t seed) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  hash ^= hash >> 32;
  hash *= 0x9e3779b97f4a7c15u;
  return hash ^ (hash >> 29);
}

class StoredKey {
 public:
  static constexpr std::size_t longest_plain = 480;
  static constexpr char reserved = '\1';
  static constexpr std::size_t hashed_size = 511;  // LMDB's limit, and no plain key is this long

  explicit StoredKey(std::string_view key) noexcept : view_(key) {
    const bool is_plain = !key.empty() && key.size() <= longest_plain && key[0] != reserved;
    if (is_plain) [[likely]]
      return;
    constexpr std::size_t kept = hashed_size - 2 * sizeof(std::uint64_t);
    const std::size_t copied = key.size() < kept ? key.size() : kept;
    if (copied != 0) std::memcpy(hashed_, key.data(), copied);
    std::memset(hashed_ + copied, 0, kept - copied);
    const std::uint64_t hashes[] = {hash_of(key, 0), hash_of(key, 0x5bd1e995)};
    std::memcpy(hashed_ + kept, hashes, sizeof hashes);
    view_ = {hashed_, hashed_size};
  }
  StoredKey(const StoredKey&) = delete;
  StoredKey& operator=(const StoredKey&) = delete;

  std::string_view view() const noexcept { return view_; }
  bool is_hashed() const noexcept { return view_.data() == hashed_; }

 private:
  std::string_view view_;
  char hashed_[hashed_size];
};

// The value of a record of `entries`, written and read.
class Record {
 public:
  static std::size_t size_of(const StoredKey& stored, std::string_view key,
                             std::size_t payload) noexcept {
    return sizeof(Header) + (stored.is_hashed() ? sizeof(std::uint32_t) + key.size() : 0) + payload;
  }
  static void write(char* to, const Header& header, const StoredKey& stored, std::string_view key,
                    std::string_view payload) noexcept {
    std::memcpy(to, &header, sizeof header);
    to += sizeof header;
    if (stored.is_hashed()) {
      const auto length = static_cast<std::uint32_t>(key.size());
      std::memcpy(to, &length, sizeof length);
      to += sizeof length;
      if (!key.empty()) std::memcpy(to, key.data(), key.size());
      to += key.size();
    }
    if (!payload.empty()) std::memcpy(to, payload.data(), payload.size());
  }

  // `hashed`: the record lies under a hashed key.
  Record(std::string_view bytes, bool hashed) noexcept {
    if (bytes.size() < sizeof header_) return;
    std::memcpy(&header_, bytes.data(), sizeof header_);
    bytes.remove_prefix(sizeof header_);
    if (hashed) {
      std::uint32_t length = 0;
      if (bytes.size() < sizeof length) return;
      std::memcpy(&length, bytes.data(), sizeof length);
      bytes.remove_prefix(sizeof length);
      if (bytes.size() < length) return;
      key_ = bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
    payload_ = bytes;
    sound_ = true;
  }

  bool is_sound() const noexcept { return sound_; }
  const Header& header() const noexcept { return header_; }
  std::string_view payload() const noexcept { return payload_; }
  /// The whole key; only of a record under a hashed key.
  std::string_view key() const noexcept { return key_; }
  bool expires() const noexcept { return header_.expires_ns != 0; }
  bool has_expired(std::int64_t now_ns) const noexcept {
    return expires() && header_.expires_ns <= now_ns;
  }

 private:
  Header header_{};
  std::string_view key_, payload_;
  bool sound_ = false;
};

// A key of `expiries`, in the order of its bytes.
struct ExpiryKey {
  std::uint64_t expires_big_endian;
  std::uint64_t sequence_big_endian;

  static std::uint64_t swap(std::uint64_t number) noexcept {
    return std::endian::native == std::endian::little ? __builtin_bswap64(number) : number;
  }
  ExpiryKey(std::int64_t expires_ns, std::uint64_t sequence) noexcept
      : expires_big_endian(swap(static_cast<std::uint64_t>(expires_ns))),
        sequence_big_endian(swap(sequence)) {}
  explicit ExpiryKey(const MDB_val& val) noexcept { std::memcpy(this, val.mv_data, sizeof *this); }

  std::int64_t expires_ns() const noexcept {
    return static_cast<std::int64_t>(swap(expires_big_endian));
  }
  std::uint64_t sequence() const noexcept { return swap(sequence_big_endian); }
  MDB_val val() noexcept { return {sizeof *this, this}; }
};

}  // namespace cairn::lmdb

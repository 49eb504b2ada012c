// A Record is one entry as the store keeps it: bookkeeping, key and value in a single allocation,
// so that a hit touches one line of the index and one of the record.
//
//     | Record: 36 bytes | Timed | created | version | replicas | key | bytes, or SharedPayload |
//
// What an entry does not have (a time to live, metadata) takes no room; `layout` says what is
// there. A record is itself the cairn_owner of what a hit hands out. It is immutable once
// published, but for its links and segment (under the shard's lock) and its heat.
//
// Heat is what readers leave for the eviction policy in a byte: how often, and whether lately. It
// is written only when it changes, and racing writes may lose a count: it is a hint.
#pragma once

#include <cairn/entry.hpp>

#include <malloc.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace cairn::memory {

struct Record;

/// How often (0 to 15) a record was hit, as of which age of the store, and whether it was hit since
/// the policy last looked. Counts from former ages are halved per age, when they are read: so
/// ageing all records costs nothing. (Ages are told apart modulo 8; a record that nobody touched
/// for 8 ages may look younger than it is, for as long as it survives.)
class Heat {
 public:
  static constexpr unsigned hottest = 15;

  Heat() = default;
  Heat(unsigned count, unsigned age) noexcept : bits_(pack(count, age, false)) {}

  /// A hit. Called by readers.
  void touch(unsigned age) noexcept {
    const unsigned bits = bits_.load(std::memory_order_relaxed);
    const unsigned was = count_of(bits, age);
    const unsigned now = pack(was < hottest ? was + 1 : was, age, true);
    if (now != bits) bits_.store(static_cast<std::uint8_t>(now), std::memory_order_relaxed);
  }
  unsigned count(unsigned age) const noexcept {
    return count_of(bits_.load(std::memory_order_relaxed), age);
  }
  void set_count(unsigned count, unsigned age) noexcept {
    bits_.store(pack(count, age, false), std::memory_order_relaxed);
  }
  /// Whether it was touched since the last call. Called by the policy.
  bool take_touch() noexcept {
    const unsigned bits = bits_.load(std::memory_order_relaxed);
    if ((bits & touched) == 0) return false;
    bits_.store(static_cast<std::uint8_t>(bits & ~touched), std::memory_order_relaxed);
    return true;
  }
  void copy(const Heat& other) noexcept {
    bits_.store(other.bits_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned touched = 0x80;
  static std::uint8_t pack(unsigned count, unsigned age, bool touch) noexcept {
    return static_cast<std::uint8_t>(count | (age & 7) << 4 | (touch ? touched : 0));
  }
  static unsigned count_of(unsigned bits, unsigned age) noexcept {
    return (bits & 15) >> ((age - (bits >> 4)) & 7);
  }

  std::atomic<std::uint8_t> bits_{0};
};

/// The part of a record that has a time to live: when it ends, and its place in the timing wheel.
struct Timed {
  std::int64_t expires_ns;
  Timed* previous;
  Timed* next;
};

/// A payload that lives elsewhere: a document, an object, or bytes too long to copy.
struct SharedPayload {
  const void* data;
  std::size_t size;
  cairn_owner* owner;
  const cairn_type* type;
  std::uint64_t kind;
};

/// A stand-in for a record that many threads read at once: each counts its references on a line of
/// its own. Every replica holds one reference on the record.
struct alignas(64) Replica : cairn_owner {
  Record* home;
  unsigned siblings;  // how many there are, this one included
};

enum class Segment : std::uint8_t { none, window, probation, protected_ };

struct Record : cairn_owner {
  // Bits of `layout`.
  static constexpr unsigned timed = 1, dated = 2, versioned = 4, shared = 8, replicated = 16;
  static constexpr std::size_t longest_key = 0xffff;
  static constexpr std::size_t longest_inline_value = 0xffff;

  std::uint32_t link_low[2];  // previous and next in the policy's list: 48 bits each
  std::uint16_t link_high[2];
  std::uint16_t key_size;
  std::uint16_t value_size;
  std::uint8_t layout;
  Heat heat;
  Segment segment;
  std::uint8_t unused;  // the 36th byte; what follows begins in the padding of this struct

  struct Extras {
    std::int64_t expires_ns = 0;
    unsigned replicas = 0;
  };
  /// Copies key and value; retains the owner of what is shared. Errors: std::bad_alloc.
  static Record* make(std::string_view key, const Entry& value, const Extras& extras);

  std::string_view key() const noexcept { return {at(key_offset()), key_size}; }
  /// Meaningless unless layout & timed.
  Timed& time() noexcept { return *reinterpret_cast<Timed*>(this + 1); }
  static Record* of(Timed& time) noexcept { return reinterpret_cast<Record*>(&time) - 1; }
  /// Meaningless unless layout & shared.
  SharedPayload payload() const noexcept { return load<SharedPayload>(key_offset() + key_size); }
  Replica* replicas() const noexcept { return load<Replica*>(key_offset() - sizeof(Replica*)); }
  bool expired(std::int64_t now_ns) noexcept { return now_ns >= time().expires_ns; }

  /// What to hand out, under `owner`, on which a reference is passed.
  cairn_entry entry(cairn_owner* owner) noexcept;

  /// What it costs to keep: the allocation with its header, its place in the index and its share of
  /// the policy's tables, and what it shares, as declared.
  std::size_t charge() noexcept {
    constexpr std::size_t allocation_header = 8, index_and_policy = 20;
    std::size_t cost = malloc_usable_size(this) + allocation_header + index_and_policy;
    if ((layout & shared) != 0) cost += payload().size;
    if ((layout & replicated) != 0) cost += malloc_usable_size(replicas()) + allocation_header;
    return cost;
  }

  /// Starts fetching the lines that a reader of a small entry will want, before it is known to be
  /// safe to look at them: the claim that makes it so (readers.hpp) would otherwise hold up their
  /// loads.
  void prefetch() const noexcept {
    __builtin_prefetch(this);
    __builtin_prefetch(at(64));
    __builtin_prefetch(at(128));
  }

  /// The store's own reference. Readers may still hold theirs.
  void let_go() noexcept;

  Record* previous() const noexcept { return link(0); }
  Record* next() const noexcept { return link(1); }
  void set_previous(Record* record) noexcept { set_link(0, record); }
  void set_next(Record* record) noexcept { set_link(1, record); }

 private:
  Record* link(int which) const noexcept {
    return reinterpret_cast<Record*>(std::uintptr_t{link_high[which]} << 32 | link_low[which]);
  }
  void set_link(int which, Record* record) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(record);
    link_low[which] = static_cast<std::uint32_t>(address);
    link_high[which] = static_cast<std::uint16_t>(address >> 32);
  }

  std::size_t key_offset() const noexcept { return key_offsets[layout]; }
  const char* at(std::size_t offset) const noexcept {
    return reinterpret_cast<const char*>(this) + offset;
  }
  template <class T>
  T load(std::size_t offset) const noexcept {
    T result;
    std::memcpy(&result, at(offset), sizeof result);
    return result;
  }

  static constexpr std::size_t head = 36;
  static const std::array<std::uint8_t, 32> key_offsets;
  static void destroy_record(cairn_owner* owner) noexcept;
  static Replica* make_replicas(Record* home, unsigned count);
};
static_assert(sizeof(Record) == 40, "36 bytes, and padding");

inline constexpr std::array<std::uint8_t, 32> Record::key_offsets = [] {
  std::array<std::uint8_t, 32> offsets{};
  for (unsigned bits = 0; bits < offsets.size(); ++bits) {
    std::size_t offset = (bits & timed) != 0 ? sizeof(Record) + sizeof(Timed) : head;
    if ((bits & dated) != 0) offset += sizeof(std::int64_t);
    if ((bits & versioned) != 0) offset += sizeof(std::int32_t);
    if ((bits & replicated) != 0) offset += sizeof(Replica*);
    offsets[bits] = static_cast<std::uint8_t>(offset);
  }
  return offsets;
}();

inline Record* Record::make(std::string_view key, const Entry& value, const Extras& extras) {
  const cairn_entry& raw = value.raw();
  const bool inline_value = raw.kind == CAIRN_BYTES && raw.size <= longest_inline_value;
  unsigned parts = 0;
  if (extras.expires_ns != 0) parts |= timed;
  if (raw.created_ns != 0) parts |= dated;
  if (raw.value_version != 0) parts |= versioned;
  if (!inline_value) parts |= shared;
  if (extras.replicas != 0) parts |= replicated;

  const std::size_t value_size = inline_value ? raw.size : sizeof(SharedPayload);
  std::size_t size = key_offsets[parts] + key.size() + value_size;
  if (size < sizeof(Record)) size = sizeof(Record);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  auto* record = new (memory) Record;
  record->refs = 1;
  record->destroy = &destroy_record;
  record->key_size = static_cast<std::uint16_t>(key.size());
  record->value_size = static_cast<std::uint16_t>(value_size);
  record->layout =
      static_cast<std::uint8_t>(parts & ~(shared | replicated));  // until they are held
  record->segment = Segment::none;

  char* at = reinterpret_cast<char*>(record) + head;
  const auto put = [&at](const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(at, from, bytes);
    at += bytes;
  };
  if ((parts & timed) != 0) {
    record->time() = {extras.expires_ns, nullptr, nullptr};
    at = reinterpret_cast<char*>(&record->time() + 1);
  }
  if ((parts & dated) != 0) put(&raw.created_ns, sizeof raw.created_ns);
  if ((parts & versioned) != 0) put(&raw.value_version, sizeof raw.value_version);
  try {
    if ((parts & replicated) != 0) {
      Replica* replicas = make_replicas(record, extras.replicas);
      put(&replicas, sizeof replicas);
      record->layout |= replicated;
    }
    put(key.data(), key.size());
    if (inline_value) {
      put(raw.data, raw.size);
    } else {
      const cairn_entry kept = value.to_owned().release();
      const SharedPayload payload{kept.data, kept.size, kept.owner, kept.type, kept.kind};
      put(&payload, sizeof payload);
      record->layout |= shared;
    }
  } catch (...) {
    record->let_go();
    throw;
  }
  return record;
}

[[gnu::always_inline]] inline cairn_entry Record::entry(cairn_owner* owner) noexcept {
  cairn_entry out{};
  std::size_t offset = head;
  if ((layout & timed) != 0) {
    out.expires_ns = time().expires_ns;
    offset = sizeof(Record) + sizeof(Timed);
  }
  if ((layout & dated) != 0) {
    out.created_ns = load<std::int64_t>(offset);
    offset += sizeof(std::int64_t);
  }
  if ((layout & versioned) != 0) out.value_version = load<std::int32_t>(offset);
  out.owner = owner;
  if ((layout & shared) == 0) {
    out.data = at(key_offset() + key_size);
    out.size = value_size;
    out.kind = CAIRN_BYTES;
  } else {
    const SharedPayload from = payload();
    out.data = from.data;
    out.size = from.size;
    out.type = from.type;
    out.kind = static_cast<std::uint16_t>(from.kind);
  }
  return out;
}

inline Replica* Record::make_replicas(Record* home, unsigned count) {
  void* memory = std::aligned_alloc(alignof(Replica), count * sizeof(Replica));
  if (memory == nullptr) throw std::bad_alloc();
  auto* replicas = static_cast<Replica*>(memory);
  for (unsigned i = 0; i < count; ++i) {
    auto* replica = new (replicas + i) Replica;
    replica->refs = 1;
    replica->destroy = [](cairn_owner* self) noexcept {
      cairn_release(static_cast<Replica*>(self)->home);
    };
    replica->home = home;
    replica->siblings = count;
  }
  home->refs += count;
  return replicas;
}

inline void Record::let_go() noexcept {
  if ((layout & replicated) != 0) {
    // Each holds a reference on this record, so it outlives the loop by the store's own.
    Replica* first = replicas();
    const unsigned count = first->siblings;
    for (unsigned i = 0; i < count; ++i) cairn_release(first + i);
  }
  cairn_release(this);
}

inline void Record::destroy_record(cairn_owner* owner) noexcept {
  auto* record = static_cast<Record*>(owner);
  if ((record->layout & shared) != 0) cairn_release(record->payload().owner);
  if ((record->layout & replicated) != 0) std::free(record->replicas());
  std::free(record);
}

}  // namespace cairn::memory

// A Record is one entry as the store keeps it: bookkeeping, key and value in a single piece of memory,
// so that a hit touches one line of the index and those of the record. A small one of bytes is in a cell of
// the store's arena, any other is an allocation.
//
//     | Record: 36 bytes | Timed | created | version | key | bytes, or SharedPayload |
//
// What an entry does not have (a time to live, metadata) takes no room; `layout` says what is
// there. A record is itself the cairn_owner of what a hit hands out. It is immutable once
// published, but for its links and segment (under the shard's lock) and its heat.
//
// Heat is what readers leave for the eviction policy in a byte: how often, and whether lately. It
// is written only when it changes, and racing writes may lose a count: it is a hint.
#pragma once

#include "arena.hpp"
#include "pins.hpp"

#include <cairn/entry.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
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
  [[gnu::always_inline]] void touch(unsigned age) noexcept {
    const unsigned bits = bits_.load(std::memory_order_relaxed);
    if (bits == pack(hottest, age, true)) return;  // the popular ones: nothing to write
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

enum class Segment : std::uint8_t { none, window, probation, protected_ };

struct Record : cairn_owner {
  // Bits of `layout`.
  static constexpr unsigned timed = 1, dated = 2, versioned = 4, shared = 8;
  static constexpr std::size_t longest_key = 0xffff;
  static constexpr std::size_t longest_inline_value = 0xffff;

  std::uint32_t link_low[2];  // previous and next in the policy's list: 48 bits each
  std::uint16_t link_high[2];
  std::uint16_t key_size;
  std::uint16_t value_size;
  std::uint8_t layout;
  Heat heat;
  Segment segment;
  bool in_cell;  // the 36th byte; what follows begins in the padding of this struct

  /// Copies key and value; retains the owner of what is shared. `expires_ns` 0: never. Bytes that fit are
  /// put into one of the `cells`, if there are any; what is shared was mostly allocated just before, and
  /// its record is best beside it. Errors: std::bad_alloc.
  static Record* make(std::string_view key, const Entry& value, std::int64_t expires_ns,
                      Cells* cells = nullptr);

  /// Another one of the same, in another cell; not in any list. Precondition: in_cell. Errors:
  /// std::bad_alloc.
  Record* copy(Cells& cells) const;

  std::string_view key() const noexcept { return {at(key_offset()), key_size}; }
  [[gnu::always_inline]] bool has_key(std::string_view other) const noexcept {
    return key_size == other.size() && same(at(key_offset()), other.data(), key_size);
  }
  /// Meaningless unless layout & timed.
  Timed& time() noexcept { return *reinterpret_cast<Timed*>(this + 1); }
  static Record* of(Timed& time) noexcept { return reinterpret_cast<Record*>(&time) - 1; }
  /// Meaningless unless layout & shared.
  SharedPayload payload() const noexcept { return load<SharedPayload>(key_offset() + key_size); }
  bool expired(std::int64_t now_ns) noexcept { return now_ns >= time().expires_ns; }

  /// Fills in what to hand out, under `owner`, on which a reference is passed. Field by field and
  /// where the caller wants it: a copy of the whole would wait for each of these stores.
  /// Precondition: `out` is zeroed.
  void hand_out(cairn_owner* owner, cairn_entry& out) noexcept;

  /// What it costs to keep: its cell, or the allocation as the C library makes it, its place in the index
  /// and its share of the policy's tables, and what it shares, as declared.
  std::size_t charge() const noexcept {
    constexpr std::size_t index_and_policy = 20;
    const std::size_t cost =
        (in_cell ? Cells::cost_of(size()) : allocation(size())) + index_and_policy;
    return (layout & shared) != 0 ? cost + payload().size : cost;
  }

  /// Starts fetching the lines that a reader of a small entry will want, all at once, and before it
  /// is known to be safe to look at them.
  //
  // Inlined, or GCC takes it for a function without effect, and drops the call.
  [[gnu::always_inline]] void prefetch() const noexcept {
    constexpr std::size_t readers_part = head - 8;  // from key_size on
    for (std::size_t line = 0; line < 3; ++line) {
      __builtin_prefetch(at(readers_part + line * cache_line));
    }
  }

  /// Of a reference; others may hold theirs.
  void let_go() noexcept { cairn_release(this); }

  Record* previous() const noexcept { return link(0); }
  Record* next() const noexcept { return link(1); }
  void set_previous(Record* record) noexcept { set_link(0, record); }
  void set_next(Record* record) noexcept { set_link(1, record); }

 private:
  std::size_t size() const noexcept {
    return std::max(sizeof(Record), key_offset() + key_size + value_size);
  }
  // Reckoned, and not asked of malloc_usable_size(), which looks into the line before the record.
  static std::size_t allocation(std::size_t size) noexcept {
    constexpr std::size_t header = 8, grain = 16, mapped_from = 128 * 1024, page = 4096;
    const std::size_t to = size < mapped_from ? grain : page;
    return (size + header + to - 1) & ~(to - 1);
  }

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

  // Keys are short, and when they get here mostly equal: no call up to 64 bytes.
  [[gnu::always_inline]] static bool same(const char* a, const char* b, std::size_t size) noexcept {
    if (size < 8 || size > 64) return std::memcmp(a, b, size) == 0;
    const auto differ = [&](std::size_t i) {
      std::uint64_t x, y;
      std::memcpy(&x, a + i, sizeof x);
      std::memcpy(&y, b + i, sizeof y);
      return x ^ y;
    };
    // The words may overlap. No loop, whose end nobody could predict.
    std::uint64_t difference = differ(0) | differ(size - 8);
    if (size > 16) difference |= differ(8) | differ(size - 16);
    if (size > 32) {
      difference |= differ(16) | differ(24) | differ(size - 24) | differ(size - 32);
    }
    return difference == 0;
  }

  static constexpr std::size_t head = 36;
  // Kind, flags (none) and version in one store, as whoever copies the entry next reads them in one
  // load, which could not be forwarded from three stores.
  static void describe(cairn_entry& out, std::uint16_t kind, std::int32_t version) noexcept {
    static_assert(offsetof(cairn_entry, flags) == offsetof(cairn_entry, kind) + 2 &&
                  offsetof(cairn_entry, value_version) == offsetof(cairn_entry, kind) + 4);
    constexpr bool little = std::endian::native == std::endian::little;
    const std::uint64_t all = std::uint64_t{kind} << (little ? 0 : 48) |
                              std::uint64_t{static_cast<std::uint32_t>(version)}
                                  << (little ? 32 : 0);
    std::memcpy(reinterpret_cast<char*>(&out) + offsetof(cairn_entry, kind), &all, sizeof all);
  }

  // Who keeps alive what `owner` does, if that is another record that shares it or a pin on one: or else an
  // entry that was got and set again, time and again, would hang on all the records that it was in.
  static cairn_owner* behind(cairn_owner* owner) noexcept {
    owner = Pin::behind(owner);
    if (owner->destroy != &destroy_record) return owner;
    const auto* record = static_cast<const Record*>(owner);
    return (record->layout & shared) != 0 ? record->payload().owner : owner;
  }

  static const std::array<std::uint8_t, 16> key_offsets;
  static void destroy_record(cairn_owner* owner) noexcept;
};
static_assert(sizeof(Record) == 40, "36 bytes, and padding");

inline constexpr std::array<std::uint8_t, 16> Record::key_offsets = [] {
  std::array<std::uint8_t, 16> offsets{};
  for (unsigned bits = 0; bits < offsets.size(); ++bits) {
    std::size_t offset = (bits & timed) != 0 ? sizeof(Record) + sizeof(Timed) : head;
    if ((bits & dated) != 0) offset += sizeof(std::int64_t);
    if ((bits & versioned) != 0) offset += sizeof(std::int32_t);
    offsets[bits] = static_cast<std::uint8_t>(offset);
  }
  return offsets;
}();

inline Record* Record::make(std::string_view key, const Entry& value, std::int64_t expires_ns,
                            Cells* cells) {
  const cairn_entry& raw = value.raw();
  const bool inline_value = raw.kind == CAIRN_BYTES && raw.size <= longest_inline_value;
  unsigned parts = 0;
  if (expires_ns != 0) parts |= timed;
  if (raw.created_ns != 0) parts |= dated;
  if (raw.value_version != 0) parts |= versioned;
  if (!inline_value) parts |= shared;

  const std::size_t value_size = inline_value ? raw.size : sizeof(SharedPayload);
  const std::size_t size = std::max(sizeof(Record), key_offsets[parts] + key.size() + value_size);
  const bool in_cell = cells != nullptr && inline_value && size <= Cells::largest;
  void* memory = in_cell ? cells->take(size) : std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  auto* record = new (memory) Record;
  record->in_cell = in_cell;
  record->refs = 1;
  record->destroy = &destroy_record;
  record->key_size = static_cast<std::uint16_t>(key.size());
  record->value_size = static_cast<std::uint16_t>(value_size);
  record->layout = static_cast<std::uint8_t>(parts & ~shared);  // until it is held
  record->segment = Segment::none;

  char* at = reinterpret_cast<char*>(record) + head;
  const auto put = [&at](const void* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(at, from, bytes);
    at += bytes;
  };
  if ((parts & timed) != 0) {
    record->time() = {expires_ns, nullptr, nullptr};
    at = reinterpret_cast<char*>(&record->time() + 1);
  }
  if ((parts & dated) != 0) put(&raw.created_ns, sizeof raw.created_ns);
  if ((parts & versioned) != 0) put(&raw.value_version, sizeof raw.value_version);
  try {
    put(key.data(), key.size());
    if (inline_value) {
      put(raw.data, raw.size);
    } else {
      const Entry kept = value.to_owned();
      const cairn_entry& what = kept.raw();
      cairn_owner* owner = behind(what.owner);
      cairn_retain(owner);
      const SharedPayload payload{what.data, what.size, owner, what.type, what.kind};
      put(&payload, sizeof payload);
      record->layout |= shared;
    }
  } catch (...) {
    record->let_go();
    throw;
  }
  return record;
}

inline Record* Record::copy(Cells& cells) const {
  const std::size_t bytes = size();
  auto* other = new (cells.take(bytes)) Record;
  other->refs = 1;
  other->destroy = &destroy_record;
  other->key_size = key_size;
  other->value_size = value_size;
  other->layout = layout;
  other->segment = Segment::none;
  other->in_cell = true;
  std::memcpy(reinterpret_cast<char*>(other) + head, at(head), bytes - head);
  return other;
}

[[gnu::always_inline]] inline void Record::hand_out(cairn_owner* owner, cairn_entry& out) noexcept {
  out.owner = owner;
  constexpr unsigned as_a_region_sets_it = dated | versioned;
  if (layout == as_a_region_sets_it) [[likely]] {
    out.created_ns = load<std::int64_t>(head);
    out.data = at(key_offsets[as_a_region_sets_it] + key_size);
    out.size = value_size;
    return describe(out, CAIRN_BYTES, load<std::int32_t>(head + sizeof(std::int64_t)));
  }
  std::size_t offset = head;
  if ((layout & timed) != 0) {
    out.expires_ns = time().expires_ns;
    offset = sizeof(Record) + sizeof(Timed);
  }
  if ((layout & dated) != 0) {
    out.created_ns = load<std::int64_t>(offset);
    offset += sizeof(std::int64_t);
  }
  const std::int32_t version = (layout & versioned) != 0 ? load<std::int32_t>(offset) : 0;
  if ((layout & shared) == 0) {
    out.data = at(key_offset() + key_size);
    out.size = value_size;
    describe(out, CAIRN_BYTES, version);
  } else {
    const SharedPayload from = payload();
    out.data = from.data;
    out.size = from.size;
    out.type = from.type;
    describe(out, static_cast<std::uint16_t>(from.kind), version);
  }
}

inline void Record::destroy_record(cairn_owner* owner) noexcept {
  auto* record = static_cast<Record*>(owner);
  if ((record->layout & shared) != 0) cairn_release(record->payload().owner);
  if (record->in_cell) {
    Arena::give_back(record);
  } else {
    std::free(record);
  }
}

/// Has a reference on a record.
struct LetGo {
  void operator()(Record* record) const noexcept { record->let_go(); }
};
using RecordOwner = std::unique_ptr<Record, LetGo>;

}  // namespace cairn::memory

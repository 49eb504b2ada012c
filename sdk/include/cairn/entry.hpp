// An Entry is one cached value and what is known about it.
//
// Its payload is bytes, a document or an object of the program's own type, and is shared: copying an
// Entry costs one atomic increment, never a copy of the payload. Nothing can be changed through it.
// A *borrowed* entry (owned() is false) lives only as long as the call that it was passed to; whoever
// keeps it calls to_owned().
//
// Threads: const methods concurrently.
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>

#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace cairn {

/// Unix time. The zero point means "unknown".
using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

enum class Kind : std::uint16_t {
  bytes = CAIRN_BYTES,
  document = CAIRN_DOCUMENT,
  object = CAIRN_OBJECT,
};

namespace detail {

// Bytes behind a count, in one allocation.
struct ByteBlock : cairn_owner {
  std::size_t size;

  static ByteBlock* make(std::size_t size) {
    auto* block = static_cast<ByteBlock*>(::operator new(sizeof(ByteBlock) + size));
    block->refs = 1;
    block->destroy = [](cairn_owner* self) noexcept {
      ::operator delete(static_cast<void*>(self));
    };
    block->size = size;
    return block;
  }
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
};

// Anything movable behind a count.
template <class T>
struct Holder : cairn_owner {
  template <class... Args>
  explicit Holder(Args&&... args)
      : cairn_owner{1, [](cairn_owner* self) noexcept { delete static_cast<Holder*>(self); }},
        value(std::forward<Args>(args)...) {}
  T value;
};

}  // namespace detail

/// Bytes that are being written, before they become an Entry: one allocation, no second copy.
class ByteBuffer {
 public:
  /// Uninitialised. Errors: std::bad_alloc.
  explicit ByteBuffer(std::size_t capacity)
      : block_(detail::ByteBlock::make(capacity)), size_(capacity) {}
  ByteBuffer(ByteBuffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)), size_(other.size_) {}
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~ByteBuffer() { cairn_release(block_); }

  char* data() noexcept { return block_->data(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return block_->size; }
  /// Precondition: size <= capacity().
  void shrink_to(std::size_t size) noexcept { size_ = size; }

 private:
  friend class Entry;
  detail::ByteBlock* block_;
  std::size_t size_;
};

class Entry {
 public:
  /// No bytes at all.
  Entry() noexcept : raw_{} { raw_.kind = CAIRN_BYTES; }
  Entry(const Entry& other) noexcept : raw_(other.raw_) { cairn_retain(raw_.owner); }
  /// What was moved from shows nothing: the bytes that it showed may go with their new owner.
  Entry(Entry&& other) noexcept : raw_(other.raw_) { other.show_nothing(); }
  Entry& operator=(const Entry& other) noexcept { return *this = Entry(other); }
  Entry& operator=(Entry&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Entry() { cairn_release(raw_.owner); }

  // ---- making one ----

  /// A copy of `bytes`.
  static Entry copy(std::string_view bytes) {
    ByteBuffer buffer(bytes.size());
    if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
    return Entry(std::move(buffer));
  }
  /// Takes the buffer over.
  explicit Entry(ByteBuffer buffer) noexcept : Entry() {
    raw_.data = buffer.block_->data();
    raw_.size = buffer.size_;
    raw_.owner = std::exchange(buffer.block_, nullptr);
  }
  /// Takes the string over.
  static Entry own(std::string bytes) {
    auto* holder = new detail::Holder<std::string>(std::move(bytes));
    return part_of(holder->value, holder);
  }
  /// `bytes`, kept alive by `owner`, one reference on which is taken over.
  static Entry part_of(std::string_view bytes, cairn_owner* owner) noexcept {
    Entry entry = borrow(bytes);
    entry.raw_.owner = owner;
    return entry;
  }
  /// `bytes` as they are: valid while they are.
  static Entry borrow(std::string_view bytes) noexcept {
    Entry entry;
    entry.raw_.data = bytes.data();
    entry.raw_.size = bytes.size();
    return entry;
  }
  static Entry of(const Document& document) {
    Entry entry;
    entry.raw_.kind = CAIRN_DOCUMENT;
    entry.raw_.data = document.root().raw();
    entry.raw_.size = document.size();
    entry.raw_.owner = document.owner();
    cairn_retain(entry.raw_.owner);
    return entry;
  }
  /// Takes over what a C function handed out.
  static Entry adopt(const cairn_entry& raw) noexcept {
    Entry entry;
    entry.raw_ = raw;
    return entry;
  }

  // ---- reading the payload ----

  Kind kind() const noexcept { return static_cast<Kind>(raw_.kind); }
  bool is_bytes() const noexcept { return raw_.kind == CAIRN_BYTES; }
  bool is_document() const noexcept { return raw_.kind == CAIRN_DOCUMENT; }
  bool is_object() const noexcept { return raw_.kind == CAIRN_OBJECT; }
  /// Precondition: is_bytes().
  std::string_view bytes() const noexcept {
    return {static_cast<const char*>(raw_.data), raw_.size};
  }
  /// Precondition: is_document().
  Node node() const noexcept { return Node(static_cast<const cairn_node*>(raw_.data)); }
  /// Bytes: how many. Else what it costs to keep, best effort.
  std::size_t size() const noexcept { return raw_.size; }
  bool owned() const noexcept { return raw_.owner != nullptr; }

  /// The same entry, able to outlive the call: a copy of the bytes or tree if it was borrowed. A
  /// borrowed object, which nobody but its program can copy, becomes a document.
  Entry to_owned() const {
    if (owned()) return *this;
    Entry result = is_bytes() ? copy(bytes()) : of(Document::copy_of(to_document().node()));
    return std::move(result.with_metadata_of(*this));
  }
  /// The entry as a document: an object is converted, a document is itself. The result may point into
  /// this entry: keep both. Errors: Error(corrupt) for bytes.
  Entry to_document() const {
    if (is_document()) return *this;
    if (!is_object() || raw_.type == nullptr || raw_.type->to_document == nullptr) {
      throw Error(Errc::corrupt, "expected a document, got bytes");
    }
    Entry result;
    cairn_call call{};
    call.size = sizeof call;
    const cairn_status status = raw_.type->to_document(raw_.data, &call, &result.raw_);
    if (status != CAIRN_OK) throw Error(to_errc(status), call.error_text);
    return std::move(result.with_metadata_of(*this));
  }

  // ---- metadata ----

  Time created() const noexcept { return Time(std::chrono::nanoseconds(raw_.created_ns)); }
  void set_created(Time when) noexcept { raw_.created_ns = when.time_since_epoch().count(); }
  /// When the store will drop it.
  Time expires() const noexcept { return Time(std::chrono::nanoseconds(raw_.expires_ns)); }
  void set_expires(Time when) noexcept { raw_.expires_ns = when.time_since_epoch().count(); }
  /// The version of the value's format; 0: unknown.
  int value_version() const noexcept { return raw_.value_version; }
  void set_value_version(int version) noexcept { raw_.value_version = version; }

  /// Takes everything but the payload from `other`: what a codec does with its result.
  Entry& with_metadata_of(const Entry& other) noexcept {
    raw_.value_version = other.raw_.value_version;
    raw_.created_ns = other.raw_.created_ns;
    raw_.expires_ns = other.raw_.expires_ns;
    raw_.cas = other.raw_.cas;
    return *this;
  }

  const cairn_entry& raw() const noexcept { return raw_; }
  cairn_entry& raw() noexcept { return raw_; }
  /// Hands the reference over to the caller.
  cairn_entry release() noexcept {
    const cairn_entry raw = raw_;
    show_nothing();
    return raw;
  }

 private:
  void show_nothing() noexcept {
    raw_.data = nullptr;
    raw_.size = 0;
    raw_.owner = nullptr;
  }

  cairn_entry raw_;
};
static_assert(sizeof(Entry) == sizeof(cairn_entry));

/// Shared bytes: a cached string without a copy of it. `region.get<Bytes>(key)`.
class Bytes {
 public:
  Bytes() = default;
  /// Precondition: entry.is_bytes() and entry.owned().
  explicit Bytes(Entry entry) noexcept : entry_(std::move(entry)) {}
  explicit Bytes(std::string_view copied) : entry_(Entry::copy(copied)) {}

  std::string_view view() const noexcept { return entry_.bytes(); }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: that is what it is
  std::size_t size() const noexcept { return entry_.size(); }
  const Entry& entry() const noexcept { return entry_; }

  friend bool operator==(const Bytes& a, const Bytes& b) noexcept { return a.view() == b.view(); }

 private:
  Entry entry_;
};

}  // namespace cairn

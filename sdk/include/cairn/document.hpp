// Documents: trees of null, bool, int, uint, real, text, blob, list and map. What msgpack and JSON
// can say; also how options and statistics travel.
//
//     Document document = Document::build([](Writer out) {
//       auto map = out.map(2);
//       map.key("name").text("Ada");
//       map.key("born").integer(1815);
//     });
//     document.root()["name"].text();  // "Ada"
//
// A Node is a borrowed view of one node; it lives as long as the Document (or Entry) it came from.
// A Document owns its tree, is immutable and cheap to copy.
// Threads: const methods concurrently. Errors: reading a node as what it is not throws
// Error(corrupt) saying what was expected and what was found.
#pragma once

#include <cairn/abi.h>
#include <cairn/error.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cairn {

/// A borrowed view of one node. An absent one (see find()) tests false.
class Node {
 public:
  enum Type : std::uint32_t {
    null = CAIRN_NULL,
    boolean = CAIRN_BOOL,
    integer = CAIRN_INT,
    unsigned_integer = CAIRN_UINT,
    real_number = CAIRN_REAL,
    text_string = CAIRN_TEXT,
    binary = CAIRN_BLOB,
    list = CAIRN_LIST,
    map = CAIRN_MAP,
  };

  Node() noexcept = default;
  explicit Node(const cairn_node* raw) noexcept : raw_(raw) {}

  explicit operator bool() const noexcept { return raw_ != nullptr; }
  const cairn_node* raw() const noexcept { return raw_; }

  Type type() const noexcept { return static_cast<Type>(raw_->type); }
  bool is_null() const noexcept { return type() == null; }
  bool is_number() const noexcept {
    return type() == integer || type() == unsigned_integer || type() == real_number;
  }
  /// "null", "bool", "int", "uint", "real", "text", "blob", "list" or "map".
  std::string_view type_name() const noexcept {
    constexpr std::string_view names[] = {"null", "bool", "int",  "uint", "real",
                                          "text", "blob", "list", "map"};
    return raw_ == nullptr ? "nothing" : raw_->type < 9 ? names[raw_->type] : "unknown";
  }

  bool boolean_value() const { return expect(boolean, "bool").v.u != 0; }
  std::int64_t int_value() const { return expect(integer, "int").v.i; }
  /// Any whole number that is not negative.
  std::uint64_t uint_value() const {
    if (raw_ != nullptr && type() == integer && raw_->v.i >= 0) return raw_->v.u;
    return expect(unsigned_integer, "uint").v.u;
  }
  /// Any number; whole ones are converted.
  double real_value() const {
    if (raw_ != nullptr && type() == integer) return static_cast<double>(raw_->v.i);
    if (raw_ != nullptr && type() == unsigned_integer) return static_cast<double>(raw_->v.u);
    return expect(real_number, "real").v.f;
  }
  std::string_view text() const { return bytes_of(expect(text_string, "text")); }
  std::string_view blob() const { return bytes_of(expect(binary, "blob")); }
  /// The type code of a msgpack extension, -128 to 127, or nothing for plain bytes.
  std::optional<int> extension() const {
    const cairn_node& node = expect(binary, "blob");
    if ((node.ext & 0x100u) == 0) return std::nullopt;
    return static_cast<std::int8_t>(node.ext & 0xffu);
  }

  /// Items of a list or pairs of a map; 0 for anything else.
  std::size_t size() const noexcept {
    return raw_ != nullptr && (type() == list || type() == map) ? raw_->len : 0;
  }
  /// Item `i` of a list. Precondition: i < size().
  Node item(std::size_t i) const { return Node(expect(list, "list").v.items + i); }
  /// Pair `i` of a map. Precondition: i < size().
  Node key_at(std::size_t i) const { return Node(expect(map, "map").v.items + 2 * i); }
  Node value_at(std::size_t i) const { return Node(expect(map, "map").v.items + 2 * i + 1); }

  /// The value of the text key `name` of a map (the last, if it is there twice), or an absent node.
  Node find(std::string_view name) const noexcept {
    if (raw_ == nullptr || type() != map) return Node();
    for (std::size_t i = raw_->len; i-- > 0;) {
      const cairn_node& key = raw_->v.items[2 * i];
      if (key.type == CAIRN_TEXT && bytes_of(key) == name) return Node(&key + 1);
    }
    return Node();
  }
  Node operator[](std::string_view name) const noexcept { return find(name); }

 private:
  static std::string_view bytes_of(const cairn_node& node) noexcept {
    return {node.v.s, static_cast<std::size_t>(node.len)};
  }
  const cairn_node& expect(Type wanted, const char* name) const {
    if (raw_ == nullptr || type() != wanted) [[unlikely]]
      fail(name);
    return *raw_;
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail(const char* wanted) const {
    throw Error(Errc::corrupt,
                std::string("expected ") + wanted + ", got " + std::string(type_name()));
  }

  const cairn_node* raw_ = nullptr;
};

namespace detail {

// A ref-counted pile of blocks that only grows. Nothing in it has a destructor but the owners that it
// keeps. The first block holds the arena itself, so that a small document is one allocation.
class Arena : public cairn_owner {
 public:
  static Arena* make(std::size_t first_block = 1008) {
    void* memory = ::operator new(sizeof(Arena) + first_block);
    return new (memory) Arena(first_block);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* allocate(std::size_t size, std::size_t alignment) {
    char* at = align(at_, alignment);
    if (at > end_ || size > static_cast<std::size_t>(end_ - at)) [[unlikely]] {
      grow(size + alignment);
      at = align(at_, alignment);
    }
    at_ = at + size;
    return at;
  }
  cairn_node* nodes(std::uint64_t count) {
    if (count > SIZE_MAX / (2 * sizeof(cairn_node))) throw std::bad_alloc();
    return static_cast<cairn_node*>(
        allocate(static_cast<std::size_t>(count) * sizeof(cairn_node), alignof(cairn_node)));
  }
  const char* copy(std::string_view text) {
    auto* at = static_cast<char*>(allocate(text.size(), 1));
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return at;
  }
  /// Keeps `owner` alive as long as the arena: for text that points into a buffer of its own.
  void keep(cairn_owner* owner) {
    if (owner == nullptr) return;
    auto* kept = static_cast<Kept*>(allocate(sizeof(Kept), alignof(Kept)));
    cairn_retain(owner);
    *kept = {kept_, owner};
    kept_ = kept;
  }
  /// What one keep() takes of the arena, at most.
  static constexpr std::size_t keep_size = 4 * sizeof(void*);
  /// Bytes reserved so far: what the document costs to keep.
  std::size_t size() const noexcept { return size_; }

  /// While the document is a view of an object that outlives it, convert.hpp need not copy text.
  bool borrows_text = false;

 private:
  struct Block {
    Block* before;
  };
  struct Kept {
    Kept* before;
    cairn_owner* owner;
  };

  explicit Arena(std::size_t first_block)
      : cairn_owner{1, &destroy_arena},
        at_(reinterpret_cast<char*>(this + 1)),
        end_(at_ + first_block),
        size_(sizeof(Arena) + first_block) {}
  ~Arena() {
    for (Kept* kept = kept_; kept != nullptr; kept = kept->before) cairn_release(kept->owner);
    for (Block* block = blocks_; block != nullptr;) {
      Block* before = block->before;
      ::operator delete(block);
      block = before;
    }
  }
  static char* align(char* at, std::size_t alignment) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    return at + ((alignment - address % alignment) % alignment);
  }
  static void destroy_arena(cairn_owner* owner) noexcept {
    auto* arena = static_cast<Arena*>(owner);
    arena->~Arena();
    ::operator delete(static_cast<void*>(arena));
  }
  [[gnu::noinline]] void grow(std::size_t at_least) {
    std::size_t size = size_ > (std::size_t{1} << 20) ? std::size_t{1} << 20 : size_;
    if (size < at_least + sizeof(Block)) size = at_least + sizeof(Block);
    auto* block = static_cast<Block*>(::operator new(size));
    block->before = blocks_;
    blocks_ = block;
    at_ = reinterpret_cast<char*>(block + 1);
    end_ = reinterpret_cast<char*>(block) + size;
    size_ += size;
  }

  char* at_;
  char* end_;
  std::size_t size_;
  Block* blocks_ = nullptr;
  Kept* kept_ = nullptr;
};

// What a document shows that was moved from.
inline constexpr cairn_node null_node{CAIRN_NULL, 0, 0, {.u = 0}};

}  // namespace detail

class Writer;

/// Fills a list of known length, front to back.
class ListWriter {
 public:
  ListWriter(cairn_node* items, detail::Arena& arena) : next_(items), arena_(&arena) {}
  /// The place of the next item. Call it exactly as often as the list is long.
  [[nodiscard]] Writer item();

 private:
  cairn_node* next_;
  detail::Arena* arena_;
};

/// Fills a map of known length, pair by pair.
class MapWriter {
 public:
  MapWriter(cairn_node* items, detail::Arena& arena) : next_(items), arena_(&arena) {}
  /// Writes a text key and returns the place of its value. Call it exactly as often as the map is long.
  [[nodiscard]] Writer key(std::string_view name);
  /// The same without a copy, for a name that outlives the document, as a literal does.
  [[nodiscard]] Writer borrowed_key(std::string_view name);
  /// For keys that are not lasting text: write the first, then the second.
  [[nodiscard]] std::pair<Writer, Writer> pair();

 private:
  cairn_node* next_;
  detail::Arena* arena_;
};

/// A place in a document that is being built. Write to it exactly once.
class Writer {
 public:
  Writer(cairn_node* node, detail::Arena& arena) noexcept : node_(node), arena_(&arena) {}

  void null() { *node_ = {CAIRN_NULL, 0, 0, {.u = 0}}; }
  void boolean(bool value) { *node_ = {CAIRN_BOOL, 0, 0, {.u = value ? 1u : 0u}}; }
  void integer(std::int64_t value) { *node_ = {CAIRN_INT, 0, 0, {.i = value}}; }
  void unsigned_integer(std::uint64_t value) {
    *node_ = {value <= INT64_MAX ? CAIRN_INT : CAIRN_UINT, 0, 0, {.u = value}};
  }
  void real(double value) { *node_ = {CAIRN_REAL, 0, 0, {.f = value}}; }
  /// Copies.
  void text(std::string_view value) { borrowed_text({arena_->copy(value), value.size()}); }
  void blob(std::string_view value) { borrowed_blob({arena_->copy(value), value.size()}); }
  void extension(int type, std::string_view value) {
    borrowed_extension(type, {arena_->copy(value), value.size()});
  }
  /// Does not copy: the bytes must outlive the document, see keep().
  void borrowed_text(std::string_view value) {
    *node_ = {CAIRN_TEXT, 0, value.size(), {.s = value.data()}};
  }
  void borrowed_blob(std::string_view value) {
    *node_ = {CAIRN_BLOB, 0, value.size(), {.s = value.data()}};
  }
  void borrowed_extension(int type, std::string_view value) {
    *node_ = {CAIRN_BLOB,
              0x100u | (static_cast<std::uint32_t>(type) & 0xffu),
              value.size(),
              {.s = value.data()}};
  }
  ListWriter list(std::size_t size) {
    cairn_node* items = arena_->nodes(size);
    *node_ = {CAIRN_LIST, 0, size, {.items = items}};
    return {items, *arena_};
  }
  MapWriter map(std::size_t size) {
    cairn_node* items = arena_->nodes(2 * static_cast<std::uint64_t>(size));
    *node_ = {CAIRN_MAP, 0, size, {.items = items}};
    return {items, *arena_};
  }
  /// Refers to a tree that outlives the document.
  void borrowed(Node node) { *node_ = *node.raw(); }
  /// Copies a tree.
  void copy(Node node) {
    switch (node.type()) {
      case Node::text_string: return text(node.text());
      case Node::binary:
        blob(node.blob());
        node_->ext = node.raw()->ext;
        return;
      case Node::list: {
        auto to = list(node.size());
        for (std::size_t i = 0; i < node.size(); ++i) to.item().copy(node.item(i));
        return;
      }
      case Node::map: {
        auto to = map(node.size());
        for (std::size_t i = 0; i < node.size(); ++i) {
          auto [key, value] = to.pair();
          key.copy(node.key_at(i));
          value.copy(node.value_at(i));
        }
        return;
      }
      default: *node_ = *node.raw();
    }
  }
  /// Keeps `owner` alive as long as the document.
  void keep(cairn_owner* owner) { arena_->keep(owner); }
  detail::Arena& arena() const noexcept { return *arena_; }
  cairn_node& raw() const noexcept { return *node_; }

 private:
  cairn_node* node_;
  detail::Arena* arena_;
};

inline Writer ListWriter::item() {
  return {next_++, *arena_};
}
inline Writer MapWriter::key(std::string_view name) {
  Writer(next_, *arena_).text(name);
  next_ += 2;
  return {next_ - 1, *arena_};
}
inline Writer MapWriter::borrowed_key(std::string_view name) {
  Writer(next_, *arena_).borrowed_text(name);
  next_ += 2;
  return {next_ - 1, *arena_};
}
inline std::pair<Writer, Writer> MapWriter::pair() {
  next_ += 2;
  return {Writer(next_ - 2, *arena_), Writer(next_ - 1, *arena_)};
}

/// An immutable tree that owns what it is made of. Copies share it.
class Document {
 public:
  /// Null.
  Document() : Document(build([](Writer out) { out.null(); })) {}
  Document(const Document& other) noexcept : root_(other.root_), owner_(other.owner_) {
    cairn_retain(owner_);
  }
  Document(Document&& other) noexcept
      : root_(std::exchange(other.root_, &detail::null_node)),
        owner_(std::exchange(other.owner_, nullptr)) {}
  Document& operator=(Document other) noexcept {
    std::swap(root_, other.root_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~Document() { cairn_release(owner_); }

  /// Calls `fill(Writer)` to write the root, which is null if it does not.
  template <class Fill>
  static Document build(Fill&& fill) {
    detail::Arena* arena = detail::Arena::make();
    Document document(arena);  // owns the arena from here on, also if fill throws
    auto* root = arena->nodes(1);
    *root = detail::null_node;
    fill(Writer(root, *arena));
    document.root_ = root;
    return document;
  }
  static Document copy_of(Node node) {
    return build([&](Writer out) { out.copy(node); });
  }
  /// Takes over one reference on `owner`, which keeps `root` alive.
  static Document adopt(const cairn_node* root, cairn_owner* owner) noexcept {
    Document document(owner);
    document.root_ = root;
    return document;
  }

  Node root() const noexcept { return Node(root_); }
  cairn_owner* owner() const noexcept { return owner_; }
  /// What it costs to keep, in bytes: a lower bound for trees that were adopted.
  std::size_t size() const noexcept { return size_of(root()); }

 private:
  explicit Document(cairn_owner* owner) noexcept : owner_(owner) {}
  static std::size_t size_of(Node node) noexcept {
    std::size_t size = sizeof(cairn_node);
    const cairn_node& raw = *node.raw();
    if (raw.type == CAIRN_TEXT || raw.type == CAIRN_BLOB) size += raw.len;
    const std::uint64_t children = raw.type == CAIRN_LIST  ? raw.len
                                   : raw.type == CAIRN_MAP ? 2 * raw.len
                                                           : 0;
    for (std::uint64_t i = 0; i < children; ++i) size += size_of(Node(raw.v.items + i));
    return size;
  }

  const cairn_node* root_ = nullptr;
  cairn_owner* owner_ = nullptr;
};

}  // namespace cairn

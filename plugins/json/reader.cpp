// Reading JSON, in two passes: the first bounds how many nodes and how much unescaped text there
// will be, so that the memory is asked for once; the second checks the grammar and fills it in.
//
// The node block is used from both ends. Values whose list or map is still open lie at its high
// end, the last one lowest; when the list or map closes they move to the low end, in order.
// Together they are never more than the nodes of the document, so the two never meet.

#include "base64.hpp"
#include "format.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

namespace cairn::json {
namespace {

[[noreturn, gnu::cold, gnu::noinline]] void fail(const std::string& what, std::size_t offset) {
  throw Error(Errc::corrupt, what + " at byte " + std::to_string(offset));
}

// What the document will need, at most.
struct Need {
  std::size_t nodes = 1;
  std::size_t text = 0;  // of strings with escapes, which cannot stay where they are
};

Need measure(std::string_view text) {
  Need need;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    switch (*at++) {
      case ',':
      case ':':
      case '[':
      case '{': ++need.nodes; break;
      case '"': {
        const char* const begin = at;
        bool escapes = false;
        while (at != end && *at != '"') {
          if (*at == '\\') {
            escapes = true;
            if (++at == end) break;
          }
          ++at;
        }
        if (at == end)
          fail("a string without an end", static_cast<std::size_t>(begin - text.data()) - 1);
        if (escapes) need.text += static_cast<std::size_t>(at - begin);
        ++at;
        break;
      }
      default: break;
    }
  }
  return need;
}

class Reader {
 public:
  Reader(std::string_view text, detail::Arena& arena, std::size_t nodes, Dialect dialect)
      : begin_(text.data()),
        at_(text.data()),
        end_(text.data() + text.size()),
        low_(arena.nodes(nodes)),
        high_(low_ + nodes),
        arena_(arena),
        dialect_(dialect) {}

  const cairn_node* document() {
    skip_space();
    read_value(max_depth);
    skip_space();
    if (at_ != end_) fail_here("something is left over");
    return high_;
  }

 private:
  void skip_space() noexcept {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  char peek() const noexcept { return at_ != end_ ? *at_ : '\0'; }
  bool take(char expected) noexcept {
    if (peek() != expected || at_ == end_) return false;
    ++at_;
    return true;
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail_here(const std::string& what) const {
    fail(at_ == end_ ? "the input ends too early" : what, static_cast<std::size_t>(at_ - begin_));
  }

  void push(const cairn_node& node) noexcept { *--high_ = node; }

  void read_value(std::size_t depth_left) {
    switch (peek()) {
      case '{': return read_container(CAIRN_MAP, '}', depth_left);
      case '[': return read_container(CAIRN_LIST, ']', depth_left);
      case '"': return read_string();
      case 't': return read_word("true", {CAIRN_BOOL, 0, 0, {.u = 1}});
      case 'f': return read_word("false", {CAIRN_BOOL, 0, 0, {.u = 0}});
      case 'n': return read_word("null", {CAIRN_NULL, 0, 0, {.u = 0}});
      case 'N': return read_word("NaN", real(std::numeric_limits<double>::quiet_NaN()));
      case 'I': return read_word("Infinity", real(std::numeric_limits<double>::infinity()));
      default: read_number();
    }
  }

  static cairn_node real(double value) noexcept { return {CAIRN_REAL, 0, 0, {.f = value}}; }

  void read_word(std::string_view word, const cairn_node& node) {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) !=
        word) {
      fail_here("expected a value");
    }
    at_ += word.size();
    push(node);
  }

  void read_container(std::uint32_t type, char closing, std::size_t depth_left) {
    if (depth_left == 0) fail_here("more than 256 lists and maps in each other");
    ++at_;
    push({type, 0, 0, {.items = nullptr}});
    cairn_node* const self = high_;
    skip_space();
    if (!take(closing)) {
      do {
        skip_space();
        if (type == CAIRN_MAP) {
          if (peek() != '"') fail_here("expected a key in quotes");
          read_string();
          skip_space();
          if (!take(':')) fail_here("expected `:`");
          skip_space();
        }
        read_value(depth_left - 1);
        skip_space();
      } while (take(','));
      if (!take(closing)) fail_here(std::string("expected `,` or `") + closing + "`");
    }
    close(*self);
  }

  // The values above `self` become its items.
  void close(cairn_node& self) {
    const auto count = static_cast<std::size_t>(&self - high_);
    std::reverse(high_, &self);
    std::memmove(low_, high_, count * sizeof(cairn_node));
    high_ = &self;
    self.v.items = low_;
    self.len = self.type == CAIRN_MAP ? count / 2 : count;
    low_ += count;
    if (self.type == CAIRN_MAP && count > 0 && dialect_ == Dialect::own) replace_special(self);
  }

  static bool is_text(const cairn_node& node, std::string_view text) noexcept {
    return node.type == CAIRN_TEXT && std::string_view(node.v.s, node.len) == text;
  }

  // A map that stands for what JSON cannot say becomes that. One that only looks similar stays a
  // map.
  void replace_special(cairn_node& map) {
    const cairn_node* items = map.v.items;
    if (items[0].len == 0 || items[0].v.s[0] != '$') return;
    if (is_text(items[0], "$blob") && items[1].type == CAIRN_TEXT) {
      const bool typed = map.len == 2 && is_text(items[2], "$type") && items[3].type == CAIRN_INT &&
                         std::in_range<std::int8_t>(items[3].v.i);
      if (map.len != 1 && !typed) return;
      const std::size_t text_size = items[1].len;
      auto* bytes = static_cast<char*>(arena_.allocate(text_size / 4 * 3, 1));
      const std::ptrdiff_t size = decode_base64({items[1].v.s, text_size}, bytes);
      if (size < 0) return;
      const std::uint32_t ext =
          typed ? 0x100u | (static_cast<std::uint32_t>(items[3].v.i) & 0xffu) : 0;
      map = {CAIRN_BLOB, ext, static_cast<std::uint64_t>(size), {.s = bytes}};
    } else if (is_text(items[0], "$real") && map.len == 1) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      if (is_text(items[1], "NaN")) map = real(std::numeric_limits<double>::quiet_NaN());
      if (is_text(items[1], "Infinity")) map = real(infinity);
      if (is_text(items[1], "-Infinity")) map = real(-infinity);
    } else if (is_text(items[0], "$map") && map.len == 1 && items[1].type == CAIRN_LIST) {
      const cairn_node& list = items[1];
      const auto is_pair = [](const cairn_node& node) {
        return node.type == CAIRN_LIST && node.len == 2;
      };
      if (!std::all_of(list.v.items, list.v.items + list.len, is_pair)) return;
      cairn_node* pairs = arena_.nodes(2 * list.len);
      map = {CAIRN_MAP, 0, list.len, {.items = pairs}};
      for (std::uint64_t i = 0; i < list.len; ++i) {
        pairs[2 * i] = list.v.items[i].v.items[0];
        pairs[2 * i + 1] = list.v.items[i].v.items[1];
      }
    }
  }

  void read_string() {
    const char* const begin = ++at_;
    bool ascii = true;
    for (;; ++at_) {
      const auto byte = static_cast<unsigned char>(*at_);  // measure() has seen the closing quote
      if (byte == '"' || byte == '\\') break;
      if (byte < 0x20) fail_here("a control character in a string");
      ascii = ascii && byte < 0x80;
    }
    if (*at_ == '\\') return read_escaped_string(begin);
    const std::string_view text(begin, static_cast<std::size_t>(at_ - begin));
    if (!ascii && !is_utf8(text))
      fail("text that is not UTF-8", static_cast<std::size_t>(begin - begin_));
    ++at_;
    push({CAIRN_TEXT, 0, text.size(), {.s = text.data()}});
  }

  void read_escaped_string(const char* begin) {
    // An escape is never shorter than the character it stands for.
    const char* end = at_;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    auto* const text =
        static_cast<char*>(arena_.allocate(static_cast<std::size_t>(end - begin), 1));
    char* out = text;
    for (at_ = begin; *at_ != '"';) {
      const auto byte = static_cast<unsigned char>(*at_);
      if (byte < 0x20) fail_here("a control character in a string");
      if (byte == '\\') {
        out = put_character(read_escape(), out);
      } else {
        *out++ = *at_++;
      }
    }
    ++at_;
    const std::string_view result(text, static_cast<std::size_t>(out - text));
    if (!is_utf8(result)) fail("text that is not UTF-8", static_cast<std::size_t>(begin - begin_));
    push({CAIRN_TEXT, 0, result.size(), {.s = text}});
  }

  // Precondition: at a backslash, with another character and, later, a quote behind it.
  std::uint32_t read_escape() {
    ++at_;
    switch (*at_++) {
      case '"': return '"';
      case '\\': return '\\';
      case '/': return '/';
      case 'b': return '\b';
      case 'f': return '\f';
      case 'n': return '\n';
      case 'r': return '\r';
      case 't': return '\t';
      case 'u': break;
      default: --at_; fail_here("an unknown escape");
    }
    const std::uint32_t first = read_hex();
    if (first < 0xd800 || first >= 0xe000) return first;
    if (first >= 0xdc00 || at_[0] != '\\' || at_[1] != 'u') fail_here("half of a surrogate pair");
    at_ += 2;
    const std::uint32_t second = read_hex();
    if (second < 0xdc00 || second >= 0xe000) fail_here("half of a surrogate pair");
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }
  std::uint32_t read_hex() {
    std::uint32_t value = 0;
    const char* const end = at_ + std::min<std::ptrdiff_t>(4, end_ - at_);
    const auto [stop, error] = std::from_chars(at_, end, value, 16);
    if (error != std::errc() || stop != at_ + 4) fail_here("expected four hexadecimal digits");
    at_ = stop;
    return value;
  }

  static bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
  void skip_digits() {
    if (!is_digit(peek())) fail_here("expected a digit");
    while (is_digit(peek())) ++at_;
  }

  void read_number() {
    const char* const begin = at_;
    const bool negative = take('-');
    if (negative && peek() == 'I') {
      return read_word("Infinity", real(-std::numeric_limits<double>::infinity()));
    }
    if (!is_digit(peek())) fail_here("expected a value");
    if (!take('0')) skip_digits();
    bool whole = true;
    if (take('.')) {
      whole = false;
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (!take('+')) take('-');
      skip_digits();
    }
    if (whole && push_integer(begin, negative)) return;
    double value = 0;
    if (std::from_chars(begin, at_, value).ec != std::errc()) {
      fail("a number that a double cannot hold", static_cast<std::size_t>(begin - begin_));
    }
    push(real(value));
  }

  // False: it is beyond 64 bits.
  bool push_integer(const char* begin, bool negative) noexcept {
    if (negative) {
      std::int64_t value = 0;
      if (std::from_chars(begin, at_, value).ec != std::errc()) return false;
      push({CAIRN_INT, 0, 0, {.i = value}});
    } else {
      std::uint64_t value = 0;
      if (std::from_chars(begin, at_, value).ec != std::errc()) return false;
      push({value <= INT64_MAX ? CAIRN_INT : CAIRN_UINT, 0, 0, {.u = value}});
    }
    return true;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  cairn_node* low_;   // behind the items of lists and maps that are closed
  cairn_node* high_;  // the value read last, of those whose list or map is open
  detail::Arena& arena_;
  const Dialect dialect_;
};

}  // namespace

Entry read(std::string_view text, cairn_owner* owner, Dialect dialect) {
  const Need need = measure(text);
  detail::Arena* arena =
      detail::Arena::make(need.nodes * sizeof(cairn_node) + need.text + detail::Arena::keep_size);
  Entry document;  // owns the arena from here on, also if something throws
  document.raw().owner = arena;
  arena->keep(owner);
  document.raw().data = Reader(text, *arena, need.nodes, dialect).document();
  document.raw().kind = CAIRN_DOCUMENT;
  document.raw().size = arena->size() + text.size();
  return document;
}

}  // namespace cairn::json

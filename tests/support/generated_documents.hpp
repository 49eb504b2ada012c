// Documents made up from a number, for tests that should hold for any document; and what is needed
// to compare them.
#pragma once

#include <cairn/document.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>

/// The same types, values and order, all the way down. A NaN equals a NaN.
inline bool equal(cairn::Node a, cairn::Node b) {
  const cairn_node& x = *a.raw();
  const cairn_node& y = *b.raw();
  if (x.type != y.type || x.ext != y.ext) return false;
  switch (x.type) {
    case CAIRN_NULL: return true;
    case CAIRN_REAL:
      return std::isnan(x.v.f)
                 ? std::isnan(y.v.f)
                 : std::bit_cast<std::uint64_t>(x.v.f) == std::bit_cast<std::uint64_t>(y.v.f);
    case CAIRN_TEXT:
    case CAIRN_BLOB: return std::string_view(x.v.s, x.len) == std::string_view(y.v.s, y.len);
    case CAIRN_LIST:
    case CAIRN_MAP: {
      if (x.len != y.len) return false;
      const std::uint64_t children = x.type == CAIRN_MAP ? 2 * x.len : x.len;
      for (std::uint64_t i = 0; i < children; ++i) {
        if (!equal(cairn::Node(x.v.items + i), cairn::Node(y.v.items + i))) return false;
      }
      return true;
    }
    default: return x.v.u == y.v.u;
  }
}

/// What a generated document may hold.
struct Allowed {
  bool blobs = true;       // and msgpack extensions
  bool any_keys = true;    // else text, each once
  bool not_finite = true;  // NaN and the infinities
};

/// The same documents for the same seed, on every machine.
class DocumentGenerator {
 public:
  explicit DocumentGenerator(std::uint64_t seed, Allowed allowed = {})
      : state_(seed), allowed_(allowed) {}

  cairn::Document next() {
    return cairn::Document::build([&](cairn::Writer out) {
      left_ = 1 + below(below(8) == 0 ? 200 : 20);
      value(out, 0);
    });
  }

  std::uint64_t random() noexcept {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t end) noexcept { return random() % end; }

  /// UTF-8, with characters of one to four bytes and those that JSON escapes.
  std::string text(std::size_t longest) {
    std::string result;
    for (std::uint64_t n = below(longest + 1); n > 0; --n) {
      switch (below(24)) {
        case 0: result += static_cast<char>(below(32)); break;
        case 1: result += "\"\\/\x7f"[below(4)]; break;
        case 2: result += "é"; break;
        case 3: result += "€"; break;
        case 4: result += "𝄞"; break;
        default: result += static_cast<char>('a' + below(26));
      }
    }
    return result;
  }

  std::string bytes(std::size_t longest) {
    std::string result(below(longest + 1), '\0');
    for (char& byte : result) byte = static_cast<char>(random());
    return result;
  }

 private:
  double real() noexcept {
    switch (below(6)) {
      case 0: return static_cast<double>(below(1000)) / 8;
      case 1: return -static_cast<double>(below(1000000)) / 100;
      case 2: return 0.0;
      case 3: return -0.0;
      case 4: return static_cast<double>(below(1u << 30)) * 1e10;
      default: {
        const auto any = std::bit_cast<double>(random());
        if (std::isfinite(any) || allowed_.not_finite) return any;
        return 0.5;
      }
    }
  }

  void scalar(cairn::Writer out) {
    switch (below(allowed_.blobs ? 9 : 7)) {
      case 0: return out.null();
      case 1: return out.boolean(below(2) == 0);
      case 2: return out.integer(static_cast<std::int64_t>(below(512)) - 256);
      case 3:
        return out.integer(static_cast<std::int64_t>(random() >> below(64)) * (below(2) ? -1 : 1));
      case 4: return out.unsigned_integer(random() >> below(64));
      case 5: return out.real(real());
      case 6: return out.text(text(below(16) == 0 ? 300 : 20));
      case 7: return out.blob(bytes(below(16) == 0 ? 300 : 20));
      default: return extension(out, static_cast<int>(below(256)) - 128);
    }
  }

  // -1 is a timestamp, which has to be one: these are seconds in 32 bits.
  void extension(cairn::Writer out, int type) {
    std::string content = bytes(std::size_t{1} << below(5));
    if (type == -1) content.resize(4);
    out.extension(type, content);
  }

  void value(cairn::Writer out, int depth) {
    const bool container = depth == 0 || (depth < 12 && left_ > 0 && below(3) == 0);
    if (!container || below(20) == 0) return scalar(out);
    const std::size_t size = below(left_ + 1);
    left_ -= size;
    if (below(2) == 0) {
      auto list = out.list(size);
      for (std::size_t i = 0; i < size; ++i) value(list.item(), depth + 1);
      return;
    }
    auto map = out.map(size);
    for (std::size_t i = 0; i < size; ++i) {
      auto [key, item] = map.pair();
      if (allowed_.any_keys && below(4) == 0) {
        scalar(key);
      } else if (allowed_.any_keys && below(8) == 0) {
        key.text(below(2) == 0 ? "$blob" : below(2) == 0 ? "$map" : "$real");
      } else {
        key.text(text(8) + std::to_string(i));
      }
      value(item, depth + 1);
    }
  }

  std::uint64_t state_;
  const Allowed allowed_;
  std::size_t left_ = 0;
};

// Writing JSON.

#include "base64.hpp"
#include "format.hpp"
#include "utf8.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace cairn::json {
namespace {

[[noreturn, gnu::cold, gnu::noinline]] void refuse(const std::string& what) {
  throw Error(Errc::rejected, what);
}

constexpr std::string_view compatible_only =
    " cannot be said as json.dumps would; use `compatible = false`, or the msgpack layer";

class Writer {
 public:
  explicit Writer(Dialect dialect)
      : compatible_(dialect == Dialect::compatible),
        comma_(compatible_ ? ", " : ","),
        colon_(compatible_ ? ": " : ":") {}

  void put(Node node, std::size_t depth_left = max_depth) {
    if (depth_left == 0 && becomes_container(node)) {
      refuse("more than 256 lists and maps in each other");
    }
    switch (node.type()) {
      case Node::null: append("null"); return;
      case Node::boolean: append(node.boolean_value() ? "true" : "false"); return;
      case Node::integer: put_integer(node.raw()->v.i); return;
      case Node::unsigned_integer: put_integer(node.raw()->v.u); return;
      case Node::real_number: put_real(node.raw()->v.f); return;
      case Node::text_string: put_text(node.text()); return;
      case Node::binary: put_blob(node); return;
      case Node::list: return put_list(node, depth_left - 1);
      case Node::map: return put_map(node, depth_left - 1);
    }
    refuse("a value of unknown type " + std::to_string(node.raw()->type));
  }

  std::string take() { return std::move(out_); }

 private:
  void append(std::string_view text) { out_.append(text); }

  bool becomes_container(Node node) const noexcept {
    if (node.type() == Node::real_number) return !compatible_ && !std::isfinite(node.raw()->v.f);
    return node.type() == Node::list || node.type() == Node::map || node.type() == Node::binary;
  }

  template <class Integer>
  void put_integer(Integer value) {
    char digits[24];
    append({digits, static_cast<std::size_t>(
                        std::to_chars(digits, digits + sizeof digits, value).ptr - digits)});
  }

  void put_real(double value) {
    if (!std::isfinite(value)) {
      const std::string_view word = std::isnan(value) ? "NaN"
                                    : value > 0       ? "Infinity"
                                                      : "-Infinity";
      if (compatible_) return append(word);
      append("{\"$real\":\"");
      append(word);
      return append("\"}");
    }
    // As Python's repr: the fewest digits that say this number, with an exponent from 1e16 on and
    // below 1e-4, and always a sign that it is not an integer.
    char text[32];
    const char* const end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr;
    std::string_view digits(text, static_cast<std::size_t>(end - text));
    if (digits.front() == '-') {
      append("-");
      digits.remove_prefix(1);
    }
    const std::size_t e = digits.find('e');
    int exponent = 0;
    std::from_chars(digits.data() + e + (digits[e + 1] == '+' ? 2 : 1), end, exponent);
    if (exponent < -4 || exponent >= 16) return append(digits);

    char mantissa[24];  // without its point
    std::size_t size = 0;
    for (const char c : digits.substr(0, e)) {
      if (c != '.') mantissa[size++] = c;
    }
    const std::string_view all(mantissa, size);
    if (exponent < 0) {
      append("0.");
      out_.append(static_cast<std::size_t>(-exponent - 1), '0');
      return append(all);
    }
    const auto before_point = static_cast<std::size_t>(exponent) + 1;
    append(all.substr(0, before_point));
    if (size < before_point) out_.append(before_point - size, '0');
    append(".");
    append(size > before_point ? all.substr(before_point) : "0");
  }

  void put_text(std::string_view text) {
    out_ += '"';
    std::size_t plain = 0;  // what has not been written yet begins here
    for (std::size_t at = 0; at < text.size();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') [[likely]] {
        ++at;
        continue;
      }
      const std::size_t begin = at;
      const std::int32_t character = take_character(text, at);
      if (character < 0) {
        refuse("text that is not UTF-8 at its byte " + std::to_string(begin) +
               "; keep it as a byte vector instead");
      }
      if (!compatible_ && character >= 0x7f) continue;
      append(text.substr(plain, begin - plain));
      put_escape(static_cast<std::uint32_t>(character));
      plain = at;
    }
    append(text.substr(plain));
    out_ += '"';
  }

  void put_escape(std::uint32_t character) {
    switch (character) {
      case '"': return append("\\\"");
      case '\\': return append("\\\\");
      case '\b': return append("\\b");
      case '\f': return append("\\f");
      case '\n': return append("\\n");
      case '\r': return append("\\r");
      case '\t': return append("\\t");
      default: break;
    }
    if (character < 0x10000) return put_unit(character);
    put_unit(0xd800 + ((character - 0x10000) >> 10));
    put_unit(0xdc00 + ((character - 0x10000) & 0x3ff));
  }
  void put_unit(std::uint32_t unit) {
    constexpr std::string_view digits = "0123456789abcdef";
    append("\\u");
    for (const int shift : {12, 8, 4, 0}) out_ += digits[unit >> shift & 15];
  }

  void put_blob(Node node) {
    if (compatible_) refuse("a blob" + std::string(compatible_only));
    append("{\"$blob\":\"");
    append_base64(out_, node.blob());
    append("\"");
    if (const auto type = node.extension()) {
      append(",\"$type\":");
      put_integer(*type);
    }
    append("}");
  }

  void put_list(Node list, std::size_t depth_left) {
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) append(comma_);
      put(list.item(i), depth_left);
    }
    out_ += ']';
  }

  void put_map(Node map, std::size_t depth_left) {
    if (!compatible_ && needs_pairs(map)) return put_pairs(map, depth_left);
    out_ += '{';
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (i > 0) append(comma_);
      put_key(map.key_at(i));
      append(colon_);
      put(map.value_at(i), depth_left);
    }
    out_ += '}';
  }

  // Whether JSON has no such map, or reading it would give something else.
  static bool needs_pairs(Node map) {
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (map.key_at(i).type() != Node::text_string) return true;
    }
    if (map.size() == 0) return false;
    const std::string_view first = map.key_at(0).text();
    return first == "$blob" || first == "$real" || first == "$map";
  }
  void put_pairs(Node map, std::size_t depth_left) {
    if (depth_left < 2) refuse("more than 256 lists and maps in each other");
    append("{\"$map\":[");
    for (std::size_t i = 0; i < map.size(); ++i) {
      append(i > 0 ? ",[" : "[");
      put(map.key_at(i), depth_left - 2);
      append(",");
      put(map.value_at(i), depth_left - 2);
      append("]");
    }
    append("]}");
  }

  // json.dumps turns keys that are not text into it.
  void put_key(Node key) {
    switch (key.type()) {
      case Node::text_string: return put_text(key.text());
      case Node::binary:
      case Node::list:
      case Node::map:
        refuse("a " + std::string(key.type_name()) + " as a key" + std::string(compatible_only));
      default:
        out_ += '"';
        put(key);
        out_ += '"';
    }
  }

  const bool compatible_;
  const std::string_view comma_;
  const std::string_view colon_;
  std::string out_;
};

}  // namespace

std::string write(Node value, Dialect dialect) {
  Writer writer(dialect);
  writer.put(value);
  return writer.take();
}

}  // namespace cairn::json

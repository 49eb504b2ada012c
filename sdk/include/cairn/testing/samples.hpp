// Payloads to try a layer with, and how to compare and show them.
//
// Threads: all functions, any. Nothing here is shared but the type descriptor of the sample object.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/options.hpp>

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::testing {

/// `text` in quotes and printable, cut after `most` bytes.
inline std::string shown(std::string_view text, std::size_t most = 40) {
  std::string result = "\"";
  for (const char c : text.substr(0, most)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      result += c;
    } else {
      char escaped[5];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      result += escaped;
    }
  }
  if (text.size() <= most) return result + '"';
  return result + "...\" (" + std::to_string(text.size()) + " bytes)";
}

/// A document as text, its texts cut after `most` bytes.
inline std::string shown(Node node, std::size_t most = 40) {
  std::string text;
  switch (node.type()) {
    case Node::null: return "null";
    case Node::boolean: return node.boolean_value() ? "true" : "false";
    case Node::integer: return std::to_string(node.int_value());
    case Node::unsigned_integer: return std::to_string(node.uint_value());
    case Node::real_number: {
      char digits[40];
      std::snprintf(digits, sizeof digits, "%.17g", node.real_value());
      return std::string(digits).find_first_of(".en") == std::string::npos
                 ? digits + std::string(".0")
                 : digits;
    }
    case Node::text_string: return shown(node.text(), most);
    case Node::binary: return "blob " + shown(node.blob(), most);
    case Node::list:
      text = "[";
      for (std::size_t i = 0; i < node.size(); ++i) {
        if (i != 0) text += ", ";
        text += shown(node.item(i), most);
      }
      return text += "]";
    case Node::map:
      text = "{";
      for (std::size_t i = 0; i < node.size(); ++i) {
        if (i != 0) text += ", ";
        text.append(shown(node.key_at(i), most)).append(": ").append(shown(node.value_at(i), most));
      }
      return text += "}";
  }
  return "a node of unknown type";
}

/// A payload as text, cut short: for messages.
inline std::string shown(const Entry& entry) {
  if (entry.is_bytes()) return shown(entry.bytes());
  if (entry.is_document() || entry.is_object()) return shown(entry.to_document().node());
  return "a payload of unknown kind " + std::to_string(entry.raw().kind);
}

/// Whether two payloads say the same: bytes byte by byte, documents and objects as documents.
inline bool same_payload(const Entry& a, const Entry& b) {
  if (a.is_bytes() || b.is_bytes()) return a.is_bytes() && b.is_bytes() && a.bytes() == b.bytes();
  const Entry document_a = a.to_document();
  const Entry document_b = b.to_document();
  constexpr std::size_t all = std::string::npos;
  return shown(document_a.node(), all) == shown(document_b.node(), all);
}

/// A program's own type, as a layer meets it: an address and a descriptor.
struct SampleObject {
  std::string text;

  static const cairn_type& type() noexcept {
    static const cairn_type descriptor{
        sizeof(cairn_type), 0, "cairn::testing::SampleObject",
        [](const void* object, cairn_call*, cairn_entry* out) noexcept -> cairn_status {
          const auto& sample = *static_cast<const SampleObject*>(object);
          *out = Entry::of(Document::build([&](Writer w) { w.text(sample.text); })).release();
          return CAIRN_OK;
        },
        [](const cairn_node* document, cairn_call*, cairn_entry* out) noexcept -> cairn_status {
          if (document->type != CAIRN_TEXT) return CAIRN_CORRUPT;
          *out = SampleObject::entry(std::string(Node(document).text())).release();
          return CAIRN_OK;
        }};
    return descriptor;
  }
  static Entry entry(std::string text) {
    auto* holder = new detail::Holder<SampleObject>(SampleObject{std::move(text)});
    Entry entry;
    entry.raw().kind = CAIRN_OBJECT;
    entry.raw().data = &holder->value;
    entry.raw().size = sizeof(SampleObject) + holder->value.text.size();
    entry.raw().owner = holder;
    entry.raw().type = &type();
    return entry;
  }
};

/// `text` as a payload of a kind that is accepted: bytes if possible, else a document, else an
/// object.
inline Entry sample(std::uint32_t accepts, std::string_view text) {
  if ((accepts & Kinds::bytes) != 0) return Entry::copy(text);
  if ((accepts & Kinds::documents) != 0) {
    return Entry::of(Document::build([&](Writer out) { out.text(text); }));
  }
  return SampleObject::entry(std::string(text));
}

struct NamedSample {
  std::string name;
  Entry entry;
  bool may_be_rejected = false;  ///< a format need not be able to say everything
};

/// Payloads of every accepted kind, plain ones and those that break naive layers.
inline std::vector<NamedSample> samples(std::uint32_t accepts) {
  std::vector<NamedSample> all;
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  if ((accepts & Kinds::bytes) != 0) {
    all.push_back({"no bytes", Entry::copy("")});
    all.push_back({"one zero byte", Entry::copy(std::string_view("\0", 1))});
    all.push_back({"every byte", Entry::copy(every_byte)});
    all.push_back({"text with line ends", Entry::copy("a\r\nEND\r\nVALUE b 0 1\r\n")});
    all.push_back({"a thousand bytes", Entry::own(std::string(1000, 'x'))});
    std::string mebibyte(std::size_t{1} << 20, '\0');
    std::uint32_t noise = 1;
    for (char& c : mebibyte) c = static_cast<char>((noise = noise * 1664525u + 1013904223u) >> 24);
    all.push_back({"a mebibyte", Entry::own(std::move(mebibyte)), true});
  }
  if ((accepts & Kinds::documents) != 0) {
    const auto add = [&](const char* name, auto fill, bool may_be_rejected = false) {
      all.push_back({name, Entry::of(Document::build(fill)), may_be_rejected});
    };
    add("null", [](Writer w) { w.null(); });
    add("false", [](Writer w) { w.boolean(false); });
    add("a negative number", [](Writer w) { w.integer(INT64_MIN); });
    add("the largest number", [](Writer w) { w.unsigned_integer(UINT64_MAX); });
    add("a real number", [](Writer w) { w.real(-0.1); });
    add("no text", [](Writer w) { w.text(""); });
    add("text", [](Writer w) { w.text("gr\xc3\xbc\xc3\x9f\x65 \"quoted\" \\ \n"); });
    add(
        "a blob", [&](Writer w) { w.blob(every_byte); }, true);
    add("an empty list", [](Writer w) { w.list(0); });
    add("an empty map", [](Writer w) { w.map(0); });
    add("a nested map", [](Writer w) {
      auto map = w.map(2);
      map.key("name").text("Ada");
      auto list = map.key("years").list(3);
      list.item().integer(1815);
      list.item().null();
      list.item().map(1).key("deep").boolean(true);
    });
    add(
        "a map with a number for a key",
        [](Writer w) {
          auto [key, value] = w.map(1).pair();
          key.integer(7);
          value.text("seven");
        },
        true);
  }
  if ((accepts & Kinds::objects) != 0) {
    all.push_back({"an object", SampleObject::entry("an object of the program")});
  }
  return all;
}

}  // namespace cairn::testing

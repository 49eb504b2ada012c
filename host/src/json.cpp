#include "json.hpp"

#include <cairn/error.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace cairn::hosting {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr int max_depth = 256;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(Errc::rejected, what);
}

// With padding, nothing else in between; nullopt if it is not that.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string bytes;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pads = i >= text.size() - padding;
    const std::size_t digit = pads ? 0 : digits.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>(bits >> shift & 0xffu);
  }
  bytes.resize(bytes.size() - padding);
  return bytes;
}

const char* name_of(double value) {
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

// Whether a map of text keys would be taken for one of the maps above.
bool looks_special(Node map) {
  if (map.size() == 0 || map.key_at(0).type() != Node::text_string) return false;
  const std::string_view first = map.key_at(0).text();
  return first == "$blob" || first == "$real" || first == "$map";
}

Json map_to_json(Node node) {
  bool plain = !looks_special(node);
  for (std::size_t i = 0; i < node.size(); ++i) {
    plain = plain && node.key_at(i).type() == Node::text_string;
  }
  Json result = Json::object();
  if (plain) {
    for (std::size_t i = 0; i < node.size(); ++i) {
      result[std::string(node.key_at(i).text())] = to_json(node.value_at(i));
    }
    return result;
  }
  Json pairs = Json::array();
  for (std::size_t i = 0; i < node.size(); ++i) {
    pairs.push_back(Json::array({to_json(node.key_at(i)), to_json(node.value_at(i))}));
  }
  result["$map"] = std::move(pairs);
  return result;
}

std::optional<int> extension_type(const Json& json) {
  const bool fits =
      json.is_number_unsigned()
          ? std::in_range<std::int8_t>(json.get<std::uint64_t>())
          : json.is_number_integer() && std::in_range<std::int8_t>(json.get<std::int64_t>());
  return fits ? std::optional(json.get<int>()) : std::nullopt;
}

void write(Writer out, const Json& json, int depth);

// Whether `json` was one of the maps above.
bool write_special(Writer out, const Json& json, int depth) {
  const auto first = json.begin();
  if (first == json.end()) return false;
  if (first.key() == "$blob" && first->is_string()) {
    const auto bytes = from_base64(first->get_ref<const std::string&>());
    if (!bytes) refuse("\"$blob\" is not base64");
    const auto type = json.find("$type");
    const std::size_t known = type == json.end() ? 1 : 2;
    if (json.size() != known) refuse("beside \"$blob\" there can only be \"$type\"");
    if (known == 1) {
      out.blob(*bytes);
    } else if (const auto code = extension_type(*type)) {
      out.extension(*code, *bytes);
    } else {
      refuse("\"$type\" is a number from -128 to 127");
    }
    return true;
  }
  if (json.size() != 1) return false;
  if (first.key() == "$real" && first->is_string()) {
    const auto& name = first->get_ref<const std::string&>();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (name != "NaN" && name != "Infinity" && name != "-Infinity") {
      refuse("\"$real\" is \"NaN\", \"Infinity\" or \"-Infinity\"");
    }
    out.real(name == "NaN"        ? std::numeric_limits<double>::quiet_NaN()
             : name == "Infinity" ? infinity
                                  : -infinity);
    return true;
  }
  if (first.key() == "$map" && first->is_array()) {
    auto map = out.map(first->size());
    for (const Json& pair : *first) {
      if (!pair.is_array() || pair.size() != 2) refuse("\"$map\" is a list of [key, value]");
      auto [key, value] = map.pair();
      write(key, pair[0], depth + 1);
      write(value, pair[1], depth + 1);
    }
    return true;
  }
  return false;
}

void write(Writer out, const Json& json, int depth) {
  if (depth == max_depth && json.is_structured()) {
    refuse("lists and maps are nested more than 256 deep");
  }
  switch (json.type()) {
    case Json::value_t::boolean: return out.boolean(json.get<bool>());
    case Json::value_t::number_integer: return out.integer(json.get<std::int64_t>());
    case Json::value_t::number_unsigned: return out.unsigned_integer(json.get<std::uint64_t>());
    case Json::value_t::number_float: return out.real(json.get<double>());
    case Json::value_t::string: return out.text(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      auto list = out.list(json.size());
      for (const Json& item : json) write(list.item(), item, depth + 1);
      return;
    }
    case Json::value_t::object: {
      if (write_special(out, json, depth)) return;
      auto map = out.map(json.size());
      for (const auto& [name, value] : json.items()) {
        auto [key, place] = map.pair();
        key.text(name);
        write(place, value, depth + 1);
      }
      return;
    }
    default: return out.null();
  }
}

// Parses text that may be nested as deep as it likes, without building what is too deep.
Json parsed(std::string_view text) {
  bool too_deep = false;
  const auto keep = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > max_depth;
    return !too_deep;
  };
  if (text.find('\0') != std::string_view::npos) {  // which the parser takes for the end
    refuse("this is not JSON: a zero byte");
  }
  try {
    Json json = Json::parse(text.begin(), text.end(), keep);
    if (too_deep) refuse("lists and maps are nested more than 256 deep");
    return json;
  } catch (const Json::exception& error) {  // out_of_range: a number that a double cannot hold
    std::string_view what = error.what();   // "[json.exception.parse_error.101] parse error at ..."
    if (const auto end = what.find("] "); end != std::string_view::npos)
      what.remove_prefix(end + 2);
    refuse("this is not JSON: " + std::string(what));
  }
}

}  // namespace

std::string base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += i + k > bytes.size() ? '=' : digits[bits >> (18 - 6 * k) & 63u];
    }
  }
  return text;
}

Json to_json(Node node) {
  switch (node.type()) {
    case Node::boolean: return node.boolean_value();
    case Node::integer: return node.int_value();
    case Node::unsigned_integer: return node.uint_value();
    case Node::real_number:
      if (std::isfinite(node.real_value())) return node.real_value();
      return Json::object({{"$real", name_of(node.real_value())}});
    case Node::text_string: return std::string(node.text());
    case Node::binary: {
      Json blob = Json::object({{"$blob", base64(node.blob())}});
      if (const auto type = node.extension()) blob["$type"] = *type;
      return blob;
    }
    case Node::list: {
      Json list = Json::array();
      for (std::size_t i = 0; i < node.size(); ++i) list.push_back(to_json(node.item(i)));
      return list;
    }
    case Node::map: return map_to_json(node);
    default: return nullptr;
  }
}

Document from_json(std::string_view text) {
  const Json json = parsed(text);
  return Document::build([&](Writer out) { write(out, json, 0); });
}

std::string to_text(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cairn::hosting

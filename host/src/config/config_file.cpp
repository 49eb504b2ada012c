// The one file that knows the TOML parser.
#include "config_file.hpp"

#include "diagnostics.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

namespace cairn::hosting {

namespace {

// The parser bounds the nesting of values itself, but not that of dotted keys, and frees what it
// built recursively: a key of a million parts would overflow the stack. Three parts are the most in
// use.
constexpr std::size_t most_key_parts = 16;
// Each costs another parse.
constexpr int most_redefinitions = 16;

// Walks over `text` as TOML's lexer does, as far as it is well-formed, and returns where a key
// becomes too long, if one does.
class LongKeySearch {
 public:
  explicit LongKeySearch(const std::shared_ptr<const ConfigSource>& source)
      : source_(source), text_(source->text) {}

  std::optional<Origin> run() {
    std::size_t parts = 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        skip_to_line_end();
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        if (c == '.') {
          if (++parts > most_key_parts) return here();
        } else if (std::string_view("=,[]{}\n").find(c) != std::string_view::npos) {
          parts = 1;
        }
        step();
      }
    }
    return std::nullopt;
  }

 private:
  void step() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_begin_ = at_;
    }
  }
  void skip_to_line_end() {
    while (at_ < text_.size() && text_[at_] != '\n') ++at_;
  }
  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool multiline = text_.substr(at_, 3) == three;
    at_ += multiline ? 3 : 1;
    while (at_ < text_.size()) {
      if (multiline ? text_.substr(at_, 3) == three : text_[at_] == quote) {
        at_ += multiline ? 3 : 1;
        while (multiline && at_ < text_.size() && text_[at_] == quote) ++at_;  // """ok"""""
        return;
      }
      if (!multiline && text_[at_] == '\n') return;  // not well-formed: the parser will say so
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) step();
      step();
    }
  }
  Origin here() const {
    return {source_, line_, static_cast<std::uint32_t>(at_ - line_begin_ + 1)};
  }

  const std::shared_ptr<const ConfigSource>& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::uint32_t line_ = 1;
};

class TreeReader {
 public:
  TreeReader(const std::shared_ptr<const ConfigSource>& source, Findings& findings)
      : source_(source), findings_(findings) {}

  ConfigTable table(const toml::table& from) {
    std::vector<std::pair<const toml::key*, const toml::node*>> pairs;
    for (const auto& [key, node] : from) pairs.emplace_back(&key, &node);
    const auto place = [](const auto& pair) {  // the parser sorts by name
      const toml::source_position begin = pair.first->source().begin;
      return std::pair(begin.line, begin.column);
    };
    std::stable_sort(pairs.begin(), pairs.end(),
                     [&](const auto& a, const auto& b) { return place(a) < place(b); });
    std::vector<ConfigEntry> entries;
    for (const auto& [key, node] : pairs) {
      if (auto read = value(*node)) {
        entries.push_back({std::string(key->str()), std::move(*read), origin(key->source())});
      }
    }
    return ConfigTable(std::move(entries));
  }

  Origin origin(const toml::source_region& region) const {
    return {source_, region.begin.line, region.begin.column};
  }

 private:
  std::optional<ConfigValue> value(const toml::node& node) {
    const auto placed = [&](auto&& read) {
      return ConfigValue(std::forward<decltype(read)>(read)).at(origin(node.source()));
    };
    switch (node.type()) {
      case toml::node_type::table: return placed(table(*node.as_table()));
      case toml::node_type::array: return placed(list(*node.as_array()));
      case toml::node_type::string: return placed(node.as_string()->get());
      case toml::node_type::integer: return placed(node.as_integer()->get());
      case toml::node_type::floating_point: return placed(node.as_floating_point()->get());
      case toml::node_type::boolean: return placed(node.as_boolean()->get());
      default: break;
    }
    add_error(findings_, origin(node.source()), "dates and times are not used here",
              "put it between quotes if a text is meant");
    return std::nullopt;
  }

  ConfigValue::List list(const toml::array& from) {
    ConfigValue::List result;
    for (const toml::node& item : from) {
      if (auto read = value(item)) result.push_back(std::move(*read));
    }
    return result;
  }

  const std::shared_ptr<const ConfigSource>& source_;
  Findings& findings_;
};

// The parser's sentences begin "Error while parsing key-value pair: "; the part that helps comes
// after.
std::string plain(std::string_view description) {
  if (description.starts_with("Error while parsing ")) {
    const std::size_t end = description.find(": ");
    if (end != std::string_view::npos) description.remove_prefix(end + 2);
  }
  if (description.starts_with("unescaped control characters")) {
    return "a text must end on the line it began on, and contain no control characters";
  }
  return std::string(description.substr(0, description.find(" (TOML_")));
}

// Overwrites, with spaces, a line of `text` (from 1), and all lines up to the next table if it begins
// one: so that the rest can be read although it defines a name twice. False: there was nothing.
bool blank_out(std::string& text, std::uint32_t line) {
  std::size_t at = 0;
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string::npos) return false;
    at = end + 1;
  }
  const auto begins_table = [&](std::size_t line_begin) {
    const std::size_t first = text.find_first_not_of(" \t", line_begin);
    return first != std::string::npos && text[first] == '[';
  };
  const bool whole_table = begins_table(at);
  bool found = false;
  do {
    for (; at < text.size() && text[at] != '\n'; ++at) {
      found = found || text[at] != ' ';
      text[at] = ' ';
    }
    if (at < text.size()) ++at;
  } while (whole_table && at < text.size() && !begins_table(at));
  return found;
}

std::string remedy_for(std::string_view description) {
  if (description.find("redefine") != std::string_view::npos) {
    return "each name can be defined only once; merge the two, or rename one";
  }
  if (description.find("utf-8") != std::string_view::npos ||
      description.find("UTF-8") != std::string_view::npos) {
    return "save the file as UTF-8";
  }
  return {};
}

}  // namespace

std::optional<ConfigTable> parse_toml(const std::shared_ptr<const ConfigSource>& source,
                                      Findings& findings) {
  if (const auto origin = LongKeySearch(source).run()) {
    add_error(findings, *origin,
              "a key of more than " + std::to_string(most_key_parts) + " parts is not read");
    return std::nullopt;
  }
  TreeReader reader(source, findings);
  std::string text = source->text;
  int redefined = 0;
  for (;;) {
    try {
      ConfigTable document = reader.table(toml::parse(std::string_view(text)));
      if (redefined > 0 || !has_errors(findings)) return document;
      return std::nullopt;
    } catch (const toml::parse_error& error) {
      const std::string_view description = error.description();
      const bool redefines = description.find("redefine") != std::string_view::npos;
      // What follows from a part that was taken out is not the author's mistake.
      if (redefined > 0 && !redefines) return std::nullopt;
      add_error(findings, reader.origin(error.source()), "this is not TOML: " + plain(description),
                remedy_for(description));
      if (!redefines || ++redefined > most_redefinitions) return std::nullopt;
      if (!blank_out(text, error.source().begin.line)) return std::nullopt;
    }
  }
}

}  // namespace cairn::hosting

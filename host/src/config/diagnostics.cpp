#include "diagnostics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace cairn {

namespace {

constexpr std::size_t longest_name_shown = 80;  // bytes
constexpr std::size_t most_findings_shown = 100;
constexpr std::size_t longest_line_shown = 120;  // characters

// Bytes of the well-formed UTF-8 character that `text` begins with, or 0.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) >= 0xa0)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first < 0xf5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)) return 0;
    return 4;
  }
  return 0;
}

// A terminal must not obey what stands in a file.
bool is_control(std::string_view character) {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;  // C1
}

// Calls `each(character)`; a byte that is not UTF-8 comes as an empty one.
template <class Each>
void for_each_character(std::string_view text, Each each) {
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    each(text.substr(0, size));
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

// One character of the result for one of `text`, so that columns stay right.
std::string printable_line(std::string_view text) {
  std::string result;
  for_each_character(text, [&](std::string_view character) {
    if (character.empty() || is_control(character)) {
      result += character == "\t" ? '\t' : '?';
    } else {
      result += character;
    }
  });
  return result;
}

std::string_view line_of(std::string_view text, std::uint32_t line) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);  // a byte order mark takes no column
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// Characters [from, to) of `text`.
std::string_view slice(std::string_view text, std::size_t from, std::size_t to) {
  std::size_t index = 0, begin = text.size(), end = text.size(), at = 0;
  for_each_character(text, [&](std::string_view character) {
    if (index == from) begin = at;
    if (index == to) end = at;
    at += std::max<std::size_t>(character.size(), 1);
    ++index;
  });
  return text.substr(std::min(begin, end), end - std::min(begin, end));
}

// The source line and a caret under its column.
std::string excerpt(const Origin& origin) {
  const std::string_view whole = line_of(origin.source->text, origin.line);
  if (whole.empty() || hosting::seems_secret(whole)) return {};
  std::size_t column = origin.column;  // of what is shown, from 1
  std::size_t first = 0;
  if (column > longest_line_shown * 3 / 4) {
    first = column - longest_line_shown / 2;
    column -= first;
  }
  const std::string line = printable_line(slice(whole, first, first + longest_line_shown));
  const std::string number = std::to_string(origin.line);

  std::string text = "  " + number + " | " + line + '\n';
  if (column == 0) return text;
  text += std::string(number.size() + 2, ' ') + " | ";
  std::size_t index = 1;
  for_each_character(line, [&](std::string_view character) {
    if (index++ < column) text += character == "\t" ? '\t' : ' ';
  });
  return text + "^\n";
}

std::string escaped(std::string_view text) {
  std::string result;
  for_each_character(text, [&](std::string_view character) {
    if (!character.empty() && !is_control(character)) {
      result += character;
    } else if (character == "\n") {
      result += "\\n";
    } else if (character == "\t") {
      result += "\\t";
    } else if (character.empty()) {
      result += "\\?";
    } else {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\x%02x",
                    static_cast<unsigned>(static_cast<unsigned char>(character.back())));
      result += code.data();
    }
  });
  return result;
}

}  // namespace

std::string render(const Finding& finding) {
  const Origin& origin = finding.origin;
  std::string text = hosting::position(origin);
  text += finding.severity == Finding::Severity::error ? ": error: " : ": warning: ";
  text += escaped(finding.message) + '\n';
  if (origin.source && origin.line != 0 && finding.shows_source) text += excerpt(origin);
  if (!finding.remedy.empty()) text += "help: " + escaped(finding.remedy) + '\n';
  return text;
}

std::string render(const Findings& findings) {
  std::string text;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    if (i == most_findings_shown) {
      return text + "... and " + std::to_string(findings.size() - i) + " more\n";
    }
    text += render(findings[i]);
  }
  return text;
}

bool has_errors(const Findings& findings) noexcept {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Finding::Severity::error;
  });
}

namespace hosting {

std::string position(const Origin& origin) {
  std::string text = origin.source ? escaped(origin.source->name) : "configuration";
  if (origin.line != 0) {
    text += ':' + std::to_string(origin.line);
    if (origin.column != 0) text += ':' + std::to_string(origin.column);
  }
  return text;
}

void add_error(Findings& findings, const Origin& origin, std::string message, std::string remedy) {
  findings.push_back({Finding::Severity::error, origin, std::move(message), std::move(remedy)});
}

void add_warning(Findings& findings, const Origin& origin, std::string message,
                 std::string remedy) {
  findings.push_back({Finding::Severity::warning, origin, std::move(message), std::move(remedy)});
}

std::string backquoted(std::string_view text) {
  std::string result = "`";
  if (text.size() <= longest_name_shown) {
    result += escaped(text);
  } else {
    result += escaped(slice(text, 0, longest_name_shown)) + "...";
  }
  return result += '`';
}

std::string did_you_mean(std::string_view near) {
  return near.empty() ? std::string() : "did you mean " + backquoted(near) + "?";
}

bool seems_secret(std::string_view line) {
  std::string lower(line);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c; });
  for (const char* word : {"passw", "passphrase", "secret", "token", "credential"}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  // user:password@host
  for (std::size_t at = lower.find(':'); at != std::string::npos; at = lower.find(':', at + 1)) {
    const std::size_t end = std::min(lower.find_first_of("/\"' ", at + 1), lower.size());
    const std::size_t host = lower.find('@', at + 1);
    if (host < end && host > at + 1) return true;
  }
  for (std::size_t at = lower.find("://"); at != std::string::npos;
       at = lower.find("://", at + 3)) {
    const std::size_t end = std::min(lower.find_first_of("/?#\"' ", at + 3), lower.size());
    const std::string_view authority = std::string_view(lower).substr(at + 3, end - at - 3);
    const std::size_t host = authority.rfind('@');
    if (host != std::string_view::npos && authority.substr(0, host).find(':') < host) return true;
  }
  return false;
}

}  // namespace hosting

}  // namespace cairn

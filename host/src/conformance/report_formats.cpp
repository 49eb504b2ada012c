#include "conformance/report_formats.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace cairn::hosting {

namespace {

using Outcome = CaseResult::Outcome;

std::string full_name(const CaseResult& result) {
  return result.component.empty() ? result.name : result.component + " " + result.name;
}

// What a plugin printed may be any bytes. Control characters but line ends become spaces, so that no
// terminal obeys them; what is not UTF-8, or no character of XML's, becomes U+FFFD.
std::string printable(const std::string& text) {
  const nlohmann::json json(text);
  std::string clean =
      nlohmann::json::parse(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  for (char& c : clean) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\n') || c == '\x7f') c = ' ';
  }
  for (const char* const none : {"\xef\xbf\xbe", "\xef\xbf\xbf"}) {
    for (std::size_t at = 0; (at = clean.find(none, at)) != std::string::npos;)
      clean.replace(at, 3, "\xef\xbf\xbd");
  }
  return clean;
}

std::string one_line(const std::string& text) {
  std::string line = printable(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

// For element text and attributes.
std::string xml(const std::string& text) {
  std::string escaped;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\n': escaped += "&#10;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string as_text(const CaseResult& result) {
  const char* const label = result.outcome == Outcome::passed    ? "ok"
                            : result.outcome == Outcome::skipped ? "skipped"
                                                                 : "FAILED";
  std::string text = fmt::format("{:8} {}", label, full_name(result));
  if (result.outcome == Outcome::failed) {
    for (const std::string& message : result.messages)
      text += fmt::format("\n         {}", printable(message));
  } else {
    for (const std::string& message : result.messages)
      text += fmt::format(": {}", printable(message));
  }
  return text + '\n';
}

std::string summary(const ValidationReport& report) {
  std::string text = fmt::format("{} {}: {} passed, {} skipped, {} failed", report.note.id,
                                 report.note.version, report.count(Outcome::passed),
                                 report.count(Outcome::skipped), report.count(Outcome::failed));
  const char* between = ": ";
  for (const CaseResult& result : report.cases) {
    if (result.outcome != Outcome::failed) continue;
    text += between + full_name(result);
    between = ", ";
  }
  return text + '\n';
}

std::string as_json(const ValidationReport& report) {
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
  for (const CaseResult& result : report.cases) {
    cases.push_back({{"component", result.component},
                     {"name", result.name},
                     {"outcome", to_string(result.outcome)},
                     {"messages", result.messages},
                     {"seconds", result.took.count()}});
  }
  const nlohmann::ordered_json json{
      {"file", report.file.string()},
      {"id", report.note.id},
      {"version", report.note.version},
      {"abi", fmt::format("{}.{}", report.note.abi_major, report.note.abi_minor)},
      {"passed", report.count(Outcome::passed)},
      {"skipped", report.count(Outcome::skipped)},
      {"failed", report.count(Outcome::failed)},
      {"cases", cases}};
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string as_tap(const ValidationReport& report) {
  std::string text = fmt::format("TAP version 13\n1..{}\n", report.cases.size());
  std::size_t number = 0;
  for (const CaseResult& result : report.cases) {
    const bool failed = result.outcome == Outcome::failed;
    text += fmt::format("{} {} - {}", failed ? "not ok" : "ok", ++number, full_name(result));
    if (result.outcome == Outcome::skipped)
      text += fmt::format(" # SKIP {}", one_line(result.messages.at(0)));
    text += '\n';
    if (failed) {
      for (const std::string& message : result.messages)
        text += fmt::format("# {}\n", one_line(message));
    }
  }
  return text;
}

std::string as_junit(const ValidationReport& report) {
  double seconds = 0;
  for (const CaseResult& result : report.cases) seconds += result.took.count();
  std::string text = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n",
      xml(report.note.id), report.cases.size(), report.count(Outcome::failed),
      report.count(Outcome::skipped), seconds);
  for (const CaseResult& result : report.cases) {
    text += fmt::format("  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                        xml(result.component.empty() ? report.note.id : result.component),
                        xml(result.name), result.took.count());
    const std::string messages = fmt::format("{}", fmt::join(result.messages, "\n"));
    if (result.outcome == Outcome::failed) {
      text += fmt::format("><failure message=\"{}\"/></testcase>\n", xml(messages));
    } else if (result.outcome == Outcome::skipped) {
      text += fmt::format("><skipped message=\"{}\"/></testcase>\n", xml(messages));
    } else {
      text += "/>\n";
    }
  }
  return text + "</testsuite>\n";
}

}  // namespace cairn::hosting

// Any bytes as JSON, in the dialect that the first one says: read or refused as corrupt, with
// memory in proportion to the input; what was read is written so that it reads as the same; and
// nlohmann-json finds the same texts good and bad.
#include "../../plugins/json/format.hpp"
#include "../support/generated_documents.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>

using namespace cairn;

namespace {

void write_and_read_again(const Entry& document, json::Dialect dialect) {
  std::string text;
  try {
    text = json::write(document.node(), dialect);
  } catch (const Error& error) {
    // Some maps are written as more lists in each other than they were read from.
    if (error.code() != Errc::rejected || dialect != json::Dialect::own) std::abort();
    return;
  }
  const Entry again = json::read(text, nullptr, dialect);
  if (!equal(document.node(), again.node())) std::abort();
}

// Where we mean to differ: words for numbers that JSON does not have, a mark at the start, a zero
// byte (which nlohmann-json takes for the end), and limits.
bool differs_on_purpose(std::string_view text, const std::string& our_error) {
  return text.find_first_of(std::string_view("NI\0", 3)) != std::string_view::npos ||
         text.substr(0, 1) == "\xef" || our_error.find("256") != std::string::npos ||
         our_error.find("double") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const auto dialect = data[0] % 2 == 0 ? json::Dialect::own : json::Dialect::compatible;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string our_error;
  try {
    const Entry document = json::read(text, nullptr, dialect);
    if (document.size() > 51 * size + 256) std::abort();
    write_and_read_again(document, dialect);
  } catch (const Error& error) {
    if (error.code() != Errc::corrupt) std::abort();
    our_error = error.what();
  }
  const bool good = nlohmann::json::accept(text);
  if (good != our_error.empty() && !differs_on_purpose(text, our_error)) std::abort();
  return 0;
}

// What is left of an entry or a document when it was moved: nothing that shows what may be gone.

#include "catch.hpp"

#include <cairn/object.hpp>
#include <cairn/optional_entry.hpp>
#include <cairn/options.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace cairn;

TEST_CASE("an entry that was moved from shows nothing", "[entries]") {
  Entry from = Entry::copy("a text that is long enough to be elsewhere");
  { const Entry to = std::move(from); }
  CHECK(from.bytes().empty());  // NOLINT: that is what is asked

  Entry released = Entry::copy("a text that is long enough to be elsewhere");
  { const Entry adopted = Entry::adopt(released.release()); }
  CHECK(released.bytes().empty());

  Entry object = make_object(std::vector<int>{1, 2});
  { const Entry to = std::move(object); }
  CHECK(object_of<std::vector<int>>(object) == nullptr);  // NOLINT
}

TEST_CASE("shared bytes that were moved from are empty", "[entries]") {
  Bytes from("a text that is long enough to be elsewhere");
  { const Bytes to = std::move(from); }
  CHECK(from.view().empty());  // NOLINT
}

TEST_CASE("an answer that was none is none when it was moved from", "[entries]") {
  OptionalEntry from;
  const OptionalEntry to = std::move(from);
  CHECK_FALSE(from.has_value());  // NOLINT
  CHECK_FALSE(to.has_value());
}

TEST_CASE("a document that was moved from is null", "[documents]") {
  Document from = Document::build([](Writer out) { out.text("text"); });
  { const Document to = std::move(from); }
  CHECK(from.root().is_null());  // NOLINT
  CHECK(from.size() > 0);
  const Document copy = from;
  CHECK(copy.root().is_null());
}

TEST_CASE("a document whose root nobody wrote is null", "[documents]") {
  CHECK(Document::build([](Writer) {}).root().is_null());
}

TEST_CASE("options are read as what they were declared, or not", "[options]") {
  const Document values = Document::build([](Writer out) {
    auto map = out.map(2);
    map.key("nodes").text("a,b");
    map.key("size").integer(-1);
  });
  const Options options(values.root().raw());
  CHECK_THROWS_WITH(options.texts("nodes"), Catch::Contains("expected list, got text"));
  CHECK_THROWS_AS(options.size("size"), Error);
}

// A codec of a built plugin in front of a map, and short words for what goes through it.
//
//     struct Layer : CodecUnderTest { ... CodecUnderTest("msgpack", options) ... };
//     layer.read("\x07").node().int_value();   // 7
//     layer.error_of("\xc1");                  // what it has against that
#pragma once

#include "call_with_text.hpp"
#include "catch.hpp"
#include "component_under_test.hpp"
#include "generated_documents.hpp"
#include "map_backend.hpp"
#include "python_peer.hpp"

#include <concepts>
#include <initializer_list>

struct CodecUnderTest {
  using Options = std::initializer_list<ComponentUnderTest::OptionTexts::value_type>;

  explicit CodecUnderTest(const std::string& name, Options options = {})
      : component(name, options, &store) {}

  /// What the store is given for it.
  std::string written(const cairn::Entry& value) {
    component->set("k", value, {}, CallWithText());
    return std::string(store.entries.at("k").bytes());
  }
  std::string written(const cairn::Document& document) {
    return written(cairn::Entry::of(document));
  }
  template <std::invocable<cairn::Writer> Fill>
  std::string written(Fill fill) {
    return written(cairn::Document::build(fill));
  }

  /// What comes out when the store holds `bytes`.
  cairn::Entry read(std::string_view bytes) {
    store.entries["k"] = cairn::Entry::copy(bytes);
    return component->get("k", CallWithText()).value();
  }
  /// What it writes for what it reads.
  std::string again(std::string_view bytes) {
    component->set("again", read(bytes), {}, CallWithText());
    return std::string(store.entries.at("again").bytes());
  }
  /// "none", or what the Error(corrupt) says.
  std::string error_of(std::string_view bytes) {
    try {
      read(bytes);
      return "none";
    } catch (const cairn::Error& error) {
      CHECK(error.code() == cairn::Errc::corrupt);
      return error.what();
    }
  }

  MapBackend store;
  ComponentUnderTest component;
};

inline std::string repeated(std::size_t times, std::string_view part) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += part;
  return all;
}

/// How many of so many generated documents do not come back equal.
inline int changed_by(CodecUnderTest& codec, int documents, DocumentGenerator generator) {
  int changed = 0;
  for (int i = 0; i < documents; ++i) {
    const cairn::Document document = generator.next();
    codec.component->set("k", cairn::Entry::of(document), {}, cairn::Call());
    if (!equal(codec.component->get("k", cairn::Call())->node(), document.root())) ++changed;
  }
  return changed;
}

/// 3000 documents of ours are read by `peer.py` beside `test_file`, which fails if one is not what it
/// takes it for; returns how many of its 1000 are not written again as they were.
inline int changed_for_python(CodecUnderTest& codec, DocumentGenerator generator,
                              const char* test_file) {
  std::vector<std::string> ours;
  for (int i = 0; i < 3'000; ++i) ours.push_back(codec.written(generator.next()));
  const auto script = std::filesystem::path(test_file).parent_path() / "peer.py";
  const std::vector<std::string> theirs = through_python(std::filesystem::absolute(script), ours);
  REQUIRE(theirs.size() == 1'000);
  int changed = 0;
  for (const std::string& record : theirs) {
    if (codec.again(record) != record) ++changed;
  }
  return changed;
}

// The contract and the doubles, tried on layers made in this file: right ones keep every rule.
#include "catch.hpp"

#include <cairn/key_mapper.hpp>
#include <cairn/testing/contract.hpp>
#include <cairn/testing/slow_backend.hpp>
#include <cairn/value_codec.hpp>

using namespace cairn;
using namespace cairn::testing;

namespace {

struct Suffix final : KeyMapper {
  using KeyMapper::KeyMapper;
  void map_key(Key key, KeyBuffer& out) const override { out.append(key).append("!"); }
};
struct Marked final : ValueCodec {
  using ValueCodec::ValueCodec;
  Entry encode(const Entry& value) const override {
    std::string marked("<");
    return Entry::own(std::move(marked.append(value.bytes())));
  }
  Entry decode(const Entry& stored) const override {
    if (!stored.bytes().starts_with('<')) throw Error(Errc::corrupt, "no mark");
    return Entry::copy(stored.bytes().substr(1));
  }
};
struct Plain final : ProxyBackend {
  using ProxyBackend::ProxyBackend;
};

template <class T>
Subject proxy(std::uint32_t transforms, std::uint32_t accepts = Kinds::any) {
  Subject subject;
  subject.make_over = [](Backend& below) { return std::make_unique<T>(below); };
  subject.traits.transforms = transforms;
  subject.traits.accepts = accepts;
  return subject;
}

void expect_no_violations(const Subject& subject) {
  std::size_t tried = 0;
  for (const Violation& violation : check_contract(subject, 3, [&](const Verdict& verdict) {
         if (verdict.skipped.empty()) ++tried;
       })) {
    FAIL_CHECK(violation.rule << ": " << violation.what);
  }
  CHECK(tried > 20);
}

}  // namespace

TEST_CASE("the reference backend keeps the contract", "[contract]") {
  ManualClock clock;
  Subject subject;
  subject.make = [&] { return std::make_unique<MapBackend>(&clock); };
  subject.clock = &clock;
  expect_no_violations(subject);
}

TEST_CASE("the bases of proxies keep the contract", "[contract]") {
  ManualClock clock;
  for (Subject subject : {proxy<Plain>(Transforms::nothing), proxy<Suffix>(Transforms::key),
                          proxy<Marked>(Transforms::value, Kinds::bytes)}) {
    subject.clock = &clock;
    expect_no_violations(subject);
  }
}

TEST_CASE("a broken rule is told in a sentence", "[contract]") {
  struct Forgetful final : MapBackend {  // keeps the caller's pointer
    void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
      Entry kept = entry;
      if (!entry.owned()) kept = Entry::part_of(entry.bytes(), new detail::Holder<int>(0));
      MapBackend::set(key, kept, options, call);
    }
  };
  Subject subject;
  subject.make = [] { return std::make_unique<Forgetful>(); };
  const std::vector<Violation> violations = check_contract(subject, 1);
  REQUIRE(violations.size() == 2);
  CHECK(violations[0].rule == "payload/borrowed");
  CHECK(violations[0].what ==
        "set kept a pointer into the caller's buffer: a payload without an owner must be copied "
        "(entry.to_owned())");
}

TEST_CASE("a faulty backend fails when it is told to and recovers", "[contract][doubles]") {
  MapBackend map;
  FaultyBackend faulty(map);
  faulty.set("k", Entry::copy("v"), {}, Call());
  faulty.fail_after(1, Errc::timeout);
  CHECK(faulty.get("k", Call())->bytes() == "v");
  CHECK_THROWS_WITH(faulty.get("k", Call()), FaultyBackend::text);
  CHECK_THROWS_AS(faulty.lock("k", std::chrono::seconds(1), Call()), Error);
  faulty.recover();
  CHECK(faulty.get("k", Call()).has_value());
}

TEST_CASE("a recording backend writes down what reaches it", "[contract][doubles]") {
  MapBackend map;
  RecordingBackend recording(map);
  recording.set("k", Entry::copy("v"), {std::chrono::seconds(3)}, Call());
  recording.remove("k", Call());
  const std::vector<RecordedCall> calls = recording.calls();
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].operation == "set");
  CHECK(calls[0].keys == std::vector<std::string>{"k"});
  CHECK(calls[0].entries.at(0).bytes() == "v");
  CHECK(calls[0].ttl == std::chrono::seconds(3));
  CHECK(calls[1].operation == "remove");
}

TEST_CASE("a slow backend gives up at the deadline", "[contract][doubles]") {
  MapBackend map;
  SlowBackend slow(map, std::chrono::hours(1));
  cairn_call raw{};
  raw.size = sizeof raw;
  raw.deadline_ns = (Call::Clock::now() + std::chrono::milliseconds(1)).time_since_epoch().count();
  try {
    slow.get("k", Call(&raw));
    FAIL("an hour is longer than a millisecond");
  } catch (const Error& error) {
    CHECK(error.code() == Errc::timeout);
  }
}

TEST_CASE("a manual clock passes time to whoever asks it", "[contract][doubles]") {
  ManualClock clock;
  const Services services = clock.services("mine");
  const Time before = services.now();
  clock.advance(std::chrono::hours(1));
  CHECK(services.now() - before == std::chrono::hours(1));
  MapBackend map(&clock);
  map.set("k", Entry::copy("v"), {std::chrono::seconds(1)}, Call());
  CHECK(map.get("k", Call()).has_value());
  clock.advance(std::chrono::seconds(1));
  CHECK_FALSE(map.get("k", Call()).has_value());
}

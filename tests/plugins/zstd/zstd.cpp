#include "codec_under_test.hpp"
#include "counted_allocations.hpp"

#include <cairn/extensions/train.h>

#include <zstd.h>

#include <filesystem>
#include <fstream>
#include <thread>

using namespace cairn;
using namespace std::string_literals;

namespace {

constexpr std::string_view magic("\x28\xb5\x2f\xfd", 4);

struct Layer : CodecUnderTest {
  Layer(Options options = {}) : CodecUnderTest("zstd", options) {}

  std::string_view stored(std::string_view payload) {
    component->set("k", Entry::copy(payload), {}, Call());
    return store.entries.at("k").bytes();
  }
  std::string read(std::string_view bytes) {
    return std::string(CodecUnderTest::read(bytes).bytes());
  }
};

bool is_frame(std::string_view bytes) {
  return bytes.substr(0, 4) == magic;
}

// Like a record of some service: much in common with the next one, and something of its own.
std::string record(DocumentGenerator& generator) {
  const auto number = [&] { return std::to_string(generator.below(100'000)); };
  std::string text =
      "{\"id\":" + number() + ",\"name\":\"user-" + number() + "\",\"email\":\"user" + number() +
      "@example.org\",\"address\":{\"street\":\"" + number() +
      " Long Street\",\"city\":\"Springfield\",\"zip\":\"" + number() + "\"},\"roles\":[\"reader\"";
  for (std::uint64_t i = generator.below(4); i > 0; --i) text += ",\"role-" + number() + "\"";
  return text + "],\"active\":true,\"balance\":" + number() + ".25,\"score\":" + number() + "}";
}

struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/cairn-zstd-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }
  std::filesystem::path path;
};

std::string trained_dictionary(Backend& component, std::uint64_t seed) {
  const auto* extension =
      static_cast<const cairn_train*>(component.extension(CAIRN_TRAIN_EXTENSION));
  REQUIRE(extension != nullptr);
  DocumentGenerator generator(seed);
  std::vector<std::string> samples;
  for (int i = 0; i < 2'000; ++i) samples.push_back(record(generator));
  std::vector<cairn_bytes> views;
  for (const std::string& sample : samples) views.push_back({sample.data(), sample.size()});
  cairn_entry raw{};
  REQUIRE(extension->train(nullptr, views.data(), views.size(), 8192, &raw) == CAIRN_OK);
  return std::string(Entry::adopt(raw).bytes());
}

}  // namespace

TEST_CASE("payloads come back, compressed or not", "[zstd]") {
  for (const char* level : {"-7", "1", "3", "19"}) {
    Layer layer{{"level", level}, {"min_size", "0B"}, {"checksum", "true"}};
    DocumentGenerator generator(11);
    for (int i = 0; i < 50; ++i) {
      const std::string random = generator.bytes(5'000);
      const std::string text =
          random.substr(0, random.size() / 100 + 1) + std::string(random.size(), 'x');
      CHECK((layer.read(layer.stored(random)) == random));
      CHECK((layer.read(layer.stored(text)) == text));
    }
    CHECK(layer.read(layer.stored("")).empty());
  }
}

TEST_CASE("short payloads, and those that gain little, are stored as they are", "[zstd]") {
  Layer layer;
  const std::string repetitive(2'000, 'x');
  CHECK(is_frame(layer.stored(repetitive)));
  CHECK(layer.stored(repetitive.substr(0, 1'023)) == repetitive.substr(0, 1'023));
  CHECK(is_frame(layer.stored(repetitive.substr(0, 1'024))));

  std::string random(4'000, '\0');
  DocumentGenerator generator(12);
  for (char& byte : random) byte = static_cast<char>(generator.random());
  CHECK((layer.stored(random) == random));
  // 4 000 random bytes and 300 others shrink by about 7 %: enough only if we say so.
  const std::string somewhat = random + std::string(300, 'x');
  CHECK_FALSE(is_frame(layer.stored(somewhat)));
  Layer eager{{"min_gain", "5%"}};
  CHECK(is_frame(eager.stored(somewhat)));

  const Document stats = layer.component->stats(Call());
  CHECK(stats.root()["compressed"].int_value() == 2);
  CHECK(stats.root()["left_alone"].int_value() == 3);
  CHECK(stats.root()["payload_bytes"].int_value() > stats.root()["stored_bytes"].int_value());
}

TEST_CASE("a payload that begins like a frame is never mistaken for one", "[zstd]") {
  Layer layer;
  for (const std::string& payload : {std::string(magic), std::string(magic) + "short",
                                     std::string(magic) + std::string(5'000, '\xa5')}) {
    const std::string_view stored = layer.stored(payload);
    CHECK(is_frame(stored));
    CHECK((layer.read(stored) == payload));
  }
  const std::string frame(layer.stored(std::string(3'000, 'y')));  // a whole frame, as a payload
  CHECK((layer.read(layer.stored(frame)) == frame));
  const std::string skippable = "\x50\x2a\x4d\x18 is magic too, but not a frame's";
  CHECK(layer.stored(skippable) == skippable);
  CHECK(layer.read(skippable) == skippable);
}

TEST_CASE("frames are plain zstd", "[zstd]") {
  Layer layer;
  const std::string payload(10'000, 'z');
  const std::string frame(layer.stored(payload));
  std::string back(payload.size(), '\0');
  CHECK(ZSTD_decompress(back.data(), back.size(), frame.data(), frame.size()) == payload.size());
  CHECK((back == payload));
}

TEST_CASE("damaged frames are corrupt, and never another payload", "[zstd]") {
  Layer layer{{"min_size", "0B"}, {"checksum", "true"}};
  DocumentGenerator generator(13);
  const std::string payload = record(generator) + record(generator) + record(generator);
  const std::string frame(layer.stored(payload));
  REQUIRE(is_frame(frame));
  for (std::size_t size = 4; size < frame.size(); ++size) {
    REQUIRE(layer.error_of(frame.substr(0, size)) != "none");
  }
  int noticed = 0;
  for (std::size_t i = 4; i < frame.size(); ++i) {
    std::string damaged = frame;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    if (layer.error_of(damaged) != "none") {
      ++noticed;
    } else {  // some bits mean nothing
      REQUIRE((layer.read(damaged) == payload));
    }
  }
  CHECK(noticed > static_cast<int>(frame.size()) * 9 / 10);
  CHECK(layer.error_of(frame + "x") != "none");
}

TEST_CASE("a bomb is refused before it goes off", "[zstd]") {
  Layer layer{{"max_size", "1MiB"}};
  const auto compressed = [](std::size_t size, bool with_size) {
    const std::string zeros(size, '\0');
    std::string frame(ZSTD_compressBound(size), '\0');
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
    frame.resize(ZSTD_compress2(context, frame.data(), frame.size(), zeros.data(), zeros.size()));
    ZSTD_freeCCtx(context);
    return frame;
  };
  for (const bool with_size : {true, false}) {
    CHECK_THAT(layer.error_of(compressed((1 << 20) + 1, with_size)),
               Catch::Contains("the frame holds more than max_size, 1048576 bytes"));
    CHECK(layer.read(compressed(1 << 20, with_size)).size() == 1 << 20);
  }
  // A header alone that promises a mebibyte is a lie, too.
  const std::string liar = std::string(magic) + "\xa0\x00\x00\x10\x00"s + "\x01\x00\x00"s;
  CHECK(layer.error_of(liar) == "zstd: the frame says it holds more than it can");
  // What could not be read back is not compressed.
  const std::string longer((1 << 20) + 1, 'x');
  CHECK((layer.stored(longer) == longer));
}

TEST_CASE("a dictionary makes small records small, and names itself in the frame", "[zstd]") {
  const TemporaryFolder folder;
  Layer plain{{"min_size", "0B"}, {"min_gain", "0%"}};
  const std::string path = folder.write("users.dict", trained_dictionary(*plain.component, 14));
  Layer with{{"min_size", "0B"}, {"dictionary", path}};

  DocumentGenerator generator(15);
  std::size_t plain_size = 0;
  std::size_t size = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string payload = record(generator);
    plain_size += plain.stored(payload).size();
    const std::string frame(with.stored(payload));
    size += frame.size();
    REQUIRE((with.read(frame) == payload));
  }
  CHECK(2 * size < plain_size);

  const std::string frame(with.stored(record(generator)));
  CHECK_THAT(plain.error_of(frame), Catch::Contains("the frame needs dictionary"));
}

TEST_CASE("dictionaries can be rotated while old entries live", "[zstd]") {
  const TemporaryFolder folder;
  Layer plain{{"min_size", "0B"}};
  const std::string first = folder.write("1.dict", trained_dictionary(*plain.component, 16));
  const std::string second = folder.write("2.dict", trained_dictionary(*plain.component, 17));
  Layer before{{"min_size", "0B"}, {"dictionary", first}};
  Layer after{{"min_size", "0B"}, {"dictionary", second}, {"older_dictionaries", first}};

  DocumentGenerator generator(18);
  const std::string payload = record(generator);
  const std::string old_frame(before.stored(payload));
  const std::string new_frame(after.stored(payload));
  CHECK(ZSTD_getDictID_fromFrame(old_frame.data(), old_frame.size()) !=
        ZSTD_getDictID_fromFrame(new_frame.data(), new_frame.size()));
  CHECK((after.read(old_frame) == payload));
  CHECK((after.read(new_frame) == payload));
  CHECK_THAT(before.error_of(new_frame), Catch::Contains("the frame needs dictionary"));
}

TEST_CASE("dictionaries that are cut off, and frames that name another, are told apart", "[zstd]") {
  const TemporaryFolder folder;
  Layer plain{{"min_size", "0B"}};
  const std::string whole = trained_dictionary(*plain.component, 19);
  DocumentGenerator generator(20);
  const std::string payload = record(generator);
  Layer with{{"min_size", "0B"}, {"dictionary", folder.write("whole", whole)}};
  const std::string frame(with.stored(payload));

  // Cut off in its tables or before: refused. In the content behind them: another dictionary of the same
  // id, by which the checksum notices.
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{8}, std::size_t{20}}) {
    const std::string path = folder.write("cut", whole.substr(0, size));
    CHECK_THROWS_AS((Layer{{"dictionary", path}}), Error);
  }
  Layer careful{
      {"min_size", "0B"}, {"checksum", "true"}, {"dictionary", folder.write("whole", whole)}};
  const std::string checked(careful.stored(payload));
  Layer cut{{"dictionary", folder.write("shorter", whole.substr(0, whole.size() / 2))}};
  CHECK(cut.error_of(checked) != "none");

  std::string other_id = frame;  // the id stands behind the magic and the descriptor
  other_id[5] = static_cast<char>(other_id[5] ^ 1);
  CHECK_THAT(with.error_of(other_id), Catch::Contains("the frame needs dictionary"));
  CHECK_THAT(plain.error_of(frame), Catch::Contains("the frame needs dictionary"));
}

TEST_CASE("a dictionary that is none is a configuration error that names the file", "[zstd]") {
  const TemporaryFolder folder;
  const auto error_of = [](const std::string& path) -> std::string {
    try {
      Layer layer{{"dictionary", path}};
      return "none";
    } catch (const Error& error) {
      CHECK(error.code() == Errc::config);
      return error.what();
    }
  };
  CHECK(error_of("/nowhere/users.dict") ==
        "zstd: `dictionary` \"/nowhere/users.dict\": No such file or directory");
  const std::string text = folder.write("text", "not a dictionary");
  CHECK(error_of(text) ==
        "zstd: `dictionary` \"" + text +
            "\": not a zstd dictionary with an id; make one with `cairn train-dictionary` or "
            "`zstd --train`");
}

TEST_CASE("samples that make no dictionary are refused with advice", "[zstd]") {
  Layer layer;
  const auto* extension =
      static_cast<const cairn_train*>(layer.component->extension(CAIRN_TRAIN_EXTENSION));
  REQUIRE(extension != nullptr);
  const cairn_bytes samples[] = {{"a", 1}, {"b", 1}};
  cairn_call call{};
  call.size = sizeof call;
  cairn_entry raw{};
  CHECK(extension->train(&call, samples, 2, 4096, &raw) == CAIRN_REJECTED);
  CHECK_THAT(std::string(call.error_text),
             Catch::Contains("2 samples of 2 bytes in all make no dictionary"));
}

TEST_CASE("a hit through zstd is one allocation", "[zstd]") {
  Layer layer;
  const std::string payload(5'000, 'x');
  layer.stored(payload);
  layer.component->get("k", Call());  // makes the context
  const long before = allocations;
  CHECK(layer.component->get("k", Call())->size() == payload.size());
  CHECK(allocations - before == 1);
}

TEST_CASE("many threads share the contexts", "[zstd]") {
  struct Null final : Backend {
    OptionalEntry get(Key, Call) override { return frame; }
    void set(Key, const Entry& entry, const SetOptions&, Call) override { written += entry.size(); }
    bool remove(Key, Call) override { return false; }
    Entry frame;
    std::atomic<std::size_t> written{0};
  } store;
  ComponentUnderTest zstd("zstd", {}, &store);
  MapBackend map;
  ComponentUnderTest maker("zstd", {}, &map);
  const std::string payload(20'000, 'q');
  maker->set("k", Entry::copy(payload), {}, Call());
  store.frame = map.entries["k"];

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        zstd->set("k", Entry::borrow(payload), {}, Call());
        if (zstd->get("k", Call())->bytes() != payload) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(store.written == 8 * 300 * store.frame.size());
}

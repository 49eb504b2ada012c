// A small struct of ten fields to bytes and back: ours (object, document, bytes) beside msgpack-cxx
// and nlohmann-json, each as its documentation has it. msgpack-cxx packs a map of the same names,
// so that the bytes are the same.
//
//     bench-codecs --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
#include "../../../plugins/json/format.hpp"
#include "../../../plugins/msgpack/format.hpp"

#include <cairn/object.hpp>

#include <benchmark/benchmark.h>
#include <msgpack.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

struct User {
  std::int64_t id = 1234567;
  std::string name = "Ada Lovelace";
  std::string email = "ada@example.org";
  int age = 36;
  double balance = 12.5;
  bool active = true;
  std::int64_t created = 1700000000000;
  std::string city = "London";
  std::vector<int> scores{1, 22, 333};
  unsigned flags = 70000;

  bool operator==(const User&) const = default;
  MSGPACK_DEFINE_MAP(id, name, email, age, balance, active, created, city, scores, flags)
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(User, id, name, email, age, balance, active, created, city, scores,
                                 flags)
};
CAIRN_FIELDS(User, id, name, email, age, balance, active, created, city, scores, flags);

// What a codec does when it is given an object, and what the region does with what a codec gives
// it.
std::string_view ours_encoded(const cairn::Entry& object, cairn::Entry& keep) {
  keep = cairn::Entry(cairn::msgpack::write(object.to_document().node()));
  return keep.bytes();
}

void check(bool right) {
  if (!right) std::abort();
}

const cairn::Entry& object() {
  static const cairn::Entry entry = cairn::make_object(User());
  return entry;
}
const cairn::Entry& msgpack_bytes() {
  static const cairn::Entry bytes = [] {
    cairn::Entry keep;
    ours_encoded(object(), keep);
    msgpack::sbuffer theirs;
    msgpack::pack(theirs, User());
    check(keep.bytes() == std::string_view(theirs.data(), theirs.size()));
    return keep;
  }();
  return bytes;
}

void encode_ours_msgpack(benchmark::State& state) {
  for (auto _ : state) {
    cairn::Entry keep;
    benchmark::DoNotOptimize(ours_encoded(object(), keep));
  }
}
void encode_msgpack_cxx(benchmark::State& state) {
  const User user;
  for (auto _ : state) {
    msgpack::sbuffer buffer;
    msgpack::pack(buffer, user);
    benchmark::DoNotOptimize(buffer.data());
  }
}
// As above, but with the result in a string of its own length, as a store would keep it.
void encode_msgpack_cxx_kept(benchmark::State& state) {
  const User user;
  for (auto _ : state) {
    msgpack::sbuffer buffer;
    msgpack::pack(buffer, user);
    const cairn::Entry kept = cairn::Entry::copy({buffer.data(), buffer.size()});
    benchmark::DoNotOptimize(kept.bytes());
  }
}
void encode_ours_json(benchmark::State& state) {
  for (auto _ : state) {
    const cairn::Entry document = object().to_document();
    const cairn::Entry text =
        cairn::Entry::copy(cairn::json::write(document.node(), cairn::json::Dialect::own));
    benchmark::DoNotOptimize(text.bytes());
  }
}
void encode_nlohmann(benchmark::State& state) {
  const User user;
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json(user).dump());
}
void encode_nlohmann_msgpack(benchmark::State& state) {
  const User user;
  for (auto _ : state) benchmark::DoNotOptimize(nlohmann::json::to_msgpack(nlohmann::json(user)));
}

void decode_ours_msgpack(benchmark::State& state) {
  const cairn::Entry& bytes = msgpack_bytes();
  for (auto _ : state) {
    const cairn::Entry document = cairn::msgpack::read(bytes.bytes(), bytes.raw().owner);
    const auto user = cairn::read<User>(document.node());
    benchmark::DoNotOptimize(user);
    check(user.flags == 70000);
  }
}
// Without the struct: what the layer itself does.
void decode_ours_msgpack_document(benchmark::State& state) {
  const cairn::Entry& bytes = msgpack_bytes();
  for (auto _ : state) {
    benchmark::DoNotOptimize(cairn::msgpack::read(bytes.bytes(), bytes.raw().owner));
  }
}
void decode_msgpack_cxx(benchmark::State& state) {
  const std::string_view bytes = msgpack_bytes().bytes();
  for (auto _ : state) {
    const msgpack::object_handle handle = msgpack::unpack(bytes.data(), bytes.size());
    const auto user = handle.get().as<User>();
    benchmark::DoNotOptimize(user);
    check(user.flags == 70000);
  }
}
void decode_ours_json(benchmark::State& state) {
  const cairn::Entry text = cairn::Entry::copy(
      cairn::json::write(object().to_document().node(), cairn::json::Dialect::own));
  for (auto _ : state) {
    const cairn::Entry document =
        cairn::json::read(text.bytes(), text.raw().owner, cairn::json::Dialect::own);
    const auto user = cairn::read<User>(document.node());
    benchmark::DoNotOptimize(user);
    check(user.flags == 70000);
  }
}
void decode_nlohmann(benchmark::State& state) {
  const std::string text = nlohmann::json(User()).dump();
  for (auto _ : state) {
    const auto user = nlohmann::json::parse(text).get<User>();
    benchmark::DoNotOptimize(user);
    check(user.flags == 70000);
  }
}
void decode_nlohmann_msgpack(benchmark::State& state) {
  const std::string_view bytes = msgpack_bytes().bytes();
  for (auto _ : state) {
    const auto user = nlohmann::json::from_msgpack(bytes).get<User>();
    benchmark::DoNotOptimize(user);
    check(user.flags == 70000);
  }
}

BENCHMARK(encode_ours_msgpack);
BENCHMARK(encode_msgpack_cxx);
BENCHMARK(encode_msgpack_cxx_kept);
BENCHMARK(encode_nlohmann_msgpack);
BENCHMARK(encode_ours_json);
BENCHMARK(encode_nlohmann);
BENCHMARK(decode_ours_msgpack);
BENCHMARK(decode_ours_msgpack_document);
BENCHMARK(decode_msgpack_cxx);
BENCHMARK(decode_nlohmann_msgpack);
BENCHMARK(decode_ours_json);
BENCHMARK(decode_nlohmann);

}  // namespace

// Replies taken apart, whatever a server sends and however it is cut.

#include "../../../plugins/redis/resp.hpp"
#include "catch.hpp"

#include <random>

using cairn::Errc;
using cairn::Error;
using cairn::redis::Reply;
using cairn::redis::ReplyReader;

namespace {

// What the reader makes of `bytes` in pieces: how many replies, and whether it refuses the rest.
struct Outcome {
  int replies = 0;
  bool refused = false;
};
Outcome read(std::string_view bytes, std::size_t piece, std::size_t most = 1 << 20) {
  ReplyReader reader(most);
  Outcome outcome;
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      const std::string_view part = bytes.substr(at, piece);
      reader.feed(part.data(), part.size());
      while (reader.next()) ++outcome.replies;
    }
  } catch (const Error& error) {
    CHECK(error.code() == Errc::corrupt);
    outcome.refused = true;
  } catch (const std::bad_alloc&) {
    outcome.refused = true;
  }
  return outcome;
}

}  // namespace

TEST_CASE("an answer that is larger than any value is refused before it is all there", "[redis]") {
  const std::string endless = "$900000000000\r\n" + std::string(100'000, 'x');
  CHECK(read(endless, 4096, 50'000).refused);
  CHECK_FALSE(read("$40000\r\n" + std::string(40'000, 'x') + "\r\n", 4096, 50'000).refused);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "$4000\r\n" + std::string(4'000, 'x') + "\r\n";
  CHECK(read(many, 10'000, 50'000).replies == 100);  // what is taken is not counted
}

TEST_CASE("an error is quoted without the secret, whatever that is", "[redis]") {
  const auto quoted = [](std::string_view secret, std::string_view text) {
    Reply error;
    error.type = Reply::Type::error;
    error.bytes = cairn::Entry::copy(text);
    return cairn::redis::text_without(secret, error);
  };
  CHECK(quoted("", "ERR no") == "ERR no");
  CHECK(quoted("abc", "ERR abc or abcabc") == "ERR *** or ******");
  CHECK(quoted("*", "ERR **") == "ERR ******");
  CHECK(quoted("x", "ERR unknown command 'AUTH', with args beginning with: 'x' ") ==
        "ERR unknown command 'AUTH'");
}

TEST_CASE("lists in lists to any depth, and of any length, are refused", "[redis]") {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "*1\r\n";
  CHECK(read(deep, deep.size()).refused);
  CHECK(read("*2147483647\r\n", 64).refused);
  CHECK(read("*1048576\r\n", 64).refused);
  CHECK(read("*-2\r\n", 64).refused);
  CHECK_FALSE(read("*-1\r\n*0\r\n", 64).refused);
}

TEST_CASE("the kinds of RESP3 are refused, for nobody asked for them", "[redis]") {
  for (const char* text : {"_\r\n", "#t\r\n", ",1.5\r\n", "(12345678901234567890\r\n",
                           "!5\r\nERR x\r\n", "=7\r\ntxt:abc\r\n", "%1\r\n+a\r\n+b\r\n",
                           "~1\r\n+a\r\n", ">2\r\n+message\r\n+x\r\n", "|1\r\n+a\r\n+b\r\n"}) {
    INFO(text);
    CHECK(read(text, 1).refused);
    CHECK(read(text, 100).refused);
  }
}

TEST_CASE("random bytes that look like replies are read or refused, and cost no more than they are",
          "[redis]") {
  std::mt19937 random(7);
  const std::string_view alphabet = "*$+-:0123456789\r\n\r\n\r\nabc";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (std::size_t size = random() % 60; bytes.size() < size;) {
      bytes += alphabet[random() % alphabet.size()];
    }
    const Outcome whole = read(bytes, bytes.size() + 1);
    const Outcome cut = read(bytes, 1 + random() % 4);
    CHECK(whole.replies == cut.replies);
    CHECK(whole.refused == cut.refused);
  }
}

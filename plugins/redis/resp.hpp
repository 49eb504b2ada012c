// The wire language of Redis (RESP2): commands out, replies in.
//
// Commands are written straight into one buffer, however many there are; hiredis' own formatter
// makes one allocation for each and would have to be copied again. Replies are taken apart by
// hiredis' reader, whose object functions put a value directly into the bytes that the caller will
// own.
//
// Threads: none of these may be shared without a lock.
#pragma once

#include <cairn/entry.hpp>
#include <cairn/error.hpp>

#include <hiredis/read.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::redis {

/// What Redis holds under one key at most, unless it is told otherwise.
inline constexpr std::size_t largest_value = std::size_t{512} << 20;

/// Commands, ready to be sent. Short ones need no allocation.
class CommandBuffer {
 public:
  /// A whole command. Errors: std::bad_alloc.
  CommandBuffer& add(std::initializer_list<std::string_view> words) {
    begin(words.size());
    for (const std::string_view word : words) this->word(word);
    return *this;
  }
  /// A command of `words` words, which follow one by one.
  CommandBuffer& begin(std::size_t words) {
    header('*', words);
    return *this;
  }
  CommandBuffer& word(std::string_view text) {
    header('$', text.size());
    append(text);
    append("\r\n");
    return *this;
  }
  void reserve(std::size_t bytes) {
    if (bytes > sizeof short_) move_to_heap(bytes);
  }

  std::size_t size() const noexcept { return long_.empty() ? size_ : long_.size(); }
  std::string_view bytes() const noexcept {
    return long_.empty() ? std::string_view(short_, size_) : std::string_view(long_);
  }

 private:
  void header(char kind, std::size_t number);
  void append(std::string_view text);
  void move_to_heap(std::size_t capacity);

  std::string long_;  // everything, once it does not fit below
  std::size_t size_ = 0;
  char short_[256];
};

/// One answer of the server, or why there is none.
struct Reply {
  enum class Type : std::uint8_t {
    none,
    nil,
    status,
    error,  ///< the server said no: `bytes` says why
    integer,
    string,
    array,
    failure,  ///< the server was not heard: `code` and `bytes` say why
  };

  Type type = Type::none;
  Errc code = Errc::internal;  ///< of a failure
  int system_error = 0;        ///< of a failure
  std::int64_t integer = 0;
  Entry bytes;               ///< of a string, status, error or failure
  std::vector<Reply> items;  ///< of an array

  bool is(Type wanted) const noexcept { return type == wanted; }
  bool is_nil() const noexcept { return type == Type::nil; }
  bool is_string() const noexcept { return type == Type::string; }
  std::string_view text() const noexcept { return bytes.bytes(); }

  /// `server`: who was not heard, or empty. What could not be done is said even when there is no
  /// memory to say it well.
  static Reply failure(Errc code, std::string_view server, std::string_view why,
                       int system_error = 0) noexcept;
};

/// What an error reply ("-OOM command not allowed...") means to the caller.
Errc code_of_error(std::string_view text) noexcept;
/// What an error reply says, without a secret that the command had: some servers repeat it.
std::string text_without(std::string_view secret, const Reply& error);
/// The same, and what to do about it, where that can be told.
std::string explained(std::string_view secret, const Reply& error);
/// Throws if the reply is an error or a failure.
void throw_if_refused(const Reply& reply);
/// Throws Error(corrupt) about a reply that the command cannot have.
[[noreturn]] void unexpected(const Reply& reply, const char* command);

/// Bytes in, replies out, in order.
class ReplyReader {
 public:
  /// Refuses an answer of more bytes than `most`.
  explicit ReplyReader(std::size_t most = largest_value + 64 * 1024);

  /// Errors: std::bad_alloc; Error(corrupt) if an answer has too many bytes.
  void feed(const char* bytes, std::size_t size);
  /// The next whole reply, if it has arrived. Errors: Error(corrupt) for what is not RESP; the
  /// reader is of no use afterwards.
  std::optional<Reply> next();

 private:
  struct Free {
    void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
  };
  const std::size_t most_;
  Reply root_;  // where the reader's object functions write
  std::unique_ptr<redisReader, Free> reader_;
};

}  // namespace cairn::redis

// One connection to one server, through libmemcached.
//
// Never with BUFFER_REQUESTS: without NOREPLY, libmemcached 1.1 ends the program with it.
// Threads: one at a time. Outcomes: libmemcached's codes; see Verdict.
#pragma once

#include "settings.hpp"

#include <cairn/error.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cairn::memcached {

/// What a code says about the connection, and so about what to do.
enum class Verdict {
  good,     // the server answered, yes or no
  refused,  // it answered that it will not: too large, out of memory, not allowed
  lost,     // the connection is gone
  late,     // no answer in time
};
Verdict verdict_on(memcached_return_t code) noexcept;
/// The code of the Error for one that is not good.
Errc error_for(memcached_return_t code) noexcept;

class Connection {
 public:
  Connection(const Address& address, const Settings& settings);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { memcached_result_free(&result_); }

  /// How long each of the following may wait for the server, or to be connected with it.
  void set_timeout(std::chrono::nanoseconds timeout);
  /// Whether it has served before: then it may have been closed since.
  bool is_used() const noexcept { return used_; }
  void set_used() noexcept { used_ = true; }
  /// Closes it; the next request connects again.
  void close() noexcept;

  struct Item {
    std::string_view name, value;  // until the next request
    std::uint32_t flags;
    std::uint64_t cas;
  };

  /// `visit(item)`, if there is one.
  template <class Visit>
  memcached_return_t get(std::string_view name, Visit&& visit) {
    memcached_return_t code = MEMCACHED_SUCCESS;
    std::optional<Item> item;
    if (binary_) {
      item = get_answered(name, code);
    } else if (code = ask({&name, 1}); code == MEMCACHED_SUCCESS) {
      item = next(code);
    }
    while (item) {
      if (item->name != name) return MEMCACHED_PROTOCOL_ERROR;
      visit(*item);
      if (binary_) break;
      item = next(code);
    }
    return code;
  }

  // Many at once: ask, then take the answers that there are, in order, until there is none.

  memcached_return_t ask(std::span<const std::string_view> names);
  /// Nothing: that was the last, or `code` tells what went wrong.
  std::optional<Item> next(memcached_return_t& code);

  // One at a time. `quiet`: nobody learns what became of it but that it is over when a later request
  // has been answered.

  memcached_return_t set(std::string_view name, std::string_view value, std::time_t exptime,
                         std::uint32_t flags, bool quiet = false);
  memcached_return_t remove(std::string_view name, bool quiet = false);
  memcached_return_t add(std::string_view name, std::string_view value, std::time_t exptime,
                         std::uint32_t flags);
  /// Replaces the item if it is still the one with this cas.
  memcached_return_t replace(std::string_view name, std::string_view value, std::time_t exptime,
                             std::uint32_t flags, std::uint64_t cas);
  struct Versioned {
    std::string value;
    std::uint32_t flags;
    std::uint64_t cas;
  };
  /// One item with its cas; nothing: there is none, or `code` tells what went wrong.
  std::optional<Versioned> get_with_cas(std::string_view name, memcached_return_t& code);

  /// The server's, "1.6.18", asked for once per connection; or `code` tells what went wrong.
  std::string version(memcached_return_t& code);

  /// What went wrong with the last request, for people.
  std::string error(memcached_return_t code) const;
  int system_error() const noexcept { return memcached_last_error_errno(client_.get()); }

 private:
  struct FreeClient {
    void operator()(memcached_st* client) const noexcept { memcached_free(client); }
  };
  void set(memcached_behavior_t behavior, std::uint64_t value);
  void set_quiet(bool quiet);
  memcached_return_t try_access();
  std::optional<Item> get_answered(std::string_view name, memcached_return_t& code);

  const bool binary_;
  const std::int32_t connect_timeout_ms_;
  std::unique_ptr<memcached_st, FreeClient> client_;
  // In place: libmemcached frees one of its own at the end of the answers.
  memcached_result_st result_;
  struct FreeValue {
    void operator()(char* value) const noexcept { std::free(value); }
  };
  std::unique_ptr<char, FreeValue> value_;  // of get_answered
  std::int32_t timeout_ms_ = 0;
  bool quiet_ = false;
  bool used_ = false;
};

}  // namespace cairn::memcached

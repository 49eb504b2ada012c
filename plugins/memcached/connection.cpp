#include "connection.hpp"

#include "wire.hpp"

#include <libmemcached-1.0/sasl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <vector>

namespace cairn::memcached {
namespace {

std::int32_t to_milliseconds(std::chrono::nanoseconds time) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(ms, 1, 1 << 30));
}

}  // namespace

Verdict verdict_on(memcached_return_t code) noexcept {
  switch (code) {
    case MEMCACHED_SUCCESS:
    case MEMCACHED_STORED:
    case MEMCACHED_NOTSTORED:
    case MEMCACHED_DELETED:
    case MEMCACHED_NOTFOUND:
    case MEMCACHED_END:
    case MEMCACHED_BUFFERED:
    case MEMCACHED_DATA_EXISTS:
    case MEMCACHED_DATA_DOES_NOT_EXIST: return Verdict::good;
    case MEMCACHED_E2BIG:
    case MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE:
    case MEMCACHED_SERVER_ERROR:
    case MEMCACHED_AUTH_PROBLEM:
    case MEMCACHED_AUTH_FAILURE:
    case MEMCACHED_KEY_TOO_BIG:
    case MEMCACHED_BAD_KEY_PROVIDED: return Verdict::refused;
    case MEMCACHED_TIMEOUT: return Verdict::late;
    default: return Verdict::lost;
  }
}

Errc error_for(memcached_return_t code) noexcept {
  switch (verdict_on(code)) {
    case Verdict::late: return Errc::timeout;
    case Verdict::refused: {
      const bool may_be_taken_later =
          code == MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE || code == MEMCACHED_SERVER_ERROR;
      return may_be_taken_later ? Errc::unavailable : Errc::rejected;
    }
    case Verdict::good:
    case Verdict::lost: break;
  }
  return Errc::unavailable;
}

Connection::Connection(const Address& address, const Settings& settings)
    : binary_(settings.binary),
      connect_timeout_ms_(to_milliseconds(settings.connect_timeout)),
      client_(memcached_create(nullptr)) {
  if (client_ == nullptr) throw std::bad_alloc();
  if (memcached_result_create(client_.get(), &result_) == nullptr) throw std::bad_alloc();
  const memcached_return_t code =
      address.path.empty() ? memcached_server_add(client_.get(), address.host.c_str(),
                                                  static_cast<in_port_t>(address.port))
                           : memcached_server_add_unix_socket(client_.get(), address.path.c_str());
  if (code != MEMCACHED_SUCCESS) {
    throw Error(Errc::config, "libmemcached does not take the server " + address.name() + ": " +
                                  memcached_strerror(nullptr, code));
  }
  if (settings.binary) set(MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, 1);
  set(MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
  set(MEMCACHED_BEHAVIOR_TCP_KEEPALIVE, 1);
  // Our breaker decides when a server is tried again, not the client.
  set(MEMCACHED_BEHAVIOR_RETRY_TIMEOUT, 0);
  set(MEMCACHED_BEHAVIOR_DEAD_TIMEOUT, 0);
  set(MEMCACHED_BEHAVIOR_SERVER_FAILURE_LIMIT, 1 << 30);
  set_timeout(settings.timeout);
  if (!settings.username.empty() &&
      memcached_set_sasl_auth_data(client_.get(), settings.username.c_str(),
                                   settings.password.c_str()) != MEMCACHED_SUCCESS) {
    throw Error(Errc::config, "this libmemcached was built without SASL: leave out `username`");
  }
}

void Connection::set(memcached_behavior_t behavior, std::uint64_t value) {
  const memcached_return_t code = memcached_behavior_set(client_.get(), behavior, value);
  if (code != MEMCACHED_SUCCESS) {
    throw Error(Errc::internal, std::string("libmemcached refuses ") +
                                    libmemcached_string_behavior(behavior) + ": " +
                                    memcached_strerror(nullptr, code));
  }
}

void Connection::set_timeout(std::chrono::nanoseconds timeout) {
  const std::int32_t ms = to_milliseconds(timeout);
  if (ms == timeout_ms_) return;
  timeout_ms_ = ms;
  set(MEMCACHED_BEHAVIOR_POLL_TIMEOUT, static_cast<std::uint64_t>(ms));
  set(MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT,
      static_cast<std::uint64_t>(std::min(ms, connect_timeout_ms_)));
}

void Connection::set_quiet(bool quiet) {
  if (quiet == quiet_) return;
  quiet_ = quiet;
  set(MEMCACHED_BEHAVIOR_NOREPLY, quiet ? 1 : 0);
}

void Connection::close() noexcept {
  // It says goodbye and waits for the other side to close: not for long.
  const auto wait = [&](std::int32_t ms) {
    memcached_behavior_set(client_.get(), MEMCACHED_BEHAVIOR_POLL_TIMEOUT,
                           static_cast<std::uint64_t>(ms));
  };
  wait(1);
  memcached_quit(client_.get());
  wait(timeout_ms_);
  used_ = false;
}

// To libmemcached, a server that refuses to answer a binary get because it wants a name and a password
// has nothing under these keys. So the first request on a connection is one whose refusal it reports.
memcached_return_t Connection::try_access() {
  constexpr std::string_view name = "access";
  return memcached_exist(client_.get(), name.data(), name.size());
}

memcached_return_t Connection::ask(std::span<const std::string_view> names) {
  set_quiet(false);
  if (binary_ && !used_) {
    const memcached_return_t code = try_access();
    if (verdict_on(code) != Verdict::good) return code;
  }
  if (names.size() == 1) {
    const char* name = names[0].data();
    const std::size_t size = names[0].size();
    return memcached_mget(client_.get(), &name, &size, 1);
  }
  std::vector<const char*> starts(names.size());
  std::vector<std::size_t> sizes(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    starts[i] = names[i].data();
    sizes[i] = names[i].size();
  }
  return memcached_mget(client_.get(), starts.data(), sizes.data(), names.size());
}

// In binary, a question for many takes two answers, one of them that there are no more; this takes
// one, as a get in ascii does in either way.
std::optional<Connection::Item> Connection::get_answered(std::string_view name,
                                                         memcached_return_t& code) {
  set_quiet(false);
  if (!used_) {
    code = try_access();
    if (verdict_on(code) != Verdict::good) return std::nullopt;
  }
  std::size_t size = 0;
  std::uint32_t flags = 0;
  value_.reset(memcached_get(client_.get(), name.data(), name.size(), &size, &flags, &code));
  if (code != MEMCACHED_SUCCESS) return std::nullopt;
  const memcached_result_st& found = client_->result;
  return Item{{memcached_result_key_value(&found), memcached_result_key_length(&found)},
              {value_.get(), size},
              flags,
              0};
}

std::optional<Connection::Item> Connection::next(memcached_return_t& code) {
  const memcached_result_st* found = memcached_fetch_result(client_.get(), &result_, &code);
  if (found == nullptr) {
    // To libmemcached, a server that answers with an error, or with nonsense, has none of the items.
    // It keeps what it saw for most of them; not for a bare ERROR and for "out of memory".
    const memcached_return_t error = memcached_last_error(client_.get());
    if (verdict_on(code) == Verdict::good && verdict_on(error) != Verdict::good) code = error;
    return std::nullopt;
  }
  return Item{{memcached_result_key_value(found), memcached_result_key_length(found)},
              {memcached_result_value(found), memcached_result_length(found)},
              memcached_result_flags(found),
              memcached_result_cas(found)};
}

memcached_return_t Connection::set(std::string_view name, std::string_view value,
                                   std::time_t exptime, std::uint32_t flags, bool quiet) {
  set_quiet(quiet);
  return memcached_set(client_.get(), name.data(), name.size(), value.data(), value.size(), exptime,
                       flags);
}

memcached_return_t Connection::remove(std::string_view name, bool quiet) {
  // In binary, the server answers a quiet removal of what is not there, and libmemcached takes that
  // for the answer to the next request. It skips such answers to quiet stores; so what is not to be
  // there is stored as long expired.
  if (quiet && binary_) return set(name, {}, exptime_in_the_past, 0, true);
  set_quiet(quiet);
  return memcached_delete(client_.get(), name.data(), name.size(), 0);
}

memcached_return_t Connection::add(std::string_view name, std::string_view value,
                                   std::time_t exptime, std::uint32_t flags) {
  set_quiet(false);
  return memcached_add(client_.get(), name.data(), name.size(), value.data(), value.size(), exptime,
                       flags);
}

memcached_return_t Connection::replace(std::string_view name, std::string_view value,
                                       std::time_t exptime, std::uint32_t flags,
                                       std::uint64_t cas) {
  set_quiet(false);
  return memcached_cas(client_.get(), name.data(), name.size(), value.data(), value.size(), exptime,
                       flags, cas);
}

std::optional<Connection::Versioned> Connection::get_with_cas(std::string_view name,
                                                              memcached_return_t& code) {
  set(MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
  code = ask({&name, 1});
  set(MEMCACHED_BEHAVIOR_SUPPORT_CAS, 0);
  std::optional<Versioned> found;
  if (code != MEMCACHED_SUCCESS) return found;
  while (const std::optional<Item> item = next(code)) {
    found = {std::string(item->value), item->flags, item->cas};
  }
  return found;
}

std::string Connection::version(memcached_return_t& code) {
  set_quiet(false);
  code = memcached_version(client_.get());
  if (code == MEMCACHED_SOME_ERRORS) code = memcached_last_error(client_.get());
  if (code != MEMCACHED_SUCCESS) return {};
  const auto* server = memcached_server_instance_by_position(client_.get(), 0);
  return std::to_string(memcached_server_major_version(server)) + "." +
         std::to_string(memcached_server_minor_version(server)) + "." +
         std::to_string(memcached_server_micro_version(server));
}

std::string Connection::error(memcached_return_t code) const {
  const int system = system_error();
  std::string text = memcached_strerror(client_.get(), code);
  if (system != 0) text += std::string(" (") + std::strerror(system) + ")";
  if (code == MEMCACHED_AUTH_FAILURE || code == MEMCACHED_AUTH_PROBLEM) {
    text += " (see `username` and `password`)";
  }
  if (code == MEMCACHED_UNKNOWN_READ_FAILURE || code == MEMCACHED_PROTOCOL_ERROR) {
    text += " (is it a memcached that answers there?)";
  }
  return text;
}

}  // namespace cairn::memcached

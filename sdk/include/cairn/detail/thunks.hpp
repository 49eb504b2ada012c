// How a C++ Backend becomes the function table of abi.h: one noexcept thunk per operation that calls
// the author's method directly and turns whatever it throws into a status.
#pragma once

#include <cairn/backend.hpp>

#include <cstring>
#include <exception>
#include <new>
#include <type_traits>

namespace cairn::detail {

// Writes the text of a failure, unless a layer further in has done so already.
[[gnu::cold, gnu::noinline]] inline cairn_status fail(cairn_call* call, const char* layer,
                                                      cairn_status status, const char* text,
                                                      int system_error, bool names_layer) noexcept {
  if (call == nullptr || call->error != CAIRN_OK) return status;
  call->error = status;
  call->system_error = system_error;
  std::size_t at = 0;
  const auto append = [&](const char* part) {
    while (*part != '\0' && at + 1 < sizeof call->error_text) call->error_text[at++] = *part++;
  };
  if (!names_layer && layer != nullptr) {
    append(layer);
    append(": ");
  }
  append(text);
  call->error_text[at] = '\0';
  return status;
}

// Turns the exception in flight into a status. One cold function for all thunks, so that the hot path
// spills nothing for it.
[[gnu::cold, gnu::noinline]] inline cairn_status from_exception(cairn_call* call,
                                                                const char* layer) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return fail(call, layer, static_cast<cairn_status>(error.code()), error.what(),
                error.system_error(), error.names_layer());
  } catch (const std::bad_alloc&) {
    return fail(call, layer, CAIRN_INTERNAL, "out of memory", 0, false);
  } catch (const std::exception& error) {
    return fail(call, layer, CAIRN_INTERNAL, error.what(), 0, false);
  } catch (...) {
    return fail(call, layer, CAIRN_INTERNAL, "threw something that is not a std::exception", 0,
                false);
  }
}

template <class F>
[[gnu::always_inline]] inline cairn_status guard(cairn_call* call, const char* layer,
                                                 F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    return from_exception(call, layer);
  }
}

// A status from below becomes an Error, and the call's text moves into it, so that a layer may catch
// it and go on with a clean call.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_status(cairn_status status,
                                                                cairn_call* call) {
  if (call == nullptr || call->error == CAIRN_OK) {
    throw Error::from_layer(to_errc(status), std::string(to_string(to_errc(status))), 0);
  }
  const std::string text = call->error_text;
  const int system_error = call->system_error;
  call->error = CAIRN_OK;
  call->error_text[0] = '\0';
  throw Error::from_layer(to_errc(status), text, system_error);
}

// Which class a method comes from: the type of `&T::get` names it.
template <class M>
struct MethodOf;
template <class R, class C, class... Args>
struct MethodOf<R (C::*)(Args...)> {
  using Class = C;
  template <class T>
  using Signature = R (T::*)(Args...);
};
template <class R, class C, class... Args>
struct MethodOf<R (C::*)(Args...) noexcept> : MethodOf<R (C::*)(Args...)> {};

// The thunks of T, which calls T's own methods without virtual dispatch; for T = Backend, of any
// Backend, with it.
template <class T>
struct Thunks {
  static constexpr const char* layer() noexcept {
    if constexpr (std::is_same_v<T, Backend>) {
      return nullptr;
    } else {
      return T::name;
    }
  }
  static T& of(void* self) noexcept { return *static_cast<T*>(self); }

#define CAIRN_CALL(method, ...)                 \
  [&]() -> decltype(auto) {                     \
    if constexpr (std::is_same_v<T, Backend>) { \
      return of(self).method(__VA_ARGS__);      \
    } else {                                    \
      return of(self).T::method(__VA_ARGS__);   \
    }                                           \
  }()

  static cairn_status get(void* self, cairn_call* call, cairn_bytes key,
                          cairn_entry* out) noexcept {
    // The author's method makes its result where the caller wants it.
    try {
      const auto* found =
          ::new (static_cast<void*>(out)) OptionalEntry(CAIRN_CALL(get, Key(key), Call(call)));
      return found->has_value() ? CAIRN_OK : CAIRN_MISS;
    } catch (...) {
      *out = cairn_entry{};  // what it had made is gone
      return from_exception(call, layer());
    }
  }
  static cairn_status set(void* self, cairn_call* call, cairn_bytes key, const cairn_entry* entry,
                          const cairn_set_options* raw_options) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      SetOptions options;
      if (!read(raw_options, options)) return unknown_flag(call);
      CAIRN_CALL(set, Key(key), *reinterpret_cast<const Entry*>(entry), options, Call(call));
      return CAIRN_OK;
    });
  }
  static cairn_status remove(void* self, cairn_call* call, cairn_bytes key) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      return CAIRN_CALL(remove, Key(key), Call(call)) ? CAIRN_OK : CAIRN_MISS;
    });
  }
  static cairn_status get_multi(void* self, cairn_call* call, const cairn_bytes* keys,
                                std::size_t n, cairn_entry* out, cairn_status* statuses) noexcept {
    const cairn_status status = guard(call, layer(), [&]() -> cairn_status {
      if (n == 0) return CAIRN_OK;
      CAIRN_CALL(get_multi, keys_of(keys, n), Results(reinterpret_cast<Entry*>(out), statuses, n),
                 Call(call));
      return CAIRN_OK;
    });
    if (status < 0) [[unlikely]]
      take_back(out, n);
    return status;
  }
  static cairn_status set_multi(void* self, cairn_call* call, const cairn_bytes* keys,
                                const cairn_entry* entries, std::size_t n,
                                const cairn_set_options* raw_options,
                                cairn_status* statuses) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      SetOptions options;
      if (!read(raw_options, options)) return unknown_flag(call);
      if (n == 0) return CAIRN_OK;
      CAIRN_CALL(set_multi, keys_of(keys, n), std::span(reinterpret_cast<const Entry*>(entries), n),
                 options, Statuses(statuses, n), Call(call));
      return CAIRN_OK;
    });
  }
  static cairn_status remove_multi(void* self, cairn_call* call, const cairn_bytes* keys,
                                   std::size_t n, cairn_status* statuses) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      if (n == 0) return CAIRN_OK;
      CAIRN_CALL(remove_multi, keys_of(keys, n), Statuses(statuses, n), Call(call));
      return CAIRN_OK;
    });
  }
  static cairn_status lock(void* self, cairn_call* call, cairn_bytes key, std::int64_t lease_ns,
                           std::uint64_t* token) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      const std::optional<Backend::Token> held =
          CAIRN_CALL(lock, Key(key), Backend::Nanoseconds(lease_ns), Call(call));
      if (!held) return CAIRN_BUSY;
      *token = *held;
      return CAIRN_OK;
    });
  }
  static cairn_status renew(void* self, cairn_call* call, cairn_bytes key, std::uint64_t token,
                            std::int64_t lease_ns) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      return CAIRN_CALL(renew, Key(key), token, Backend::Nanoseconds(lease_ns), Call(call))
                 ? CAIRN_OK
                 : CAIRN_MISS;
    });
  }
  static cairn_status unlock(void* self, cairn_call* call, cairn_bytes key,
                             std::uint64_t token) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      return CAIRN_CALL(unlock, Key(key), token, Call(call)) ? CAIRN_OK : CAIRN_MISS;
    });
  }
  static cairn_status await_unlock(void* self, cairn_call* call, cairn_bytes key,
                                   std::int64_t wait_ns) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      return CAIRN_CALL(await_unlock, Key(key), Backend::Nanoseconds(wait_ns), Call(call))
                 ? CAIRN_OK
                 : CAIRN_BUSY;
    });
  }
  static cairn_status stats(void* self, cairn_call* call, cairn_entry* out) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      *out = Entry::of(CAIRN_CALL(stats, Call(call))).release();
      return CAIRN_OK;
    });
  }
  static const void* extension(void* self, const char* id) noexcept {
    const void* table = nullptr;
    guard(nullptr, layer(), [&]() -> cairn_status {
      table = CAIRN_CALL(extension, id);
      return CAIRN_OK;
    });
    return table;
  }
  static void after_fork(void* self) noexcept {
    guard(nullptr, layer(), [&]() -> cairn_status {
      CAIRN_CALL(after_fork);
      return CAIRN_OK;
    });
  }
#undef CAIRN_CALL

  // A batch through a proxy that said `split_batches`: its single operation, once per key.
  static cairn_status get_each(void* self, cairn_call* call, const cairn_bytes* keys, std::size_t n,
                               cairn_entry* out, cairn_status* statuses) noexcept {
    const cairn_status status = guard(call, layer(), [&]() -> cairn_status {
      of(self).Backend::get_multi(keys_of(keys, n),
                                  Results(reinterpret_cast<Entry*>(out), statuses, n), Call(call));
      return CAIRN_OK;
    });
    if (status < 0) [[unlikely]]
      take_back(out, n);
    return status;
  }
  static cairn_status set_each(void* self, cairn_call* call, const cairn_bytes* keys,
                               const cairn_entry* entries, std::size_t n,
                               const cairn_set_options* raw_options,
                               cairn_status* statuses) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      SetOptions options;
      if (!read(raw_options, options)) return unknown_flag(call);
      of(self).Backend::set_multi(keys_of(keys, n),
                                  std::span(reinterpret_cast<const Entry*>(entries), n), options,
                                  Statuses(statuses, n), Call(call));
      return CAIRN_OK;
    });
  }
  static cairn_status remove_each(void* self, cairn_call* call, const cairn_bytes* keys,
                                  std::size_t n, cairn_status* statuses) noexcept {
    return guard(call, layer(), [&]() -> cairn_status {
      of(self).Backend::remove_multi(keys_of(keys, n), Statuses(statuses, n), Call(call));
      return CAIRN_OK;
    });
  }

 private:
  static Keys keys_of(const cairn_bytes* keys, std::size_t n) noexcept {
    return {reinterpret_cast<const Key*>(keys), n};
  }
  // Nothing is handed out by a batch that failed.
  [[gnu::cold]] static void take_back(cairn_entry* out, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) reinterpret_cast<Entry*>(out)[i] = Entry();
  }
  static bool read(const cairn_set_options* raw, SetOptions& options) noexcept {
    if (raw == nullptr) return true;
    options.ttl = Backend::Nanoseconds(raw->ttl_ns);
    return raw->flags == 0;
  }
  static cairn_status unknown_flag(cairn_call* call) noexcept {
    return fail(call, layer(), CAIRN_UNSUPPORTED, "set was called with a flag that is not known", 0,
                false);
  }
};

}  // namespace cairn::detail

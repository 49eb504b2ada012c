// What a plugin author includes: everything, and the one macro that makes a shared library a plugin.
//
//     #include <cairn/plugin.hpp>
//     ...
//     CAIRN_PLUGIN("org.example.map", "1.0.0", Map)
//
// Give the plugin's id (reverse DNS), its version and the classes that it offers. A class says what it
// is in static members:
//
//     static constexpr auto name = "map";                 // required: what a config file calls it
//     static constexpr auto help = "Keeps everything.";   // required: one sentence
//     static constexpr std::array options{cairn::Option(...)...};
//     static constexpr auto transforms = cairn::Transforms::key;     // proxies; default: everything
//     static constexpr auto accepts = cairn::Kinds::bytes;           // default: any kind
//     static constexpr auto emits = cairn::Kinds::bytes;             // proxies; default: as given
//     static constexpr auto threads = cairn::Threads::serial;        // default: any
//     static constexpr std::uint32_t max_key_bytes = 250;            // backends; default: no limit
//     static void check_options(const cairn::Options&);              // options that must fit each other
//
// and is made from a `const cairn::Context&`, or from nothing if it is a backend without options.
// check_options throws Error(config) with the option at fault in `backquotes`; it makes and reaches
// nothing, so that a configuration can be checked without being used.
// Mistakes that can be seen at compile time are errors with a sentence.
#pragma once

#include <cairn/abi.h>
#include <cairn/backend.hpp>
#include <cairn/detail/thunks.hpp>
#include <cairn/key_mapper.hpp>
#include <cairn/options.hpp>
#include <cairn/proxy_backend.hpp>
#include <cairn/value_codec.hpp>

#include <array>
#include <concepts>
#include <iterator>
#include <string_view>
#include <type_traits>
#include <utility>

namespace cairn::detail {

template <class T>
concept HasSplitBatches = requires {
  T::split_batches;
};

template <class T>
constexpr bool splits_batches() {
  if constexpr (HasSplitBatches<T>) {
    return T::split_batches;
  } else {
    return false;
  }
}

// The class that `&T::op` comes from; void if T has hidden `op` behind something else.
#define CAIRN_ORIGIN(op)                                                               \
  template <class T>                                                                   \
  constexpr bool well_typed_##op() {                                                   \
    if constexpr (requires { typename MethodOf<decltype(&T::op)>::Class; }) {          \
      using Here = decltype(&T::op);                                                   \
      using C = typename MethodOf<Here>::Class;                                        \
      using Given = typename MethodOf<Here>::template Signature<C>;                    \
      using Wanted = typename MethodOf<decltype(&Backend::op)>::template Signature<C>; \
      return std::is_same_v<Given, Wanted>;                                            \
    } else {                                                                           \
      return false;                                                                    \
    }                                                                                  \
  }                                                                                    \
  template <class T>                                                                   \
  constexpr bool overrides_##op() {                                                    \
    if constexpr (well_typed_##op<T>()) {                                              \
      using C = typename MethodOf<decltype(&T::op)>::Class;                            \
      return !std::is_same_v<C, Backend> && !std::is_same_v<C, ProxyBackend>;          \
    } else {                                                                           \
      return false;                                                                    \
    }                                                                                  \
  }
CAIRN_OPS(CAIRN_ORIGIN)
CAIRN_ORIGIN(after_fork)
#undef CAIRN_ORIGIN

template <class T>
constexpr bool is_proxy = std::is_base_of_v<ProxyBackend, T>;

template <class T>
constexpr bool overrides_anything() {
  bool any = false;
#define CAIRN_ANY(op) any = any || overrides_##op<T>();
  CAIRN_OPS(CAIRN_ANY)
#undef CAIRN_ANY
  return any;
}

// An array, in either manner.
template <class T>
concept HasOptions = requires {
  { std::data(T::options) } -> std::convertible_to<const cairn_option*>;
};

template <class T>
constexpr bool knows_option_types() {
  if constexpr (HasOptions<T>) {
    for (const cairn_option& option : T::options) {
      if (option.type == nullptr || !is_option_type(option.type)) return false;
    }
  }
  return true;
}

// The whole compile-time check of a component, one sentence per mistake.
template <class T>
constexpr bool check_component() {
  static_assert(std::is_base_of_v<Backend, T>,
                "cairn: a component derives from cairn::Backend or cairn::ProxyBackend");
  static_assert(
      requires {
        { T::name } -> std::convertible_to<const char*>;
      },
      "cairn: a component says `static constexpr auto name = \"...\";`");
  static_assert(
      requires {
        { T::help } -> std::convertible_to<const char*>;
      },
      "cairn: a component says `static constexpr auto help = \"One sentence.\";`");
#define CAIRN_TYPED(op)                                                   \
  static_assert(                                                          \
      well_typed_##op<T>(),                                               \
      "cairn: `" #op                                                      \
      "` does not have the parameters and result that Backend gives it, " \
      "or is overloaded or private: write it as in <cairn/backend.hpp>, with `override`");
  CAIRN_OPS(CAIRN_TYPED)
#undef CAIRN_TYPED
  static_assert(!std::is_abstract_v<T>,
                "cairn: an operation is missing: a Backend implements get, set and remove (and a "
                "KeyMapper map_key, a ValueCodec encode and decode); is one misspelt?");
  if constexpr (is_proxy<T>) {
    static_assert(
        overrides_anything<T>(),
        "cairn: this proxy overrides no operation: is one misspelt? Mark them `override`");
    static_assert(splits_batches<T>() || overrides_get<T>() == overrides_get_multi<T>(),
                  "cairn: this proxy overrides one of get and get_multi, so the other would slip "
                  "past it: override both, or say `static constexpr bool split_batches = true;`");
    static_assert(splits_batches<T>() || overrides_set<T>() == overrides_set_multi<T>(),
                  "cairn: this proxy overrides one of set and set_multi, so the other would slip "
                  "past it: override both, or say `static constexpr bool split_batches = true;`");
    static_assert(
        splits_batches<T>() || overrides_remove<T>() == overrides_remove_multi<T>(),
        "cairn: this proxy overrides one of remove and remove_multi, so the other would "
        "slip past it: override both, or say `static constexpr bool split_batches = true;`");
    static_assert(std::is_constructible_v<T, const Context&>,
                  "cairn: a proxy is made from its context: `using ProxyBackend::ProxyBackend;` or "
                  "`explicit Mine(const cairn::Context& context) : ProxyBackend(context) {}`");
  } else {
    static_assert(std::is_constructible_v<T, const Context&> || std::is_default_constructible_v<T>,
                  "cairn: a backend is made from `const cairn::Context&`, or from nothing");
  }
  constexpr std::string_view name = T::name;
  static_assert(!name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
                        std::string_view::npos,
                "cairn: a component's name is lower-case letters, digits, `-` and `_`, and begins "
                "with a letter");
  if constexpr (requires { T::options; }) {
    static_assert(
        HasOptions<T>,
        "cairn: a component says `static constexpr std::array options{cairn::Option(...)...};`");
  }
  // Options that are not constant the host checks, when it loads the plugin.
  if constexpr (requires { typename std::bool_constant<knows_option_types<T>()>; }) {
    static_assert(knows_option_types<T>(),
                  "cairn: an option's type is text, path, bool, int, real, duration, size, "
                  "percent, enum:a|b|c, or list: and one of these; is one misspelt?");
  }
  return true;
}

template <class T>
struct ComponentOf {
  static_assert(check_component<T>());

  static cairn_status create(const cairn_host* host, const cairn_node* options,
                             const cairn_next* next, cairn_call* call, void** self) noexcept {
    return guard(call, T::name, [&]() -> cairn_status {
      if constexpr (std::is_constructible_v<T, const Context&>) {
        *self = new T(Context(Options(options), Services(host, T::name), next));
      } else {
        *self = new T();
      }
      return CAIRN_OK;
    });
  }
  static cairn_status check(const cairn_node* options, cairn_call* call) noexcept {
    return guard(call, T::name, [&]() -> cairn_status {
      if constexpr (requires(const Options& given) { T::check_options(given); }) {
        T::check_options(Options(options));
      }
      return CAIRN_OK;
    });
  }
  static void destroy(void* self) noexcept {
    try {
      delete static_cast<T*>(self);
    } catch (...) {  // a destructor that throws is the author's mistake, and nobody's business here
    }
  }

  static constexpr cairn_ops make_ops() noexcept {
    cairn_ops table{};
    table.size = sizeof table;
#define CAIRN_FILL(op) \
  if constexpr (overrides_##op<T>()) table.op = &Thunks<T>::op;
    CAIRN_OPS(CAIRN_FILL)
#undef CAIRN_FILL
    // Asked of the types, because gcc's -fsanitize=undefined knows no constant answer about pointers.
    if constexpr (is_proxy<T> && splits_batches<T>()) {
      if constexpr (overrides_get<T>() && !overrides_get_multi<T>()) {
        table.get_multi = &Thunks<T>::get_each;
      }
      if constexpr (overrides_set<T>() && !overrides_set_multi<T>()) {
        table.set_multi = &Thunks<T>::set_each;
      }
      if constexpr (overrides_remove<T>() && !overrides_remove_multi<T>()) {
        table.remove_multi = &Thunks<T>::remove_each;
      }
    }
    return table;
  }
  static constexpr cairn_ops ops = make_ops();

  static constexpr cairn_component make() noexcept {
    cairn_component c{};
    c.size = sizeof c;
    c.role = is_proxy<T> ? CAIRN_PROXY : CAIRN_BACKEND;
    c.name = T::name;
    c.help = T::help;
    c.transforms = is_proxy<T> ? CAIRN_TRANSFORMS_EVERYTHING : CAIRN_TRANSFORMS_NOTHING;
    if constexpr (requires { T::transforms; }) c.transforms = T::transforms;
    if constexpr (requires { T::threads; }) c.threads = T::threads;
    c.accepts = CAIRN_ANY_KIND;
    if constexpr (requires { T::accepts; }) c.accepts = T::accepts;
    if constexpr (requires { T::emits; }) c.emits = T::emits;
    if constexpr (requires { T::max_key_bytes; }) c.max_key_bytes = T::max_key_bytes;
    if constexpr (HasOptions<T>) {
      c.options = std::data(T::options);
      c.option_count = std::size(T::options);
    }
    c.ops = &ops;
    c.create = &create;
    c.destroy = &destroy;
    if constexpr (overrides_after_fork<T>()) c.after_fork = &Thunks<T>::after_fork;
    if constexpr (requires(const Options& given) { T::check_options(given); }) c.check = &check;
    return c;
  }
  static constexpr cairn_component value = make();
};

// A file of configuration names a backend or a proxy by it.
template <class... T>
constexpr bool names_differ() {
  if constexpr ((requires { std::string_view(T::name); } && ...)) {
    const std::array<std::pair<bool, std::string_view>, sizeof...(T)> names{
        std::pair<bool, std::string_view>(is_proxy<T>, T::name)...};
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (names[i] == names[j]) return false;
      }
    }
  }
  return true;
}

template <class... T>
struct ComponentList {
  static_assert(names_differ<T...>(), "cairn: two components of this plugin have one name");
  static constexpr const cairn_component* value[] = {&ComponentOf<T>::value...};
};

// The note's text, as in abi.h.
template <class... T>
struct NoteText {
  template <class Put>
  static constexpr void write(Put put, std::string_view id, std::string_view version) {
    put("{\"abi\":\"");
    static_assert(CAIRN_ABI_MAJOR < 10 && CAIRN_ABI_MINOR < 10);
    const char abi[] = {'0' + CAIRN_ABI_MAJOR, '.', '0' + CAIRN_ABI_MINOR, '\0'};
    put(abi);
    put("\",\"id\":\"");
    put(id);
    put("\",\"version\":\"");
    put(version);
    put("\",\"components\":[");
    bool first = true;
    ((put(first ? "{\"role\":\"" : ",{\"role\":\""), first = false,
      put(is_proxy<T> ? "proxy" : "backend"), put("\",\"name\":\""), put(T::name), put("\"}")),
     ...);
    put("]}");
  }
  static constexpr std::size_t size(std::string_view id, std::string_view version) {
    std::size_t n = 0;
    write([&](std::string_view part) { n += part.size(); }, id, version);
    return n;
  }
};

// An ELF note as it lies in the file: three words, the name and the description, padded to four bytes.
template <std::size_t size>
struct alignas(4) Note {
  std::uint32_t name_size = sizeof CAIRN_NOTE_NAME;
  std::uint32_t text_size = static_cast<std::uint32_t>(size);
  std::uint32_t type = CAIRN_NOTE_TYPE;
  char name[(sizeof CAIRN_NOTE_NAME + 3) & ~std::size_t{3}] = CAIRN_NOTE_NAME;
  char text[(size + 3) & ~std::size_t{3}] = {};
};

template <std::size_t size, class... T>
constexpr Note<size> make_note(std::string_view id, std::string_view version) {
  Note<size> note;
  std::size_t at = 0;
  NoteText<T...>::write(
      [&](std::string_view part) {
        for (const char c : part) note.text[at++] = c;
      },
      id, version);
  return note;
}

}  // namespace cairn::detail

/// Makes the library a plugin: CAIRN_PLUGIN(id, version, Class...). Once per library, at the end of a
/// source file, in no namespace.
#define CAIRN_PLUGIN(plugin_id, plugin_version, ...)                                             \
  __attribute__((section(CAIRN_NOTE_SECTION), used,                                              \
                 aligned(4))) static constexpr auto cairn_plugin_note =                          \
      ::cairn::detail::make_note<                                                                \
          ::cairn::detail::NoteText<__VA_ARGS__>::size(plugin_id, plugin_version), __VA_ARGS__>( \
          plugin_id, plugin_version);                                                            \
  extern "C" CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host*) noexcept {      \
    static constexpr cairn_plugin plugin{                                                        \
        sizeof(cairn_plugin),                                                                    \
        CAIRN_ABI_MAJOR,                                                                         \
        CAIRN_ABI_MINOR,                                                                         \
        plugin_id,                                                                               \
        plugin_version,                                                                          \
        ::cairn::detail::ComponentList<__VA_ARGS__>::value,                                      \
        sizeof ::cairn::detail::ComponentList<__VA_ARGS__>::value / sizeof(void*)};              \
    return &plugin;                                                                              \
  }                                                                                              \
  static_assert(true)

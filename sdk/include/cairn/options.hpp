// Options: what a component can be told, declared by its author and checked by the host.
//
//     static constexpr std::array options{
//         cairn::Option("prefix", "text").required().help("Put in front of every key."),
//         cairn::Option("level", "int").defaults_to("3").range("1", "19").help("Higher is smaller."),
//     };
//     explicit Mine(const cairn::Context& context)
//         : prefix_(context.options().text("prefix")) {}
//
// By the time a component is made its options are of the declared types, within their ranges, and
// filled in with their defaults. So an author only reads; reading an option that was not declared, or
// as another type, is a bug of the author's and throws Error(internal).
#pragma once

#include <cairn/abi.h>
#include <cairn/document.hpp>
#include <cairn/entry.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cairn {

/// The declaration of one option. Types: "text", "path", "bool", "int", "real", "duration", "size",
/// "percent", "enum:a|b|c" and "list:T"; see cairn_option in abi.h.
struct Option : cairn_option {
  constexpr Option(const char* option_name, const char* option_type) noexcept
      : cairn_option{
            sizeof(cairn_option), 0, option_name, option_type, nullptr, nullptr, nullptr, ""} {}

  constexpr Option required() const noexcept { return with_flag(CAIRN_OPTION_REQUIRED); }
  /// Never printed or logged.
  constexpr Option secret() const noexcept { return with_flag(CAIRN_OPTION_SECRET); }
  /// As a user would write it: "64MiB", "1h", "true".
  constexpr Option defaults_to(const char* text) const noexcept {
    Option result = *this;
    result.default_value = text;
    return result;
  }
  /// Both ends belong to it; null: no bound.
  constexpr Option range(const char* from, const char* to) const noexcept {
    Option result = *this;
    result.minimum = from;
    result.maximum = to;
    return result;
  }
  constexpr Option help(const char* sentence) const noexcept {
    Option result = *this;
    result.cairn_option::help = sentence;
    return result;
  }

 private:
  constexpr Option with_flag(std::uint32_t flag) const noexcept {
    Option result = *this;
    result.flags |= flag;
    return result;
  }
};
static_assert(sizeof(Option) == sizeof(cairn_option));

namespace detail {

constexpr bool is_choice(std::string_view choices) noexcept {
  while (true) {
    const std::size_t end = choices.find('|');
    if (choices.substr(0, end).empty()) return false;
    if (end == std::string_view::npos) return true;
    choices.remove_prefix(end + 1);
  }
}
/// Whether it is one of the types above. A host refuses a plugin with another; its author hears of it
/// from the compiler.
constexpr bool is_option_type(std::string_view type) noexcept {
  if (type.starts_with("list:")) type.remove_prefix(5);
  if (type.starts_with("enum:")) return is_choice(type.substr(5));
  for (const std::string_view known :
       {"text", "path", "bool", "int", "real", "duration", "size", "percent"}) {
    if (type == known) return true;
  }
  return false;
}

}  // namespace detail

/// The values of a component's options. Borrowed: read them in the constructor.
class Options {
  Node find(std::string_view name) const noexcept {
    return values_ == nullptr ? Node() : Node(values_).find(name);
  }
  template <class Read>
  auto read(std::string_view name, Read read_node) const {
    const Node node = find(name);
    if (!node) throw Error(Errc::internal, "option `" + std::string(name) + "` has no value");
    try {
      return read_node(node);
    } catch (const Error& error) {
      throw Error(Errc::internal, "option `" + std::string(name) + "`: " + error.what());
    }
  }

 public:
  explicit Options(const cairn_node* values) noexcept : values_(values) {}

  /// Whether it was given, or has a default.
  bool has(std::string_view name) const noexcept { return static_cast<bool>(find(name)); }

  std::string text(std::string_view name) const {
    return read(name, [](Node node) { return std::string(node.text()); });
  }
  bool flag(std::string_view name) const {
    return read(name, [](Node node) { return node.boolean_value(); });
  }
  std::int64_t integer(std::string_view name) const {
    return read(name, [](Node node) { return node.int_value(); });
  }
  double real(std::string_view name) const {
    return read(name, [](Node node) { return node.real_value(); });
  }
  std::chrono::nanoseconds duration(std::string_view name) const {
    return std::chrono::nanoseconds(integer(name));
  }
  /// Bytes.
  std::size_t size(std::string_view name) const {
    return read(name, [](Node node) { return static_cast<std::size_t>(node.uint_value()); });
  }
  std::vector<std::string> texts(std::string_view name) const {
    return read(name, [](Node node) {
      if (node.type() != Node::list) {
        throw Error(Errc::corrupt, "expected list, got " + std::string(node.type_name()));
      }
      std::vector<std::string> result;
      for (std::size_t i = 0; i < node.size(); ++i) result.emplace_back(node.item(i).text());
      return result;
    });
  }
  Node node() const noexcept { return Node(values_); }

 private:
  const cairn_node* values_;
};

/// What the host does for components. Cheap to copy; valid as long as the process.
class Services {
 public:
  enum Level : std::int32_t {
    debug = CAIRN_LOG_DEBUG,
    info = CAIRN_LOG_INFO,
    warning = CAIRN_LOG_WARNING,
    error = CAIRN_LOG_ERROR,
  };

  Services() noexcept = default;
  Services(const cairn_host* host, const char* component) noexcept
      : host_(host), component_(component) {}

  /// Unix time from the host's clock, which tests may set; up to 4 ms late, and cheap.
  Time now() const noexcept {
    if (host_ == nullptr) {
      return std::chrono::time_point_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now());
    }
    return Time(std::chrono::nanoseconds(host_->now_ns(host_)));
  }
  /// Ask before you format.
  bool logs(Level level) const noexcept {
    return host_ != nullptr && *host_->log_level <= static_cast<std::int32_t>(level);
  }
  void log(Level level, std::string_view text) const noexcept {
    if (logs(level)) host_->log(host_, level, component_, {text.data(), text.size()});
  }

 private:
  const cairn_host* host_ = nullptr;
  const char* component_ = "";
};

/// What a component is made from.
class Context {
 public:
  Context(Options options, Services services, const cairn_next* next = nullptr) noexcept
      : options_(options), services_(services), next_(next) {}

  Options options() const noexcept { return options_; }
  Services services() const noexcept { return services_; }
  const cairn_next* next() const noexcept { return next_; }

 private:
  Options options_;
  Services services_;
  const cairn_next* next_;
};

/// What a proxy changes: `static constexpr auto transforms = cairn::Transforms::nothing;`. What it does
/// not say it leaves alone, so the default is everything.
struct Transforms {
  static constexpr std::uint32_t nothing = CAIRN_TRANSFORMS_NOTHING;
  static constexpr std::uint32_t key = CAIRN_TRANSFORMS_KEY;
  static constexpr std::uint32_t value = CAIRN_TRANSFORMS_VALUE;
  static constexpr std::uint32_t ttl = CAIRN_TRANSFORMS_TTL;
  static constexpr std::uint32_t flow = CAIRN_TRANSFORMS_FLOW;
  static constexpr std::uint32_t everything = CAIRN_TRANSFORMS_EVERYTHING;
};

/// Kinds of payload: `static constexpr auto accepts = cairn::Kinds::bytes;`.
struct Kinds {
  static constexpr std::uint32_t bytes = CAIRN_BYTES;
  static constexpr std::uint32_t documents = CAIRN_DOCUMENT;
  static constexpr std::uint32_t objects = CAIRN_OBJECT;
  static constexpr std::uint32_t any = CAIRN_ANY_KIND;
  static constexpr std::uint32_t as_given = 0;
};

struct Threads {
  static constexpr std::uint32_t any = CAIRN_THREADS_ANY;
  static constexpr std::uint32_t serial = CAIRN_THREADS_SERIAL;
};

}  // namespace cairn

// One component of one built plugin, loaded from its file, as a Backend: for tests of a plugin alone,
// without a stack or a region.
//
//     ComponentUnderTest memory("memory", {{"max_bytes", "1MiB"}});
//     memory->set("k", Entry::copy("v"), {}, Call());
//
// Options are written as in a config file; defaults are filled in from the plugin's own declaration, but
// for how long it waits for a server: a test that does not say so is not to fail on a busy machine.
// `now` is the host's clock: set it to make time pass.
#pragma once

#include "config/units.hpp"

#include <cairn/proxy_backend.hpp>

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>

class ComponentUnderTest {
 public:
  using OptionTexts = std::map<std::string, std::string>;

  /// A backend, or a proxy in front of `below`. `name` is also the plugin's: build/plugins/cairn-NAME.so.
  explicit ComponentUnderTest(const std::string& name, const OptionTexts& options = {},
                              cairn::Backend* below = nullptr)
      : component_(find(name)) {
    host_.size = sizeof host_;
    host_.abi_major = CAIRN_ABI_MAJOR;
    host_.abi_minor = CAIRN_ABI_MINOR;
    host_.name = "test";
    host_.version = "0";
    host_.log_level = &log_level_;
    host_.log = [](const cairn_host*, int32_t, const char*, cairn_bytes) noexcept {};
    host_.now_ns = [](const cairn_host*) noexcept { return now.load(); };

    const cairn::Document values = option_values(component_, options);
    cairn_next next{};
    if (below != nullptr) next = cairn::detail::table_of(*below);
    cairn_call call{};
    call.size = sizeof call;
    const cairn_status status = component_.create(
        &host_, values.root().raw(), below != nullptr ? &next : nullptr, &call, &self_);
    if (status != CAIRN_OK) {
      throw cairn::Error::from_layer(cairn::to_errc(status), call.error_text, call.system_error);
    }
    backend_.emplace(table(below));
  }
  ComponentUnderTest(const ComponentUnderTest&) = delete;
  ComponentUnderTest& operator=(const ComponentUnderTest&) = delete;
  ~ComponentUnderTest() {
    if (self_ != nullptr) component_.destroy(self_);
  }

  /// What a component says of options before it is made: "`servers` is empty ...", or nothing.
  static std::string objection_of(const std::string& name, const OptionTexts& options) {
    const cairn_component& component = find(name);
    if (!CAIRN_HAS(&component, check) || component.check == nullptr) return "";
    const cairn::Document values = option_values(component, options);
    cairn_call call{};
    call.size = sizeof call;
    return component.check(values.root().raw(), &call) == CAIRN_OK ? "" : call.error_text;
  }

  cairn::Backend& operator*() noexcept { return *backend_; }
  cairn::Backend* operator->() noexcept { return &*backend_; }
  const cairn_component& component() const noexcept { return component_; }
  /// What the functions of an extension want as their first argument.
  void* self() const noexcept { return self_; }
  void after_fork() const {
    if (component_.after_fork != nullptr) component_.after_fork(self_);
  }

  /// Unix time in nanoseconds, for every component under test.
  static inline std::atomic<std::int64_t> now{1'700'000'000'000'000'000};
  static void pass(std::chrono::nanoseconds time) { now += time.count(); }

 private:
  static const cairn_component& find(const std::string& name) {
    const char* folder = std::getenv("CAIRN_PLUGIN_DIR");
    const std::string file =
        std::string(folder != nullptr ? folder : "plugins") + "/cairn-" + name + ".so";
    void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == nullptr) throw std::runtime_error(dlerror());
    const auto entry = reinterpret_cast<cairn_plugin_entry>(dlsym(library, CAIRN_ENTRY_SYMBOL));
    const cairn_plugin* plugin = entry(&host_);
    for (std::size_t i = 0; i < plugin->component_count; ++i) {
      if (plugin->components[i]->name == name) return *plugin->components[i];
    }
    throw std::runtime_error(file + " has no component " + name);
  }

  static cairn::Document option_values(const cairn_component& component, const OptionTexts& texts) {
    OptionTexts left = texts;
    return cairn::Document::build([&](cairn::Writer out) {
      std::vector<std::pair<const cairn_option*, std::string>> given;
      for (std::size_t i = 0; i < component.option_count; ++i) {
        const cairn_option& option = *cairn_option_at(&component, i);
        if (const auto it = left.find(option.name); it != left.end()) {
          given.emplace_back(&option, it->second);
          left.erase(it);
        } else if (option.default_value != nullptr) {
          const std::string_view name = option.name;
          const bool is_patience = name == "timeout" || name == "connect_timeout";
          given.emplace_back(&option, is_patience ? "20s" : option.default_value);
        }
      }
      if (!left.empty()) throw std::runtime_error("no such option: " + left.begin()->first);
      auto map = out.map(given.size());
      for (const auto& [option, text] : given) write(map.key(option->name), option->type, text);
    });
  }
  static void write(cairn::Writer out, std::string_view type, const std::string& text) {
    if (type == "bool") return out.boolean(text == "true");
    if (type == "int") return out.integer(std::stoll(text));
    if (type == "real") return out.real(std::stod(text));
    if (type == "duration") {
      return out.integer(cairn::hosting::parse_duration(text).value().count());
    }
    if (type == "size") {
      return out.integer(static_cast<std::int64_t>(cairn::hosting::parse_size(text).value()));
    }
    if (type == "percent") return out.real(cairn::hosting::parse_percent(text).value());
    if (type.substr(0, 5) == "list:") {  // a, b, c
      std::vector<std::string> items;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        items.push_back(text.substr(at, end - at));
        at = end + 1;
        while (at < text.size() && text[at] == ' ') ++at;
      }
      auto list = out.list(items.size());
      for (const std::string& item : items) write(list.item(), type.substr(5), item);
      return;
    }
    out.text(text);
  }

  // Operations that a proxy does not offer pass it by; those that a backend does not offer answer as
  // Backend's defaults do.
  cairn_next table(cairn::Backend* below) {
    cairn_next next = cairn::detail::table_of(below != nullptr ? *below : missing_);
#define CAIRN_TAKE(op)                 \
  if (component_.ops->op != nullptr) { \
    next.op.fn = component_.ops->op;   \
    next.op.self = self_;              \
  }
    CAIRN_OPS(CAIRN_TAKE)
#undef CAIRN_TAKE
    missing_.single = &backend_;
    return next;
  }
  // Batches in terms of single operations; everything else refused.
  struct Missing final : cairn::Backend {
    std::optional<cairn::Next>* single = nullptr;
    cairn::OptionalEntry get(cairn::Key k, cairn::Call c) override { return (*single)->get(k, c); }
    void set(cairn::Key k, const cairn::Entry& e, const cairn::SetOptions& o,
             cairn::Call c) override {
      (*single)->set(k, e, o, c);
    }
    bool remove(cairn::Key k, cairn::Call c) override { return (*single)->remove(k, c); }
  };

  static inline cairn_host host_{};
  static inline int32_t log_level_ = CAIRN_LOG_ERROR;
  const cairn_component& component_;
  void* self_ = nullptr;
  Missing missing_;
  std::optional<cairn::Next> backend_;
};

// What a plugin file says about itself, read from its ELF note without running any of it.
//
// Outcomes: the note, or Error(config) with one sentence: the file, what was found, what was
// expected and what to do. The bytes may be anything: a file is never trusted, only measured.
// Threads: any. Lifetimes: nothing is kept; the descriptor stays the caller's.
#pragma once

#include <cairn/abi.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::hosting {

enum class Role : std::uint32_t { backend = CAIRN_BACKEND, proxy = CAIRN_PROXY };

/// "backend" or "proxy".
std::string_view to_string(Role role) noexcept;

struct OfferedComponent {
  Role role;
  std::string name;

  friend bool operator==(const OfferedComponent&, const OfferedComponent&) = default;
};

struct PluginNote {
  unsigned abi_major = 0, abi_minor = 0;
  std::string id;
  std::string version;
  std::vector<OfferedComponent> components;  ///< without roles that this host does not know

  bool offers(Role role, std::string_view name) const noexcept;
};

/// The note of the file open at `fd`; `file` is for messages. A note of another ABI major is read
/// as far as it can be understood, so that it can be shown.
PluginNote read_plugin_note(int fd, const std::filesystem::path& file);

/// The note of `file`, opened only to be read: no path rules, for `cairn inspect`.
PluginNote inspect_plugin(const std::filesystem::path& file);

/// Throws if this host does not speak the ABI that the plugin was built for.
void require_supported_abi(const PluginNote& note, const std::filesystem::path& file);

/// Whether `name` can stand in a config file: [a-z][a-z0-9_-]*, at most 64 bytes.
bool is_component_name(std::string_view name) noexcept;

}  // namespace cairn::hosting

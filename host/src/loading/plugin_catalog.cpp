#include "plugin_catalog.hpp"

#include "config/nearest_name.hpp"
#include "plugin_library.hpp"

#include <cairn/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

namespace cairn::hosting {

namespace {

namespace fs = std::filesystem;

std::string_view article(Role role) {
  return role == Role::backend ? "a backend" : "a proxy";
}

std::string why_unread(const fs::path& directory, const std::error_code& error) {
  if (error == std::errc::no_such_file_or_directory) return "does not exist";
  if (error == std::errc::not_a_directory) {
    return fmt::format("is a file: name its folder, {}", directory.parent_path().string());
  }
  return fmt::format("cannot be read: {}", error.message());
}

}  // namespace

PluginCatalog::PluginCatalog(const std::vector<PluginDirectory>& directories,
                             const cairn_host& host)
    : host_(host) {
  for (const PluginDirectory& directory : directories) scan(directory);
}

void PluginCatalog::scan(const PluginDirectory& directory) {
  Directory& result = directories_.emplace_back(Directory{directory, {}});
  if (!directory.path.is_absolute()) {
    result.problem =
        "not searched, because it is relative: write it from the root, beginning with /";
    return;
  }
  std::error_code error;
  for (std::size_t i = 0; i + 1 < directories_.size(); ++i) {
    if (fs::equivalent(directories_[i].searched.path, directory.path, error)) {
      result.problem = "searched already";
      return;
    }
  }
  error.clear();
  std::vector<fs::path> found;
  for (fs::directory_iterator it(directory.path, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".so") found.push_back(it->path());
  }
  if (error) {
    result.problem = why_unread(directory.path, error);
    return;
  }
  std::sort(found.begin(), found.end());
  for (fs::path& path : found) add(std::move(path));
}

void PluginCatalog::add(fs::path path) {
  File file;
  file.path = std::move(path);
  try {
    file.note = inspect_plugin(file.path);
    require_supported_abi(*file.note, file.path);
    PluginFile(file.path);
  } catch (const Error& error) {
    file.skipped = error.what();
  }
  if (file.skipped.empty()) {
    for (const OfferedComponent& component : file.note->components) {
      const auto [it, is_first] =
          offers_.try_emplace({component.role, component.name}, files_.size());
      if (!is_first && it->second != files_.size()) {
        file.shadowed.push_back({component, files_[it->second].path});
      }
    }
  }
  files_.push_back(std::move(file));
}

const PluginCatalog::File* PluginCatalog::file_of(Role role, std::string_view name) const noexcept {
  const auto it = std::find_if(offers_.begin(), offers_.end(), [&](const auto& offer) {
    return offer.first.first == role && offer.first.second == name;
  });
  return it == offers_.end() ? nullptr : &files_[it->second];
}

const cairn_component& PluginCatalog::find(Role role, std::string_view name) const {
  const File* found = file_of(role, name);
  if (found == nullptr) throw Error(Errc::config, explain_missing(role, name));

  // The file may have changed since the scan, so everything is read again from what is opened now.
  const PluginFile file(found->path);
  const PluginNote note = read_plugin_note(file.fd(), file.path());
  const cairn_plugin& plugin = load_plugin(file, note, host_);
  for (std::size_t i = 0; i < plugin.component_count; ++i) {
    const cairn_component& component = *plugin.components[i];
    if (component.role == static_cast<std::uint32_t>(role) && component.name == name)
      return component;
  }
  throw Error(Errc::config,
              fmt::format("{}: was replaced and offers {} \"{}\" no longer: start the program "
                          "again to search anew",
                          file.path().string(), to_string(role), name));
}

std::string PluginCatalog::explain_missing(Role role, std::string_view name) const {
  std::string text = fmt::format("there is no {} \"{}\"", to_string(role), name);

  const Role other = role == Role::backend ? Role::proxy : Role::backend;
  if (file_of(other, name) != nullptr) {
    text += fmt::format(
        ": \"{}\" is {}{}", name, article(other),
        other == Role::proxy ? ", which goes into `wrap`" : ", which cannot wrap another");
  } else {
    std::vector<std::string_view> known;
    for (const auto& [offer, index] : offers_) {
      if (offer.first == role) known.push_back(offer.second);
    }
    const std::string nearest = nearest_name(name, known);
    if (!nearest.empty()) text += fmt::format(": did you mean \"{}\"?", nearest);
  }

  for (const File& file : files_) {
    const bool says_so = file.note && file.note->offers(role, name);
    const bool sounds_so = !file.note && file.path.stem().string().find(name) != std::string::npos;
    if (!file.skipped.empty() && (says_so || sounds_so)) {
      text += fmt::format("\n  skipped  {}", file.skipped);
    }
  }
  for (const Directory& directory : directories_) {
    text += fmt::format("\n  searched {} ({}{}{})", directory.searched.path.string(),
                        directory.searched.origin, directory.problem.empty() ? "" : ": ",
                        directory.problem);
  }
  return text;
}

}  // namespace cairn::hosting

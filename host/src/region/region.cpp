#include "region_core.hpp"

#include <cairn/host/region.hpp>

namespace cairn {

using hosting::RegionCore;
using hosting::Setup;

namespace detail {

void refuse_objects() {
  throw Error(Errc::unsupported,
              "this region's stack takes only bytes, so it stores strings and byte vectors; add "
              "\"msgpack\" or \"json\" to its `wrap` for other types");
}

void refuse_unreadable() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    const char* const text = error.what();
    throw Error(Errc::corrupt, text != nullptr ? text : "an exception that says nothing");
  }
}

void refuse_length(std::size_t wanted, std::size_t got) {
  throw Error(Errc::internal, "a creator of " + std::to_string(wanted) + " values returned " +
                                  std::to_string(got) + ": return one per key, or a map");
}

}  // namespace detail

Region::Region(std::shared_ptr<RegionCore> core) noexcept : core_(std::move(core)) {}
Region::~Region() = default;

const std::string& Region::name() const noexcept {
  return core_->name();
}
std::uint32_t Region::kinds() const noexcept {
  return core_->kinds();
}

void Region::read_multi(Keys keys, const GetOptions& options, detail::AcceptEach accept,
                        detail::FunctionRef<void(std::size_t)> refuse) {
  core_->read_multi(keys, options, accept, refuse);
}
void Region::write(std::string_view key, Entry entry, const SetOptions& options) {
  core_->write(key, std::move(entry), options);
}
void Region::write_multi(Keys keys, std::span<Entry> entries, const SetOptions& options) {
  core_->write_multi(keys, entries, options);
}
Time Region::creation_begins() {
  return core_->stamp(*core_->setup());
}
void Region::write_made(Keys keys, std::span<Entry> entries, Time began) {
  core_->write_multi(keys, entries, {}, began);
}
bool Region::remove(std::string_view key) {
  return core_->remove(key);
}
std::size_t Region::erase_multi(Keys keys) {
  return core_->remove_multi(keys);
}

void Region::create_multi(Keys keys, const CreateOptions& options, detail::AcceptEach accept,
                          detail::FunctionRef<void(std::size_t)> refuse, detail::CreateEach create,
                          const std::function<detail::DetachedCreateEach()>& detach) {
  core_->create_multi(keys, options, accept, refuse, create, detach);
}

Metadata Region::metadata_of(const Entry& entry) const {
  Metadata metadata;
  metadata.created = entry.created();
  metadata.age =
      std::chrono::nanoseconds(hosting::age_at(core_->clock().now(), entry.raw().created_ns));
  metadata.value_version = entry.value_version();
  if (entry.expires() != Time()) metadata.expires = entry.expires();
  return metadata;
}

std::optional<Metadata> Region::metadata(std::string_view key, const GetOptions& options) {
  std::optional<Metadata> result;
  Entry slot;
  const auto accept = [&](Entry&& entry) {
    result = metadata_of(entry);
    return detail::Found::value;
  };
  if (!read(key, options, {accept, slot})) result.reset();
  return result;
}

std::optional<Entry> Region::get_entry(std::string_view key, const GetOptions& options) {
  std::optional<Entry> result;
  Entry slot;
  const auto accept = [&](Entry&& entry) {
    result = std::move(entry);
    return detail::Found::value;
  };
  if (!read(key, options, {accept, slot})) result.reset();
  return result;
}

void Region::set_entry(std::string_view key, const Entry& entry, const SetOptions& options) {
  if ((entry.raw().kind & kinds()) == 0) {
    throw Error(Errc::unsupported,
                "region " + name() + ": its stack does not take this kind of value");
  }
  write(key, entry, options);
}

void Region::invalidate(Invalidation kind) {
  core_->invalidate(kind);
}
bool Region::key_is_locked(std::string_view key) {
  return core_->key_is_locked(key);
}
RegionStatistics Region::statistics() const {
  return core_->statistics();
}

void Region::set_invalidation(std::shared_ptr<InvalidationStrategy> strategy) {
  if (!strategy) throw Error(Errc::config, "region " + name() + ": no invalidation strategy given");
  core_->replace([&](Setup& setup) {
    setup.invalidation = std::move(strategy);
    setup.own_invalidation = true;
  });
}

void Region::set_background_runner(BackgroundRunner runner) {
  core_->replace([&](Setup& setup) { setup.runner = std::move(runner); });
}

void Region::set_key_mangler(std::function<std::string(std::string_view)> mangler) {
  core_->replace([&](Setup& setup) {
    setup.own_mangler = mangler != nullptr;
    setup.mangler = mangler ? std::move(mangler) : hosting::make_mangler(setup.policy.key_mangler);
  });
}

}  // namespace cairn

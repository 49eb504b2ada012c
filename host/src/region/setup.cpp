#include "setup.hpp"

#include "sha1.hpp"

#include <mutex>

namespace cairn::hosting {

const Setup& closed_setup() {
  // Never destroyed: regions with static storage duration end later than anything here.
  static const Setup& setup = *[] {
    auto* closed = new Setup();
    closed->top = &closed_table();
    closed->invalidation = std::make_shared<LocalInvalidation>();
    closed->local_invalidation = static_cast<LocalInvalidation*>(closed->invalidation.get());
    return closed;
  }();
  return setup;
}

void keep_for_ever(SetupPtr setup) {
  static std::mutex mutex;
  static auto* kept = new std::vector<SetupPtr>();
  const std::lock_guard lock(mutex);
  kept->push_back(std::move(setup));
}

std::function<std::string(std::string_view)> make_mangler(const KeyMangler& mangler) {
  switch (mangler.kind) {
    case KeyMangler::Kind::none: return nullptr;
    case KeyMangler::Kind::sha1: return [](std::string_view key) { return sha1_hex(key); };
    case KeyMangler::Kind::length_conditional:
      return [length = mangler.length](std::string_view key) {
        return key.size() >= length ? sha1_hex(key) : std::string(key);
      };
  }
  return nullptr;
}

}  // namespace cairn::hosting

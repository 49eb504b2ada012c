// What a region is made of: its Setup. It is immutable, and replaced as a whole.
//
// A hit pins it, reads, judges and is done. Whoever creates holds a reference to the setup it began with,
// so that a replaced stack lives until its last creator is through.
#pragma once

#include "freshness.hpp"
#include "stack/stack.hpp"

#include <cairn/host/invalidation.hpp>
#include <cairn/host/region_options.hpp>
#include <cairn/host/region_policy.hpp>
#include <cairn/key.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::hosting {

struct alignas(64) Setup : std::enable_shared_from_this<Setup> {
  // What a hit looks at is in the first two lines.
  const cairn_next* top = nullptr;  // of `stack`
  Lifetime lifetime;                // as `policy` says
  // `invalidation`, if it is one: no virtual call
  const LocalInvalidation* local_invalidation = nullptr;
  std::function<std::string(std::string_view)> mangler;  // empty: keys as they are
  int value_version = 2;                                 // as `policy` says

  std::shared_ptr<const Stack> stack;  // null: closed
  RegionPolicy policy;
  std::shared_ptr<InvalidationStrategy> invalidation;
  BackgroundRunner runner;
  // What the program gave in code outlives a replacement; what `policy` chose does not.
  bool own_mangler = false;
  bool own_invalidation = false;
  bool locks_in_store = false;
  std::chrono::nanoseconds lease{0};

  void set_policy(const RegionPolicy& rules) {
    policy = rules;
    lifetime = Lifetime(rules, std::nullopt);
    value_version = rules.value_version;
  }
  /// What has become of a value of that age by invalidations.
  Invalidation invalidated(std::string_view key, Time created) const {
    if (local_invalidation != nullptr) {
      return local_invalidation->LocalInvalidation::check(key, created);
    }
    return invalidation->check(key, created);
  }
  /// The rules for one call: with an expiration of its own they are made in `own`.
  const Lifetime& lifetime_for(const std::optional<Expiration>& expiration,
                               std::optional<Lifetime>& own) const noexcept {
    return expiration ? own.emplace(policy, expiration) : lifetime;
  }
};
using SetupPtr = std::shared_ptr<const Setup>;

/// One without a stack, whose table answers that it is closed. Never destroyed.
const Setup& closed_setup();
/// For what somebody may still be in the middle of: kept rather than pulled away from under a call.
void keep_for_ever(SetupPtr setup);

/// What the policy's key mangler does; empty for none.
std::function<std::string(std::string_view)> make_mangler(const KeyMangler& mangler);

/// The keys of a batch as the store sees them.
class MangledKeys {
 public:
  MangledKeys(const Setup& setup, Keys keys) : keys_(keys.begin(), keys.end()) {
    if (!setup.mangler) return;
    names_.reserve(keys.size());
    for (Key& key : keys_) key = names_.emplace_back(setup.mangler(key));
  }
  Key operator[](std::size_t i) const noexcept { return keys_[i]; }
  const cairn_bytes* raw() const noexcept {
    return reinterpret_cast<const cairn_bytes*>(keys_.data());
  }

 private:
  std::vector<std::string> names_;
  std::vector<Key> keys_;
};

/// Makes a call ready, touching only its head: nobody reads the text unless `error` says so.
inline void begin(cairn_call& call) noexcept {
  call.size = sizeof call;
  call.flags = 0;
  call.deadline_ns = 0;
  call.error = CAIRN_OK;
  call.system_error = 0;
  call.error_text[0] = '\0';
}

}  // namespace cairn::hosting

#include "freshness.hpp"

#include <algorithm>

namespace cairn::hosting {

namespace {

// A number in [0, 1) that is the same for every process that looks at the same value: splitmix64's
// finaliser (Steele, Lea, Flood 2014) over the key and the time of creation.
double share_of(std::string_view key, std::int64_t created_ns) noexcept {
  std::uint64_t x = std::hash<std::string_view>()(key) ^ static_cast<std::uint64_t>(created_ns);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

}  // namespace

Lifetime::Lifetime(const RegionPolicy& policy, const std::optional<Expiration>& override_) noexcept
    : jitter_(policy.jitter), refresh_at_(policy.refresh_at.value_or(0)) {
  if (override_) {
    expiration_ = override_->age().count();
  } else if (policy.expiration_time) {
    expiration_ = policy.expiration_time->count();
  }
  negative_ = policy.negative_ttl ? policy.negative_ttl->count() : expiration_;
  const std::int64_t shortest = std::min(expiration_, negative_);
  surely_fresh_ = surely_fresh_of(shortest);
  clock_ = shortest == never ? Asks::nothing : shortest > 100'000'000 ? Asks::coarse : Asks::exact;
}

std::int64_t Lifetime::surely_fresh_of(std::int64_t shortest) const noexcept {
  if (shortest <= 0) return INT64_MIN;  // none
  const bool refreshes = refresh_at_ > 0 && refresh_at_ < 1;
  if (shortest == never || (jitter_ <= 0 && !refreshes)) return shortest;
  // From below: the others round, too.
  constexpr double less = 1 - 1e-9;
  const double share = (1 - std::clamp(jitter_, 0.0, 1.0)) * (refreshes ? refresh_at_ : 1);
  return static_cast<std::int64_t>(static_cast<double>(shortest) * share * less) - 1;
}

std::int64_t Lifetime::jitter_of(std::int64_t whole, std::string_view key,
                                 std::int64_t created_ns) const noexcept {
  return static_cast<std::int64_t>(static_cast<double>(whole) * jitter_ *
                                   share_of(key, created_ns));
}

}  // namespace cairn::hosting

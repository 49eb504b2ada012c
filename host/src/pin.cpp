#include "pin.hpp"

namespace cairn::hosting {

namespace {

std::atomic<std::size_t> next_stripe{0};
// Trivial and initial-exec: no destructor that could outlive us, no call to find it.
[[gnu::tls_model("initial-exec")]] thread_local std::size_t my_stripe = stripe_count;

}  // namespace

std::size_t thread_stripe() noexcept {
  if (my_stripe == stripe_count) [[unlikely]] {
    my_stripe = next_stripe.fetch_add(1, std::memory_order_relaxed) % stripe_count;
  }
  return my_stripe;
}

}  // namespace cairn::hosting

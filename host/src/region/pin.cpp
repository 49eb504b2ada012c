#include "pin.hpp"

namespace cairn::hosting {

namespace {

std::atomic<std::size_t> next_stripe{0};

}  // namespace

constinit thread_local std::size_t my_stripe = stripe_count;

std::size_t choose_stripe() noexcept {
  return my_stripe = next_stripe.fetch_add(1, std::memory_order_relaxed) % stripe_count;
}

}  // namespace cairn::hosting

#include "store_invalidation.hpp"

#include <cairn/host/detail/packing.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <ctime>

namespace cairn::hosting {

namespace {

// Cheap: asked for every value that is read. At most one tick late.
std::int64_t steady_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

void raise_to(std::atomic<std::int64_t>& stamp, std::int64_t to) {
  std::int64_t before = stamp.load(std::memory_order_relaxed);
  while (before < to && !stamp.compare_exchange_weak(before, to)) {
  }
}

}  // namespace

StoreInvalidation::StoreInvalidation(std::shared_ptr<const Stack> stack, const Clock& clock,
                                     std::chrono::nanoseconds delay, int value_version, Time hard,
                                     Time soft)
    : stack_(std::move(stack)),
      clock_(clock),
      delay_(delay),
      value_version_(value_version),
      hard_(hard.time_since_epoch().count()),
      soft_(soft.time_since_epoch().count()),
      due_(0) {}

void StoreInvalidation::invalidate(Invalidation kind, Time when) {
  read();  // what others have said meanwhile is not overwritten
  raise_to(kind == Invalidation::hard ? hard_ : soft_, when.time_since_epoch().count());
  write();
}

Invalidation StoreInvalidation::check(std::string_view, Time created) const {
  refresh_if_due();
  const std::int64_t ns = created.time_since_epoch().count();
  if (ns < hard_.load(std::memory_order_acquire)) return Invalidation::hard;
  return ns < soft_.load(std::memory_order_acquire) ? Invalidation::soft : Invalidation::none;
}

Time StoreInvalidation::latest() const {
  refresh_if_due();
  return std::max(last(Invalidation::hard), last(Invalidation::soft));
}

void StoreInvalidation::refresh() const {
  due_ = next_due(steady_now());
  read();
}

// Whoever finds the copy due moves the time on and reads; the others go on with what they have. There is
// no lock that a fork could leave held.
void StoreInvalidation::refresh_if_due() const {
  const std::int64_t now = steady_now();
  std::int64_t due = due_.load(std::memory_order_relaxed);
  if (now >= due && due_.compare_exchange_strong(due, next_due(now))) read();
}

std::int64_t StoreInvalidation::next_due(std::int64_t now) const noexcept {
  return delay_.count() < INT64_MAX - now ? now + delay_.count() : INT64_MAX;
}

Time StoreInvalidation::last(Invalidation kind) const noexcept {
  const std::atomic<std::int64_t>& stamp = kind == Invalidation::hard ? hard_ : soft_;
  return Time(std::chrono::nanoseconds(stamp.load(std::memory_order_acquire)));
}

bool StoreInvalidation::read() const {
  const cairn_next& table = stack_->table();
  cairn_call call;
  begin(call);
  Entry entry;
  if (table.get.fn(table.get.self, &call, Key(key).raw(), &entry.raw()) != CAIRN_OK) return false;
  try {
    const std::string text = detail::unpack<std::string>(std::move(entry));
    std::int64_t hard = 0;
    std::int64_t soft = 0;
    const char* end = text.data() + text.size();
    const auto first = std::from_chars(text.data(), end, hard);
    if (first.ec != std::errc() || first.ptr == end) return false;
    if (std::from_chars(first.ptr + 1, end, soft).ec != std::errc()) return false;
    raise_to(hard_, hard);
    raise_to(soft_, soft);
    return true;
  } catch (const Error&) {  // not ours: somebody uses our key
    return false;
  }
}

void StoreInvalidation::write() const {
  const std::string text = fmt::format("{} {}", hard_.load(), soft_.load());
  Entry entry = detail::pack(text, stack_->accepts(), false);
  entry.set_created(clock_.now());
  entry.set_value_version(value_version_);
  const cairn_next& table = stack_->table();
  cairn_call call;
  begin(call);
  const cairn_set_options options{sizeof options, 0, 0};
  const cairn_status status =
      table.set.fn(table.set.self, &call, Key(key).raw(), &entry.raw(), &options);
  if (status < 0) {
    throw Error::from_layer(to_errc(status),
                            call.error != CAIRN_OK
                                ? call.error_text
                                : std::string("the invalidation could not be stored"),
                            call.system_error);
  }
}

}  // namespace cairn::hosting

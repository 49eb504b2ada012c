// An OptionalEntry is what a look for a key brings: an Entry, or nothing.
//
// It reads like a std::optional<Entry>, and is laid out as the slot that the C contract hands down for
// the answer, in which an entry without a kind means "none". So a store makes its entry right in that
// slot, the layers in between pass it up without a copy, and a hit costs the same however deep the stack
// is. That holds as long as a layer returns what it got, or a local variable:
//
//     OptionalEntry get(Key key, Call call) override {
//       OptionalEntry found = next().get(key, call);
//       if (!found) ++misses_;
//       return found;
//     }
//
// Threads: const methods concurrently.
#pragma once

#include <cairn/entry.hpp>

#include <optional>
#include <utility>

namespace cairn {

class OptionalEntry {
 public:
  /// None.
  OptionalEntry() noexcept { entry_.raw() = cairn_entry{}; }
  OptionalEntry(std::nullopt_t) noexcept : OptionalEntry() {}             // NOLINT: as optional's
  OptionalEntry(Entry entry) noexcept : entry_(std::move(entry)) {}       // NOLINT: as optional's
  OptionalEntry(std::optional<Entry> entry) noexcept : OptionalEntry() {  // NOLINT: to and fro
    if (entry) entry_ = std::move(*entry);
  }
  OptionalEntry& operator=(std::nullopt_t) noexcept { return *this = OptionalEntry(); }

  bool has_value() const noexcept { return entry_.raw().kind != 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Precondition of these: has_value().
  Entry& operator*() & noexcept { return entry_; }
  const Entry& operator*() const& noexcept { return entry_; }
  Entry&& operator*() && noexcept { return std::move(entry_); }
  Entry* operator->() noexcept { return &entry_; }
  const Entry* operator->() const noexcept { return &entry_; }

  /// Errors: std::bad_optional_access.
  Entry& value() & { return checked(), entry_; }
  const Entry& value() const& { return checked(), entry_; }
  Entry&& value() && { return checked(), std::move(entry_); }

  Entry value_or(const Entry& other) const { return has_value() ? entry_ : other; }

  void reset() noexcept { *this = OptionalEntry(); }

  /// The slot, for a function of the C contract to write to; zeroed if this is none.
  cairn_entry& raw() noexcept { return entry_.raw(); }
  /// Makes this none without letting go of what is in the slot: a failed call's leftovers are nobody's.
  void disown() noexcept { entry_.raw() = cairn_entry{}; }

  friend bool operator==(const OptionalEntry& found, std::nullopt_t) noexcept {
    return !found.has_value();
  }

 private:
  void checked() const {
    if (!has_value()) throw std::bad_optional_access();
  }

  Entry entry_;
};
static_assert(sizeof(OptionalEntry) == sizeof(cairn_entry));

}  // namespace cairn

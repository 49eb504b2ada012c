// What a rule of the contract works with: the layer on trial, and where it says what is wrong.
//
// Threads: one, but violation() any. Lifetimes: the subject outlives the trial.
#pragma once

#include <cairn/backend.hpp>
#include <cairn/detail/passing_by.hpp>
#include <cairn/options.hpp>
#include <cairn/testing/faulty_backend.hpp>
#include <cairn/testing/manual_clock.hpp>
#include <cairn/testing/map_backend.hpp>
#include <cairn/testing/recording_backend.hpp>
#include <cairn/testing/samples.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace cairn::testing {

/// One sentence about one broken rule.
struct Violation {
  std::string rule;
  std::string what;
};

/// What a layer has declared about itself; see <cairn/plugin.hpp>.
struct Traits {
  std::uint32_t accepts = Kinds::any;
  std::uint32_t emits = Kinds::as_given;              ///< proxies
  std::uint32_t transforms = Transforms::everything;  ///< proxies
  std::uint32_t threads = Threads::any;
  std::uint32_t max_key_bytes = 0;  ///< 0: no limit
  std::string missing = {};         ///< proxies: operations that a host would refuse, as a sentence

  static Traits of(const cairn_component& c) {
    if (c.role != CAIRN_PROXY) {
      return {c.accepts, c.emits, Transforms::nothing, c.threads, c.max_key_bytes};
    }
    auto [problem, remedy] = detail::missing_operations(c);
    return {c.accepts, c.emits,         c.transforms,
            c.threads, c.max_key_bytes, problem.empty() ? "" : problem + "; " + remedy};
  }
};

/// How to make the layer on trial. Fill in `make` for a backend, `make_over` for a proxy.
struct Subject {
  std::function<std::unique_ptr<Backend>()> make;
  std::function<std::unique_ptr<Backend>(Backend& below)> make_over;
  Traits traits;
  /// If the layer takes its time from here, times to live are checked without waiting.
  ManualClock* clock = nullptr;
  /// Likewise, if it takes its time from elsewhere.
  std::function<void(std::chrono::nanoseconds)> pass_time;
  /// The C table of what was made, if it is called through one.
  std::function<cairn_next(Backend&)> table;

  bool is_proxy() const noexcept { return static_cast<bool>(make_over); }
};

/// Thrown by Trial::skip.
struct Skipped {
  std::string why;
};

class Trial {
 public:
  explicit Trial(const Subject& subject) : subject_(subject) {}

  const Traits& traits() const noexcept { return subject_.traits; }
  const Subject& subject() const noexcept { return subject_; }

  /// The layer on trial; a proxy stands in front of below(), which is in front of store().
  Backend& backend() {
    if (layer_ == nullptr) remake();
    return *layer_;
  }
  RecordingBackend& below() noexcept { return below_; }
  FaultyBackend& fault() noexcept { return faulty_; }
  MapBackend& store() noexcept { return store_; }
  /// Destroys the layer and makes a new one.
  void remake() {
    layer_.reset();
    layer_ = subject_.is_proxy() ? subject_.make_over(below_) : subject_.make();
  }
  void destroy() { layer_.reset(); }

  /// A call without a deadline, whose errors have their text.
  Call call() noexcept {
    call_ = {};
    call_.size = sizeof call_;
    return Call(&call_);
  }
  /// A key that nobody else uses, so that stores which are never empty can be tried too.
  std::string key(std::string_view name) const {
    return "cairn-test/" + run_id() + "/" + std::string(name);
  }
  /// `text` as a payload that the layer accepts.
  Entry value(std::string_view text) const { return sample(traits().accepts, text); }

  bool expect(bool holds, const std::string& otherwise) {
    if (!holds) violation(otherwise);
    return holds;
  }
  void violation(std::string what) {
    const std::lock_guard guard(mutex_);
    if (violations_.size() < 5) violations_.push_back(std::move(what));  // the rest says the same
  }
  [[noreturn]] static void skip(std::string why) { throw Skipped{std::move(why)}; }

  const std::vector<std::string>& violations() const noexcept { return violations_; }

  /// Skips the rule if the layer keeps nothing, as the null backend does: a cache may always
  /// forget.
  void needs_memory() {
    const std::string probe = key("probe");
    backend().set(probe, value("probe"), {}, call());
    const bool kept = backend().get(probe, call()).has_value();
    backend().remove(probe, call());
    if (!kept) skip("it forgets at once what it is given");
  }
  /// Makes time pass, on the injected clock or, up to `at_most` of it, in earnest.
  template <class Done>
  bool passes_within(std::chrono::nanoseconds time, std::chrono::nanoseconds at_most, Done done) {
    if (subject_.clock != nullptr) subject_.clock->advance(time);
    if (subject_.pass_time) subject_.pass_time(time);
    const auto end = std::chrono::steady_clock::now() + at_most;
    while (!done()) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
  }

  /// What `key` answers, as text: for comparing and for messages.
  std::string read(Key key) {
    const OptionalEntry found = backend().get(key, call());
    return found ? shown(*found) : "a miss";
  }

  static const std::string& run_id() {
    static const std::string id =
        std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
    return id;
  }

 private:
  const Subject& subject_;
  MapBackend store_{subject_.clock};
  FaultyBackend faulty_{store_};
  RecordingBackend below_{faulty_};
  std::unique_ptr<Backend> layer_;
  cairn_call call_{};
  std::mutex mutex_;
  std::vector<std::string> violations_;
};

/// One rule. A trial of it may take for ever: whoever cannot wait runs it in a process of its own.
struct Rule {
  const char* name;
  int level;  ///< 1: the heart; 2: everything deterministic; 3: threads and stress
  void (*check)(Trial&);
  const char* doing;  ///< what is being done meanwhile, for the message when it crashes or hangs
  const char* if_stuck = "it waits for itself, or for ever";
};

}  // namespace cairn::testing

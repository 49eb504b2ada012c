// Load on a store while it is being hurt, counted by outcome. A wrong value would be somebody else's.
#pragma once

#include "component_under_test.hpp"
#include "meanwhile.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

struct Load {
  using Clock = std::chrono::steady_clock;

  explicit Load(ComponentUnderTest& store, int threads = 8) {
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([this, &store, t] {
        const std::string key = "load" + std::to_string(t);
        while (!over) {
          const auto begin = Clock::now();
          try {
            store->set(key, cairn::Entry::borrow(key), {}, cairn::Call());
            const auto found = store->get(key, cairn::Call());
            if (found && found->bytes() != key) ++wrong;
            ++good;
          } catch (const cairn::Error&) {
            ++failed;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
          }
          const auto took = (Clock::now() - begin).count();
          for (auto seen = longest_ns.load(); took > seen;) {
            if (longest_ns.compare_exchange_weak(seen, took)) break;
          }
        }
      });
    }
  }
  ~Load() { end(); }
  void end() {
    over = true;
    for (std::thread& worker : workers) {
      if (worker.joinable()) worker.join();
    }
  }
  /// How long until operations succeed again; as long as `eventually` waits if they do not.
  std::chrono::milliseconds recovery() const {
    const auto begin = Clock::now();
    const long long before = good;
    eventually([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return good > before;
    });
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  }
  /// Of a set and a get together.
  std::chrono::milliseconds longest() const {
    return std::chrono::milliseconds(longest_ns / 1'000'000);
  }

  std::atomic<bool> over{false};
  std::atomic<long long> good{0}, failed{0}, wrong{0}, longest_ns{0};
  std::vector<std::thread> workers;
};

/// Short pauses, so that a fault is over soon.
inline ComponentUnderTest::OptionTexts quick_at(const std::string& url) {
  return {{"url", url}, {"retry_after", "20ms"}, {"retry_after_at_most", "100ms"}};
}

/// For servers that say nothing: short limits, too.
inline ComponentUnderTest::OptionTexts impatient_at(const std::string& url) {
  auto options = quick_at(url);
  options["timeout"] = options["connect_timeout"] = "150ms";
  return options;
}

/// Whether `key` is answered with `value` before long.
inline bool comes_to_answer(ComponentUnderTest& redis, const std::string& key,
                            const std::string& value) {
  return eventually([&] {
    try {
      const cairn::OptionalEntry found = redis->get(key, cairn::Call());
      return found && found->bytes() == value;
    } catch (const cairn::Error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return false;
    }
  });
}

/// How long something takes.
inline std::chrono::milliseconds time_of(const std::function<void()>& body) {
  const auto begin = Load::Clock::now();
  body();
  return std::chrono::duration_cast<std::chrono::milliseconds>(Load::Clock::now() - begin);
}

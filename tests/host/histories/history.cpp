#include "history.hpp"

#include <set>
#include <thread>

using namespace cairn;
using namespace std::chrono_literals;

namespace {

struct CreatorFailed {};

constexpr std::int64_t expiration = 10'000'000'000;  // as in every policy of histories.cpp

void raise_to(std::atomic<std::int64_t>& most, std::int64_t value) {
  std::int64_t before = most.load();
  while (before < value && !most.compare_exchange_weak(before, value)) {
  }
}

// Takes some microseconds, or now and then as long as the others want: without a clock, and cheap
// on a busy machine.
void work(std::uint64_t choice) {
  std::atomic<std::uint64_t> turns = choice % 5'000;
  while (turns.load() > 0) turns.store(turns.load() - 1, std::memory_order_relaxed);
  if (choice % 8 == 0) std::this_thread::yield();
}

// What the creators that this thread has run in the call under way made: key and value.
thread_local std::vector<std::pair<int, int>> made_here;

}  // namespace

History::History(TestHost& host, const Rules& rules, std::string name, std::uint64_t seed)
    : host_(host), region_(host.region()), rules_(rules), name_(std::move(name)), seed_(seed) {}

void History::run() {
  if (rules_.own_runner) {
    region_.set_background_runner([this](std::string_view, BackgroundJob job) {
      ++jobs_;
      std::thread([this, job = std::move(job)]() mutable {
        std::exchange(job, nullptr)();
        --jobs_;
      }).detach();
    });
  }
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back(
          [this, i] { thread(seed_ * thread_count + static_cast<std::uint64_t>(i)); });
    }
  }
  // Background creators use this object.
  for (int i = 0; i < key_count; ++i) {
    while (region_.key_is_locked(key(i)) || jobs_ != 0) std::this_thread::yield();
  }
}

std::string History::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

void History::fail(const std::string& what) {
  const std::lock_guard lock(failure_mutex_);
  if (failure_.empty()) failure_ = what;
}

void History::thread(std::uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < steps; ++i) step(random);
}

void History::step(Random& random) {
  const int i = static_cast<int>(random() % key_count);
  const std::uint64_t choice = random() % 100;
  if (choice < 40) return create(random);
  if (choice < 60) return create_many(random);
  if (choice < 75) {
    const Call call = begin();
    if (const auto value = region_.get<int>(key(i))) check("get", call, i, *value, true);
  } else if (choice < 87) {
    host_.clock.advance(std::chrono::seconds(random() % 8));
  } else if (choice < 93) {
    const bool hard = random() % 2 == 0;
    const std::int64_t began = next();
    region_.invalidate(hard ? Invalidation::hard : Invalidation::soft);
    raise_to(hard ? hard_ : soft_, began);
  } else if (choice < 96) {
    region_.remove(key(i));
  } else {
    const int value = values_.fetch_add(1);
    region_.set(key(i), value);
    made_[value].made_by = clock();
    made_[value].began = next();
  }
}

History::Call History::begin() const {
  Call call{};
  call.hard = hard_.load();
  call.soft = soft_.load();
  call.clock = clock();
  call.began = next();
  return call;
}

int History::make(int key, std::uint64_t choice) {
  KeyState& state = keys_[key];
  if (state.creators.fetch_add(1) != 0 && rules_.one_creator) fail("two creators of one key");
  const int value = values_.fetch_add(1);
  made_[value].began = next();
  made_here.emplace_back(key, value);
  work(choice);
  state.creators.fetch_sub(1);
  if (choice % 7 == 0) throw CreatorFailed();
  return value;
}

History::Call History::begin_creating(const std::vector<int>& keys) {
  for (const int key : keys) keys_[key].calls.fetch_add(1);
  made_here.clear();
  return begin();
}

void History::end_creating(const std::vector<int>& keys) {
  for (const auto& [key, value] : made_here) made_[value].made_by = clock();
  for (const int key : keys) {
    raise_to(keys_[key].last_end, next());
    keys_[key].calls.fetch_sub(1);
  }
}

void History::create(Random& random) {
  const int i = static_cast<int>(random() % key_count);
  const std::uint64_t choice = random();
  const Call call = begin_creating({i});
  try {
    const int value =
        region_.get_or_create(key(i), detached([this, i, choice] { return make(i, choice); }));
    check("get_or_create", call, i, value, rules_.no_stale);
  } catch (const CreatorFailed&) {
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) fail(error.what());
  }
  end_creating({i});
}

void History::create_many(Random& random) {
  std::vector<int> wanted;
  std::vector<std::string> keys;
  for (auto n = 1 + random() % 4; n > 0; --n) {
    wanted.push_back(static_cast<int>(random() % key_count));
    keys.push_back(key(wanted.back()));
  }
  const std::uint64_t choice = random();
  const std::vector<int> distinct = [&] {
    const std::set<int> all(wanted.begin(), wanted.end());
    return std::vector<int>(all.begin(), all.end());
  }();
  const Call call = begin_creating(distinct);
  try {
    const auto values = region_.get_or_create_multi(
        keys, detached([this, choice](std::span<const std::string_view> names) {
          std::vector<int> made;
          for (const auto name : names) made.push_back(make(name.back() - '0', choice));
          return made;
        }));
    for (std::size_t n = 0; n < wanted.size(); ++n) {
      if (!values[n]) {
        fail("a key was left out");
      } else {
        check("get_or_create_multi", call, wanted[n], *values[n], rules_.no_stale);
      }
    }
  } catch (const CreatorFailed&) {
  } catch (const Error& error) {
    if (error.code() != Errc::timeout) fail(error.what());
  }
  end_creating(distinct);
}

void History::check(const char* what, const Call& call, int key, int value, bool fresh_only) {
  const KeyState& state = keys_[key];
  // A batch's creator that failed at one key has failed for all of them.
  const bool meanwhile =
      state.calls.load() > 1 || state.last_end.load() > call.began || !made_here.empty();
  const std::int64_t began = made_[value].began.load();
  const std::int64_t made_by = made_[value].made_by.load();
  const auto wrong = [&](const char* why) {
    fail(std::string(what) + " gave " + why + ": event " + std::to_string(call.began) + ", value " +
         std::to_string(value) + " of event " + std::to_string(began));
  };
  if (began < call.hard) wrong("a value from before a hard invalidation");
  if (fresh_only && began < call.soft) wrong("a value from before a soft invalidation");
  const bool expired = made_by != not_yet && call.clock - made_by > expiration;
  if (expired && fresh_only) wrong("an expired value");
  if (expired && !fresh_only && rules_.stale_only_meanwhile && !meanwhile) {
    wrong("an expired value though nobody was creating");
  }
}

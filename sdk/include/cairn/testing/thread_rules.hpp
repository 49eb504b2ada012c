// The rules about many threads at once. Run them under ThreadSanitizer too: by themselves they see
// only the damage that a race has done.
#pragma once

#include <cairn/testing/trial.hpp>

namespace cairn::testing::rules {

// Runs `work(thread number)` on four threads at once.
template <class Work>
void on_four_threads(Trial& t, Work work) {
  std::atomic<int> ready{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number) {
    threads.emplace_back([&, number] {
      ++ready;
      while (ready < 4) std::this_thread::yield();
      try {
        work(number);
      } catch (const std::exception& error) {
        t.violation(std::string("fails when called by four threads: ") + error.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

inline void needs_threads(Trial& t) {
  if (t.traits().threads == Threads::serial) t.skip("it is called by one thread at a time");
}

// A pool of threads serves one program: what one thread stores is there for the next. This holds
// for a component that is called by one thread at a time, too.
inline void threads_see_the_same(Trial& t) {
  t.needs_memory();
  const std::string key = t.key("k"), removed = t.key("removed");
  const std::string expected = shown(t.value("one thread's"));
  t.backend().set(key, t.value("one thread's"), {}, t.call());
  t.backend().set(removed, t.value("gone"), {}, t.call());
  std::string seen;
  std::thread([&] {
    try {
      const OptionalEntry found = t.backend().get(key, Call());
      seen = found ? shown(*found) : "a miss";
      t.backend().remove(removed, Call());
    } catch (const std::exception& error) {
      seen = std::string("an error: ") + error.what();
    }
  }).join();
  t.expect(seen == expected, "it answers by thread: one set " + expected + ", another got " + seen);
  t.expect(t.read(removed) == "a miss",
           "it answers by thread: one removed a key, another still gets it");
  t.expect(t.read(key) == expected,
           "it answers by thread: a get of another thread changed a value");
  t.backend().remove(key, t.call());
}

inline void values_stay_whole(Trial& t) {
  needs_threads(t);
  t.backend();
  std::vector<std::string> names;
  for (int i = 0; i < 8; ++i) names.push_back(t.key("shared/" + std::to_string(i)));
  // A value tells its key, and is long enough to be torn.
  const auto value = [&](std::size_t i) {
    return t.value(std::string(300, static_cast<char>('a' + i)) + names[i]);
  };
  on_four_threads(t, [&](int number) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(250);
    for (int round = 0; round < 500 || std::chrono::steady_clock::now() < end; ++round) {
      const std::size_t i = static_cast<std::size_t>(round * 7 + number * 3) % names.size();
      switch ((round + number) % 5) {
        case 0: t.backend().set(names[i], value(i), {}, Call()); break;
        case 1: t.backend().remove(names[i], Call()); break;
        case 2: {
          const Key keys[] = {names[i], names[(i + 1) % names.size()]};
          const Entry values[] = {value(i), value((i + 1) % names.size())};
          cairn_status statuses[2] = {};
          t.backend().set_multi(keys, values, {}, Statuses(statuses, 2), Call());
          break;
        }
        default: {
          const OptionalEntry found = t.backend().get(names[i], Call());
          if (found && !same_payload(*found, value(i))) {
            t.violation(
                "four threads at once get a damaged or another key's value: it declares that any "
                "thread "
                "may call it at any time (`threads`)");
            return;
          }
        }
      }
    }
  });
  for (const std::string& name : names) t.backend().remove(name, Call());
}

inline void locks_exclude_threads(Trial& t) {
  needs_threads(t);
  t.needs_memory();
  const std::string key = t.key("k");
  try {
    const auto token = t.backend().lock(key, std::chrono::seconds(30), Call());
    if (token) t.backend().unlock(key, *token, Call());
  } catch (const Error& error) {
    if (error.code() == Errc::unsupported) t.skip("it offers no locks");
    throw;
  }
  std::atomic<int> inside{0}, entered{0};
  on_four_threads(t, [&](int) {
    for (int round = 0; round < 500; ++round) {
      const auto token = t.backend().lock(key, std::chrono::seconds(30), Call());
      if (!token) {
        std::this_thread::yield();
        continue;
      }
      if (++inside != 1) t.violation("two threads hold one lock at the same time");
      ++entered;
      --inside;
      t.backend().unlock(key, *token, Call());
    }
  });
  t.expect(entered > 0, "none of four threads ever got the lock");
}

}  // namespace cairn::testing::rules

// The C++ side of with_python.py: a program with regions on a shared Redis that does what it is
// told.
//
//     redis-peer CONFIG.toml      commands on standard input, one answer each on standard output
//
//     set REGION KEY              stores the sample
//     check REGION KEY            "same", "miss" or what is different
//     create REGION KEY MS        the value, created in MS if need be: "created" or "found"
//     herd REGION KEY THREADS MS  the same from many threads: how often the creator ran, when it was
//                                 done, and when the last caller had the value (CLOCK_MONOTONIC, ns;
//                                 0: never)
//     locked REGION KEY           "yes" or "no"
//     remove REGION KEY

#include <cairn/cairn.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

struct Sample {
  std::string name;
  std::vector<double> numbers;
  std::map<std::string, std::int64_t> counts;
  std::optional<bool> missing;
  bool operator==(const Sample&) const = default;
};
CAIRN_FIELDS(Sample, name, numbers, counts, missing);

namespace {

Sample sample() {
  return {"Zo\xc3\xab | \xe2\x82\xac | \xf0\x9f\xaa\xa8",
          {1, 2.5, -3e300},
          {{"gro\xc3\xb6\xc3\x9f", 1}, {"max", INT64_MAX}},
          {}};
}

// Callers who ask for something, all at once, and then stand still: neither what they do with it nor their
// end is a part of what the others wait for, in this process or another.
class Herd {
 public:
  template <class Ask>
  Herd(int size, Ask ask) : size_(size) {
    for (int i = 0; i < size; ++i) {
      callers_.emplace_back([this, ask] {
        ask();
        std::unique_lock lock(mutex_);
        if (++back_ == size_) all_back_.notify_one();
        dismissal_.wait(lock, [&] { return dismissed_; });
      });
    }
  }
  ~Herd() {
    {
      const std::lock_guard lock(mutex_);
      dismissed_ = true;
    }
    dismissal_.notify_all();
    for (std::thread& caller : callers_) caller.join();
  }
  void wait_until_all_are_back() {
    std::unique_lock lock(mutex_);
    all_back_.wait(lock, [&] { return back_ == size_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_back_, dismissal_;
  const int size_;
  int back_ = 0;
  bool dismissed_ = false;
  std::vector<std::thread> callers_;
};

void do_as_told(cairn::Host& host, std::istream& words, std::optional<Herd>& herd) {
  herd.reset();
  std::string what, region_name, key;
  words >> what >> region_name >> key;
  cairn::Region& region = host.region(region_name);
  const auto now_ns = [] { return std::chrono::steady_clock::now().time_since_epoch().count(); };
  std::atomic<int> creations{0};
  std::atomic<std::int64_t> created_at{0};
  const auto creator_of = [&](int ms) {
    return [&, ms] {
      ++creations;
      std::this_thread::sleep_for(std::chrono::milliseconds(ms));
      created_at = now_ns();
      return sample();
    };
  };
  if (what == "set") {
    region.set(key, sample());
    std::cout << "done";
  } else if (what == "check") {
    const auto found = region.get<Sample>(key);
    std::cout << (!found ? "miss" : *found == sample() ? "same" : "another: " + found->name);
  } else if (what == "create") {
    int ms = 0;
    words >> ms;
    const bool good = region.get_or_create(key, creator_of(ms)) == sample();
    std::cout << (good ? creations == 0 ? "found" : "created" : "another value");
  } else if (what == "herd") {
    int threads = 0, ms = 0;
    words >> threads >> ms;
    struct Answer {
      Sample value;
      std::int64_t at = 0;
    };
    std::vector<Answer> answers(static_cast<std::size_t>(threads));
    std::atomic<std::size_t> next{0};
    herd.emplace(threads, [&] {
      Sample got = region.get_or_create(key, creator_of(ms));
      const std::int64_t at = now_ns();
      answers[next++] = {std::move(got), at};
    });
    herd->wait_until_all_are_back();
    std::int64_t last = 0;
    bool all_right = true;
    for (const auto& [value, at] : answers) {
      last = std::max(last, at);
      all_right = all_right && value == sample();
    }
    if (all_right) {
      std::cout << creations << ' ' << created_at << ' ' << last;
    } else {
      std::cout << "wrong values";
    }
  } else if (what == "locked") {
    std::cout << (region.key_is_locked(key) ? "yes" : "no");
  } else if (what == "remove") {
    std::cout << (region.remove(key) ? "removed" : "nothing there");
  } else {
    std::cout << "what is " << what << "?";
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: redis-peer CONFIG.toml\n";
    return 2;
  }
  try {
    cairn::Host host(cairn::Config::from_file(arguments[1]));
    std::cout << "ready" << std::endl;
    std::optional<Herd> herd;  // of the last order
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      do_as_told(host, words, herd);
      std::cout << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

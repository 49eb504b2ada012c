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
#include <iostream>
#include <latch>
#include <map>
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

void do_as_told(cairn::Host& host, std::istream& words) {
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
    std::vector<std::thread> callers;
    std::vector<std::int64_t> back(static_cast<std::size_t>(threads));
    std::atomic<int> wrong{0};
    std::latch all_back(threads);
    for (std::int64_t& at : back) {
      callers.emplace_back([&] {
        const Sample got = region.get_or_create(key, creator_of(ms));
        at = now_ns();
        all_back.arrive_and_wait();  // the end of a thread is no part of what the others wait for
        wrong += got != sample();
      });
    }
    for (std::thread& caller : callers) caller.join();
    if (wrong == 0) {
      std::cout << creations << ' ' << created_at << ' '
                << *std::max_element(back.begin(), back.end());
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
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream words(line);
      do_as_told(host, words);
      std::cout << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}

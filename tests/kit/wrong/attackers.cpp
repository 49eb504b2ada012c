// Backends that do to their process what a library should not. All else about them is right.

#include <cairn/plugin.hpp>
#include <cairn/testing/map_backend.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <unordered_map>

namespace {

using namespace cairn;
using testing::MapBackend;

#define NAMED(text)                  \
  static constexpr auto name = text; \
  static constexpr auto help = "Has a fault.";

struct ForksInCalls final : MapBackend {
  NAMED("forks-in-calls")
  OptionalEntry get(Key key, Call call) override {
    fork();  // and both go on
    return MapBackend::get(key, call);
  }
};

// A daemon: a session of its own, and nobody's child.
struct LeavesDaemons final : MapBackend {
  NAMED("leaves-daemons")
  LeavesDaemons() {
    if (fork() != 0) return;
    setsid();
    if (fork() != 0) _exit(0);
    for (int fd = 0; fd < 100; ++fd) close(fd);
    for (;;) pause();
  }
};

struct Prints final : MapBackend {
  NAMED("prints")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    std::printf("set %s\n", std::string(key.view()).c_str());
    MapBackend::set(key, entry, options, call);
  }
};

struct FloodsErrors final : MapBackend {
  NAMED("floods-errors")
  OptionalEntry get(Key key, Call call) override {
    const std::string much(std::size_t{1} << 15, '!');
    if (write(STDERR_FILENO, much.data(), much.size()) < 0) return std::nullopt;
    return MapBackend::get(key, call);
  }
};

struct Exits final : MapBackend {
  NAMED("exits")
  bool remove(Key, Call) override { std::exit(0); }
};

struct ExitsWhenMade final : MapBackend {
  NAMED("exits-when-made")
  ExitsWhenMade() { std::exit(0); }
};

struct HandlesSignals final : MapBackend {
  NAMED("handles-signals")
  HandlesSignals() {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, [](int) {});
  }
};

struct BlocksSignals final : MapBackend {
  NAMED("blocks-signals")
  bool remove(Key key, Call call) override {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    return MapBackend::remove(key, call);
  }
};

struct MovesTheProgram final : MapBackend {
  NAMED("moves-the-program")
  MovesTheProgram() {
    if (chdir("/") != 0) return;
    umask(0);
  }
};

struct SlowToMake final : MapBackend {
  NAMED("slow-to-make")
  SlowToMake() { std::this_thread::sleep_for(std::chrono::seconds(6)); }
};

struct AnswersByThread final : Backend {
  NAMED("answers-by-thread")
  OptionalEntry get(Key key, Call) override {
    const auto it = items().find(std::string(key.view()));
    return it == items().end() ? std::nullopt : std::optional(it->second);
  }
  void set(Key key, const Entry& entry, const SetOptions&, Call) override {
    items()[std::string(key.view())] = entry.to_owned();
  }
  bool remove(Key key, Call) override { return items().erase(std::string(key.view())) > 0; }
  static std::unordered_map<std::string, Entry>& items() {
    thread_local std::unordered_map<std::string, Entry> mine;
    return mine;
  }
};

struct CrashesWhenDestroyed final : MapBackend {
  NAMED("crashes-when-destroyed")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    used_ = true;
    MapBackend::set(key, entry, options, call);
  }
  ~CrashesWhenDestroyed() override {
    if (used_) std::abort();
  }
  bool used_ = false;
};

struct ClosesFiles final : MapBackend {
  NAMED("closes-files")
  ~ClosesFiles() override { close(STDIN_FILENO); }
};

struct ClosesEverything final : MapBackend {
  NAMED("closes-everything")
  ClosesEverything() { closefrom(3); }
};

struct TakesAllMemory final : MapBackend {
  NAMED("takes-all-memory")
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    const std::string room(std::size_t{8} << 30, 'x');  // for what may come
    MapBackend::set(key, entry, options, call);
  }
};

// A handler that swallows the crash and leaves the process turning round in it.
struct HidesCrashes final : MapBackend {
  NAMED("hides-crashes")
  HidesCrashes() {
    signal(SIGSEGV, [](int) {});
  }
  Document stats(Call) override {
    *reinterpret_cast<volatile int*>(8) = 1;  // nowhere; null would be a sanitizer's business
    return Document();
  }
};

}  // namespace

CAIRN_PLUGIN("org.example.wrong-attackers", "1.0.0", ForksInCalls, LeavesDaemons, Prints,
             FloodsErrors, Exits, ExitsWhenMade, HandlesSignals, BlocksSignals, MovesTheProgram,
             SlowToMake, AnswersByThread, CrashesWhenDestroyed, ClosesFiles, ClosesEverything,
             TakesAllMemory, HidesCrashes);

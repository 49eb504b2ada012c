#include "conformance/elf_exports.hpp"
#include "conformance/plugin_rules.hpp"
#include "loading/file_descriptor.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// <sanitizer/allocator_interface.h>
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT: its name
#endif

namespace cairn::hosting {

namespace {

std::size_t entries_in(const char* folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                                std::filesystem::directory_iterator()));
}

// Under a sanitizer: what is allocated. It keeps what is freed, to notice who still uses it.
std::size_t resident_bytes() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return __sanitizer_get_current_allocated_bytes();
#else
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
}

// Makes an instance, uses it a little and destroys it.
void use_one(PluginTrial& t) {
  const std::string key = t.trial.key("k");
  t.trial.backend().set(key, t.trial.value("v"), {}, Call());
  t.trial.backend().get(key, Call());
  t.trial.backend().remove(key, Call());
  t.trial.destroy();
}

bool has_children() {
  siginfo_t ignored{};
  return waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) == 0;
}

// Instances come and go, and leave no thread, file or process behind.
void instances_clean_up(PluginTrial& t) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // a process that it left to itself comes to us
  const std::size_t before = entries_in("/proc/self/fd");
  use_one(t);  // what is made once for all instances may stay
  const std::size_t threads = entries_in("/proc/self/task"), files = entries_in("/proc/self/fd");
  t.trial.expect(files >= before, "it closes files that it did not open");
  for (int i = 0; i < 10; ++i) use_one(t);
  std::size_t left = 0;
  for (int tries = 0; tries < 50; ++tries) {  // the kernel takes its time to forget a thread
    left = entries_in("/proc/self/task");
    if (left <= threads) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  t.trial.expect(
      left <= threads,
      fmt::format("destroy leaves threads behind: {} more after ten instances", left - threads));
  const std::size_t open = entries_in("/proc/self/fd");
  t.trial.expect(
      open <= files,
      fmt::format("destroy leaves files open: {} more after ten instances", open - files));
  t.trial.expect(!has_children(),
                 "it starts processes and leaves them behind, running or not waited for");
}

// Signals, the working directory and the like are the program's.
void settings_are_left_alone(PluginTrial& t) {
  use_one(t);
  for (const std::string& what : ProcessSettings::current().differences(t.before)) {
    t.trial.violation(fmt::format("it changes {}, which belongs to the program", what));
  }
}

// What goes to the standard streams is the program's, too.
void output_is_left_alone(PluginTrial& t) {
  std::fflush(nullptr);
  const FileDescriptor written(memfd_create("output", MFD_CLOEXEC));
  const FileDescriptor out(dup(STDOUT_FILENO)), err(dup(STDERR_FILENO));
  dup2(written.get(), STDOUT_FILENO);
  dup2(written.get(), STDERR_FILENO);
  t.trial.backend();
  t.trial.fault().fail(Errc::unavailable);  // errors are a temptation
  try {
    t.trial.backend().get(t.trial.key("k"), t.trial.call());
  } catch (const Error&) {
  }
  t.trial.fault().recover();
  use_one(t);
  std::fflush(nullptr);
  dup2(out.get(), STDOUT_FILENO);
  dup2(err.get(), STDERR_FILENO);
  struct stat facts {};
  fstat(written.get(), &facts);
  if (facts.st_size == 0) return;
  std::string text(std::min<std::size_t>(static_cast<std::size_t>(facts.st_size), 200), '\0');
  const ssize_t n = pread(written.get(), text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  t.trial.violation(fmt::format(
      "it prints {} bytes, {}: standard output and error belong to the program, and messages go to "
      "the host's log",
      facts.st_size, testing::shown(text, 80)));
}

// The same key, over and over, with a value that shows in the process's size if it is kept. The limit is
// far above what a heap or a page cache does by itself; what leaks little shows by being leaked often,
// so a component gets as many rounds as it is fast enough for.
void memory_stays_bounded(PluginTrial& t) {
  constexpr std::size_t limit = 16 << 20;
  constexpr int fewest = 2000, most = 16'000;  // 8 KiB, and 1 KiB, of a round
  // For more than the fewest. Of work, so that a busy machine tries as many; by the clock for what waits.
  constexpr std::clock_t work = 3 * CLOCKS_PER_SEC;
  constexpr std::chrono::seconds time{6};
  const std::string key = t.trial.key("k");
  const std::string text(16 * 1024, 'x');
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      t.trial.backend().set(key, t.trial.value(text), {}, Call());
      t.trial.backend().get(key, Call());
      t.trial.backend().remove(key, Call());
    }
    t.trial.below().clear();
  };
  for (int i = 0; i < 5; ++i) run(100);
  const std::size_t before = resident_bytes();
  const auto end = std::chrono::steady_clock::now() + time;
  const std::clock_t worked = std::clock();
  const auto has_time = [&] {
    return std::clock() - worked < work && std::chrono::steady_clock::now() < end;
  };
  int rounds = 0;
  for (; rounds < fewest || (rounds < most && has_time()); rounds += 100) {
    run(100);
  }
  const std::size_t after = resident_bytes();
  const std::size_t grown = after > before ? after - before : 0;
  t.trial.expect(
      grown < limit,
      fmt::format(
          "its memory grows: by {} MiB while one key of 16 KiB was set, got and removed {} times",
          grown >> 20, rounds));
}

// Fork while other threads are in the middle of calls; the child goes on, the parent notices
// nothing.
void children_go_on(PluginTrial& t) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  testing::Trial::skip(
      "a child of a program with threads cannot do much under gcc 12's sanitizers");
#endif
  if (t.component.role == CAIRN_BACKEND &&
      !(CAIRN_HAS(&t.component, after_fork) && t.component.after_fork != nullptr)) {
    testing::Trial::skip("it has no after_fork: a child does not use it");
  }
  auto& layer = dynamic_cast<LayerOnTrial&>(t.trial.backend());
  const std::string key = t.trial.key("k"), own = t.trial.key("child");
  const Entry value = t.trial.value("v");
  std::atomic<bool> stop{false};
  // A proxy is called by this thread alone: the store below it, which is the test's, has locks too.
  const bool alone = t.component.role == CAIRN_PROXY || t.component.threads == CAIRN_THREADS_SERIAL;
  std::vector<std::thread> callers;
  for (int i = 0; i < (alone ? 0 : 2); ++i) {
    callers.emplace_back([&] {
      while (!stop) {
        try {
          layer.set(key, value, {}, Call());
          layer.get(key, Call());
        } catch (const std::exception&) {
        }
      }
    });
  }
  for (int round = 0; round < 20 && t.trial.violations().empty(); ++round) {
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
      end_with(parent);
      layer.forget_parent();
      int code = 0;
      try {
        layer.set(own, value, {}, Call());
        layer.get(own, Call());
        layer.remove(own, Call());
      } catch (const Error&) {
        code = 0;  // it may not reach its store; it must come back
      } catch (...) {
        code = 1;
      }
      _exit(code);
    }
    int status = 0;
    bool ended = false;
    const auto deadline = std::chrono::steady_clock::now() + t.plugin.request().case_limit / 3;
    while (!(ended = waitpid(child, &status, WNOHANG) == child) &&
           std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (!ended) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      t.trial.violation(
          "a call in the child of a fork never comes back: after_fork must forget locks that "
          "another "
          "thread of the parent held");
    } else {
      t.trial.expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                     WIFSIGNALED(status)
                         ? fmt::format("a call in the child of a fork crashes with SIG{}",
                                       sigabbrev_np(WTERMSIG(status)))
                         : std::string("a call in the child of a fork fails"));
    }
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
}

}  // namespace

std::span<const PluginRule> process_rules() noexcept {
  static constexpr PluginRule all[] = {
      {"process/instances", 2, &instances_clean_up, "making and destroying instances",
       "destroy waits for something that never happens"},
      {"process/settings", 2, &settings_are_left_alone, "using an instance"},
      {"process/output", 2, &output_is_left_alone, "looking for what it prints"},
      {"process/memory", 3, &memory_stays_bounded, "setting and removing one key over and over"},
      {"process/fork", 3, &children_go_on, "forking in the middle of calls"},
  };
  return all;
}

std::string exit_fault(PluginOnTrial& plugin, const cairn_component& component,
                       const std::filesystem::path& scratch) {
  const pid_t parent = getpid(), child = fork();
  if (child == 0) {
    end_with(parent);
    static testing::MapBackend& store = *new testing::MapBackend;
    static std::unique_ptr<LayerOnTrial> layer;
    // The host closes every stack in a handler that was registered after the plugin was loaded, and
    // so runs before the plugin's own statics end.
    std::atexit([] { layer.reset(); });
    try {
      layer = plugin.make(component, plugin.options(component, scratch),
                          component.role == CAIRN_PROXY ? &store : nullptr);
      layer->set("k", testing::sample(component.accepts, "v"), {}, Call());
    } catch (const Error&) {  // whether it works is another rule's business
    }
    std::exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) {
    return fmt::format("a process cannot end while an instance is in use: it crashes with SIG{}",
                       sigabbrev_np(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) != 0) {
    return fmt::format(
        "a process that ends while an instance is in use has exit code {}, expected 0",
        WEXITSTATUS(status));
  }
  return "";
}

std::vector<std::string> symbol_faults(const std::filesystem::path& file) {
  std::vector<std::string> faults;
  std::size_t others = 0;
  std::string example;
  bool unique = false;
  for (const ExportedSymbol& symbol : exported_symbols(file)) {
    unique |= symbol.unique;
    if (symbol.name == CAIRN_ENTRY_SYMBOL) continue;
    if (others++ == 0) example = symbol.name;
  }
  if (others != 0) {
    faults.push_back(fmt::format(
        "it exports {} symbol{} besides " CAIRN_ENTRY_SYMBOL
        ", such as {}: another plugin's of "
        "the same name may be used instead; link with a version script (cairn_add_plugin does)",
        others, others == 1 ? "" : "s", example));
  }
  if (unique) {
    faults.push_back(
        "it exports unique symbols, which all plugins of a process share: link with a version "
        "script, or "
        "compile with -fno-gnu-unique");
  }
  return faults;
}

}  // namespace cairn::hosting

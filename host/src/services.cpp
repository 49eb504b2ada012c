#include "services.hpp"

#include "system_time.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

namespace cairn {

namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}
// A text may hold what a server or an exception said.
std::string in_one_line(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string line;
  for (const char c : text) {
    if (is_control(c)) {
      const auto byte = static_cast<unsigned char>(c);
      line.append("\\x").append({digits[byte >> 4], digits[byte & 15]});
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

Time SystemClock::now() const {
  return hosting::system_time(CLOCK_REALTIME);
}
Time SystemClock::coarse_now() const {
  return hosting::system_time(CLOCK_REALTIME_COARSE);
}

void log_to_stderr(LogLevel level, std::string_view who, std::string_view text) {
  static constexpr const char* names[] = {"debug", "info", "warning", "error"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char when[32];
  std::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
  std::fprintf(stderr, "%s %s %.*s: %.*s\n", when, names[level & 3], static_cast<int>(who.size()),
               who.data(), static_cast<int>(text.size()), text.data());
}

}  // namespace cairn

namespace cairn::hosting {

HostServices& HostServices::make(std::shared_ptr<const Clock> clock, LogSink sink, LogLevel level) {
  if (clock == nullptr) clock = std::make_shared<SystemClock>();
  // Reachable for ever, so that leak checkers know that it is meant.
  static std::mutex mutex;
  static auto* all = new std::vector<std::unique_ptr<HostServices>>();
  const std::lock_guard lock(mutex);
  all->emplace_back(new HostServices(std::move(clock), std::move(sink), level));
  return *all->back();
}

HostServices::HostServices(std::shared_ptr<const Clock> clock, LogSink sink, LogLevel level)
    : clock_(std::move(clock)),
      level_(level),
      sink_(std::make_shared<const LogSink>(std::move(sink))) {
  table_.size = sizeof(cairn_host);
  table_.abi_major = CAIRN_ABI_MAJOR;
  table_.abi_minor = CAIRN_ABI_MINOR;
  table_.name = "cairn";
  table_.version = CAIRN_VERSION;
  table_.log_level = &level_;
  table_.log = [](const cairn_host* host, std::int32_t at, const char* who,
                  cairn_bytes text) noexcept {
    static_cast<const Table*>(host)->services->log(
        static_cast<LogLevel>(at), who != nullptr ? who : "", {text.data, text.size});
  };
  table_.now_ns = [](const cairn_host* host) noexcept {
    return static_cast<const Table*>(host)
        ->services->clock_->coarse_now()
        .time_since_epoch()
        .count();
  };
  table_.services = this;
}

void HostServices::log(LogLevel level, std::string_view who, std::string_view text) const noexcept {
  if (!logs(level)) return;
  std::shared_ptr<const LogSink> sink;
  {
    const std::lock_guard lock(mutex_);
    sink = sink_;
  }
  try {
    if (!sink || !*sink) return;
    if (std::none_of(text.begin(), text.end(), &is_control)) return (*sink)(level, who, text);
    (*sink)(level, who, in_one_line(text));
  } catch (...) {  // a log that cannot be written must not fail what it is about
  }
}

void HostServices::retire() {
  const std::lock_guard lock(mutex_);
  sink_ = nullptr;
}

void HostServices::after_fork() {
  std::construct_at(&mutex_);
}

}  // namespace cairn::hosting

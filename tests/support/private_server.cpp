#include "private_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto start_limit = 60s;  // generous: a loaded machine, a sanitizer

bool accepts_connections(const PrivateServer::Address& address) {
  const bool is_unix = !address.unix_socket.empty();
  const int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int result = -1;
  if (is_unix) {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, address.unix_socket.c_str(), sizeof to.sun_path - 1);
    result = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(address.port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    result = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  close(fd);
  return result == 0;
}

// A port can be taken by somebody else between our look and the server's bind: try another.
template <class Start>
void with_free_port(Start start) {
  for (int attempt = 1;; ++attempt) {
    try {
      return start(free_port());
    } catch (const std::runtime_error&) {
      if (attempt == 3) throw;
    }
  }
}

}  // namespace

PrivateFolder::PrivateFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "cairn-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp: " + name);
  path_ = name;
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

int free_port() {
  static std::mutex mutex;
  static std::set<int> given;
  const std::lock_guard lock(mutex);
  for (;;) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    const bool bound = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&any), size) == 0 &&
                       getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size) == 0;
    if (fd >= 0) close(fd);
    if (!bound) throw std::runtime_error(std::string("no free port: ") + std::strerror(errno));
    const int port = ntohs(any.sin_port);
    if (given.insert(port).second) return port;
  }
}

PrivateServer::PrivateServer(std::vector<std::string> command, Address address,
                             std::string log_file)
    : command_(std::move(command)), address_(std::move(address)), log_file_(std::move(log_file)) {
  start();
}

PrivateServer::~PrivateServer() {
  kill();
}

void PrivateServer::start() {
  if (running()) return;
  if (!address_.unix_socket.empty()) unlink(address_.unix_socket.c_str());

  std::vector<char*> arguments;
  for (std::string& word : command_) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child == 0) {  // only async-signal-safe calls from here on
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int log = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  pid_ = child;
  wait_until_it_answers();
}

void PrivateServer::wait_until_it_answers() {
  const auto limit = Clock::now() + start_limit;
  while (!accepts_connections(address_)) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error(command_[0] + (WIFEXITED(status) && WEXITSTATUS(status) == 127
                                                  ? " is not installed"
                                                  : " did not start: " + log_tail()));
    }
    if (Clock::now() > limit) {
      kill();
      throw std::runtime_error(command_[0] + " does not answer: " + log_tail());
    }
    std::this_thread::sleep_for(5ms);
  }
}

void PrivateServer::reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void PrivateServer::stop() {
  if (!running()) return;
  ::kill(pid_, SIGCONT);
  ::kill(pid_, SIGTERM);
  const auto limit = Clock::now() + 2s;
  while (Clock::now() < limit) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      return;
    }
    std::this_thread::sleep_for(2ms);
  }
  kill();
}

void PrivateServer::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  reap();
}

void PrivateServer::freeze() {
  if (!running()) return;
  ::kill(pid_, SIGSTOP);
  int status = 0;
  waitpid(pid_, &status, WUNTRACED);  // returns once it has stopped
}

void PrivateServer::resume() {
  if (running()) ::kill(pid_, SIGCONT);
}

void PrivateServer::restart() {
  kill();
  start();
}

std::string PrivateServer::log_tail() const {
  std::ifstream file(log_file_);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  constexpr std::size_t enough = 1500;
  return text.size() > enough ? text.substr(text.size() - enough) : text;
}

PrivateRedis::PrivateRedis(const std::vector<std::string>& more_arguments) {
  with_free_port([&](int port) {
    std::vector<std::string> command{"redis-server",
                                     "--port",
                                     std::to_string(port),
                                     "--bind",
                                     "127.0.0.1",
                                     "--unixsocket",
                                     unix_socket(),
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no",
                                     "--dir",
                                     folder_.path().string(),
                                     "--daemonize",
                                     "no"};
    command.insert(command.end(), more_arguments.begin(), more_arguments.end());
    server_ = std::make_unique<PrivateServer>(command, PrivateServer::Address{"", port},
                                              folder_ / "redis.log");
    port_ = port;
  });
}

PrivateMemcached::PrivateMemcached(const std::vector<std::string>& more_arguments, On on) {
  with_free_port([&](int port) {
    std::vector<std::string> command{"memcached", "-m", "64"};
    if (geteuid() == 0) command.insert(command.end(), {"-u", "root"});
    PrivateServer::Address address;
    if (on == On::unix_socket) {
      address.unix_socket = unix_socket();
      command.insert(command.end(), {"-s", address.unix_socket, "-a", "0700"});
    } else {
      address.port = port;
      command.insert(command.end(), {"-l", "127.0.0.1", "-p", std::to_string(port), "-U", "0"});
    }
    command.insert(command.end(), more_arguments.begin(), more_arguments.end());
    server_ = std::make_unique<PrivateServer>(command, address, folder_ / "memcached.log");
    port_ = address.port;
  });
}

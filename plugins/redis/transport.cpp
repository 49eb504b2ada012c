#include "transport.hpp"

#include "tls.hpp"

#include <cairn/error.hpp>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace cairn::redis {

namespace {

std::string reason(int error) {
  return std::generic_category().message(error);
}

[[noreturn]] void lost(const char* doing, int error) {
  throw Error(Errc::unavailable, std::string(doing) + ": " + reason(error), error);
}

bool is_loopback(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return ntohl(v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  if (address.sa_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
}

}  // namespace

// ---- Socket ----

void Socket::FreeAddresses::operator()(addrinfo* list) const noexcept {
  freeaddrinfo(list);
}

Socket::Socket(const Endpoint& endpoint)
    : address_(endpoint.address),
      keepalive_(endpoint.keepalive),
      descriptors_(endpoint.descriptors) {
  if (address_.is_unix()) {
    connect_unix();
  } else {
    look_up();
    try_next();
  }
}

Socket::~Socket() {
  close();
}

void Socket::open(int family) {
  close();
  fd_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ >= 0) descriptors_->add(fd_);
}

void Socket::close() noexcept {
  if (fd_ < 0) return;
  descriptors_->remove(fd_);
  ::close(fd_);
  fd_ = -1;
}

void Socket::look_up() {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(address_.port);
  const int error = getaddrinfo(address_.host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) {
    throw Error(Errc::unavailable, "cannot find " + address_.host + ": " + gai_strerror(error),
                error == EAI_SYSTEM ? errno : 0);
  }
  found_.reset(found);
  next_ = found;
}

void Socket::connect_unix() {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (address_.path.size() >= sizeof to.sun_path) {
    throw Error(Errc::rejected, "the path of the unix socket is too long: " + address_.path);
  }
  std::memcpy(to.sun_path, address_.path.c_str(), address_.path.size());
  open(AF_UNIX);
  if (fd_ < 0) lost("cannot open a socket", errno);
  // A unix socket connects at once, or its queue is full (EAGAIN).
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const int error = errno;
    struct stat file {};
    const bool is_other =
        error == ECONNREFUSED && stat(to.sun_path, &file) == 0 && !S_ISSOCK(file.st_mode);
    lost(is_other ? "this is no socket" : "cannot connect", error);
  }
  connected_ = true;
}

// Goes through what the name stands for until one of them does not refuse at once.
void Socket::try_next() {
  while (next_ != nullptr) {
    const addrinfo& to = *next_;
    next_ = to.ai_next;
    open(to.ai_family);
    if (fd_ < 0) {
      last_errno_ = errno;
      continue;
    }
    loopback_ = is_loopback(*to.ai_addr);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive_) {
      const int idle_s = 30, between_s = 10, probes = 3;
      setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      setsockopt(fd_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
      setsockopt(fd_, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
      setsockopt(fd_, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    }
    if (connect(fd_, to.ai_addr, to.ai_addrlen) == 0) {
      connected_ = true;
      return;
    }
    if (errno == EINPROGRESS) return;
    last_errno_ = errno;
  }
  lost("cannot connect", last_errno_);
}

bool Socket::connected() {
  while (!connected_) {
    pollfd at{fd_, POLLOUT, 0};
    if (poll(&at, 1, 0) <= 0) return false;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) {
      connected_ = true;
    } else {
      last_errno_ = error;
      try_next();
    }
  }
  return true;
}

// What travels over the loopback device is taken in by the core that sent it.
bool Socket::served_on_this_core() const noexcept {
  int core = -1;
  socklen_t size = sizeof core;
  return loopback_ && getsockopt(fd_, SOL_SOCKET, SO_INCOMING_CPU, &core, &size) == 0 &&
         core == sched_getcpu();
}

// ---- Transport ----

bool Transport::open() {
  return socket_.connected();
}

void Transport::hung_up(int error) const {
  std::string what =
      error == 0 ? "the server closed the connection" : "connection lost: " + reason(error);
  if (!heard_) what += ", before it said anything: does it want TLS (rediss://, or tls = true)?";
  throw Error(Errc::unavailable, what, error);
}

std::size_t Transport::write(const char* bytes, std::size_t size) {
  for (;;) {
    const ssize_t sent = send(fd(), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) hung_up(errno);
  }
}

std::size_t Transport::read(char* bytes, std::size_t size) {
  for (;;) {
    const ssize_t got = recv(fd(), bytes, size, MSG_DONTWAIT);
    if (got > 0) {
      heard_ = true;
      return static_cast<std::size_t>(got);
    }
    if (got == 0) hung_up(0);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) hung_up(errno);
  }
}

bool Transport::wait(bool for_read, bool for_write, Clock::time_point until, int also) const {
  pollfd at[] = {{fd(), static_cast<short>((for_read ? POLLIN : 0) | (for_write ? POLLOUT : 0)), 0},
                 {also, POLLIN, 0}};
  for (;;) {
    const auto left = std::max(until - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec limit{seconds.count(), (left - seconds).count()};
    const int ready = ppoll(at, 2, &limit, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) lost("poll", errno);
  }
}

std::unique_ptr<Transport> make_transport(const Endpoint& endpoint) {
  if (endpoint.tls != nullptr) return make_tls_transport(endpoint);
  return std::make_unique<Transport>(endpoint);
}

}  // namespace cairn::redis

// A stream of bytes to one server: a TCP or unix socket, or TLS over one.
//
// Nothing here blocks unless it is asked to wait: open() and the reads and writes do what can be
// done now and say when they cannot go on; wait() sleeps until they can.
//
// Threads: one at a time. Errors: cairn::Error (unavailable, timeout, rejected) with a reason; the
// transport is of no use afterwards.
#pragma once

#include "endpoint.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

struct addrinfo;

namespace cairn::redis {

using Clock = std::chrono::steady_clock;

/// A non-blocking socket that is being connected, or is.
class Socket {
 public:
  /// Starts connecting. Looks names up, which may take as long as the system's resolver takes.
  explicit Socket(const Endpoint& endpoint);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  /// True: connected. False: not yet; wait for writing and call again.
  bool connected();
  int fd() const noexcept { return fd_; }
  /// The other end is on this machine, and its last bytes came from the core that we run on.
  bool served_on_this_core() const noexcept;

 private:
  struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept;
  };
  void look_up();
  void try_next();
  void connect_unix();
  void open(int family);
  void close() noexcept;

  const Address address_;
  const bool keepalive_;
  const std::shared_ptr<Descriptors> descriptors_;
  std::unique_ptr<addrinfo, FreeAddresses> found_;
  addrinfo* next_ = nullptr;  // what is tried after the current one fails
  int fd_ = -1;
  bool connected_ = false;
  bool loopback_ = false;
  int last_errno_ = 0;
};

class Transport {
 public:
  enum class Interest { read, write };

  explicit Transport(const Endpoint& endpoint) : socket_(endpoint) {}
  virtual ~Transport() = default;

  /// True: bytes can flow. False: wait() for what wants() says, and call again.
  virtual bool open();
  /// Bytes taken, or 0: none now.
  virtual std::size_t write(const char* bytes, std::size_t size);
  /// Bytes got, or 0: none now. Errors: unavailable if the server has closed the connection.
  virtual std::size_t read(char* bytes, std::size_t size);
  /// What a step that could not go on waits for.
  virtual Interest wants() const noexcept { return Interest::write; }

  /// Sleeps until the socket is readable or writable, as asked, or until there is something to read
  /// from `also` (-1: nothing else). False: `until` passed.
  bool wait(bool for_read, bool for_write, Clock::time_point until, int also = -1) const;
  int fd() const noexcept { return socket_.fd(); }
  bool served_on_this_core() const noexcept { return socket_.served_on_this_core(); }

 protected:
  Socket socket_;
  bool heard_ = false;  // anything at all

 private:
  /// 0: the end of the stream.
  [[noreturn]] void hung_up(int error) const;
};

/// A transport of the kind that the endpoint asks for.
std::unique_ptr<Transport> make_transport(const Endpoint& endpoint);

}  // namespace cairn::redis

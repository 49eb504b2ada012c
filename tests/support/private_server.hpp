// Servers that a test starts for itself: on loopback or a unix socket, in a temporary folder of
// their own, stopped by process id, and dead at the latest when the test process is.
//
//     PrivateRedis redis({"--maxmemory", "10mb"});
//     connect(redis.url());
//     redis.process().freeze();
//
// Threads: use a server from one thread at a time; the process calls are safe against a server that
// has died. Errors: std::runtime_error with the end of the server's own log.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

/// A new folder under the temporary folder, removed with all that is in it.
class PrivateFolder {
 public:
  PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder();

  const std::filesystem::path& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A TCP port of 127.0.0.1 at which nobody listened a moment ago; never given out twice in a
/// process.
int free_port();

/// One child process that serves. Its output goes to a file.
class PrivateServer {
 public:
  /// Where it can be reached once it is up: a unix socket if there is a path, else a loopback port.
  struct Address {
    std::string unix_socket;
    int port = 0;
  };

  /// Starts `command` and waits until it accepts connections.
  PrivateServer(std::vector<std::string> command, Address address, std::string log_file);
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;
  /// Kills it.
  ~PrivateServer();

  void start();    ///< again, after stop() or kill()
  void stop();     ///< SIGTERM, then SIGKILL after two seconds
  void kill();     ///< SIGKILL
  void freeze();   ///< SIGSTOP: it accepts connections and says nothing
  void resume();   ///< SIGCONT
  void restart();  ///< kill() and start()

  bool running() const noexcept { return pid_ > 0; }
  pid_t pid() const noexcept { return pid_; }
  const Address& address() const noexcept { return address_; }
  /// The end of what it printed.
  std::string log_tail() const;

 private:
  void wait_until_it_answers();
  void reap();

  std::vector<std::string> command_;
  Address address_;
  std::string log_file_;
  pid_t pid_ = -1;
};

/// A redis-server that keeps nothing on disk, on a loopback port and a unix socket at once.
class PrivateRedis {
 public:
  explicit PrivateRedis(const std::vector<std::string>& more_arguments = {});

  int port() const noexcept { return port_; }
  std::string unix_socket() const { return folder_ / "redis.sock"; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  std::string unix_url() const { return "unix://" + unix_socket(); }
  const PrivateFolder& folder() const noexcept { return folder_; }
  PrivateServer& process() noexcept { return *server_; }

 private:
  PrivateFolder folder_;
  int port_ = 0;
  std::unique_ptr<PrivateServer> server_;
};

/// A memcached: on a loopback port, or on a unix socket.
class PrivateMemcached {
 public:
  enum class On { loopback, unix_socket };
  explicit PrivateMemcached(const std::vector<std::string>& more_arguments = {},
                            On on = On::loopback);

  int port() const noexcept { return port_; }
  std::string unix_socket() const { return folder_ / "memcached.sock"; }
  PrivateServer& process() noexcept { return *server_; }

 private:
  PrivateFolder folder_;
  int port_ = 0;
  std::unique_ptr<PrivateServer> server_;
};

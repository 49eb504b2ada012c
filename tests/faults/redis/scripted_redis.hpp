// A server that answers as the test says: what no real Redis can be brought to say on demand.
//
//     ScriptedRedis server([](const ScriptedRedis::Words& words) -> ScriptedRedis::Answer {
//       if (words[0] == "GET") return {"-LOADING Redis is loading\r\n"};
//       return {"+OK\r\n"};
//     });
//
// It listens on a loopback port (of IPv6, if `host` is ::1) until it is destroyed; each connection has a thread, and commands of
// one connection are answered in order. Threads: the script is called by several at once.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

class ScriptedRedis {
 public:
  using Words = std::vector<std::string>;
  struct Answer {
    std::string bytes;
    bool hang_up = false;                        // afterwards
    std::chrono::microseconds between_bytes{0};  // 0: all at once
    std::string unasked = {};                    // said a moment later
  };
  using Script = std::function<Answer(const Words&)>;

  explicit ScriptedRedis(Script script, const std::string& host = "127.0.0.1")
      : script_(std::move(script)), host_(host) {
    sockaddr_in6 v6{};
    sockaddr_in v4{};
    const bool is_v6 = inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1;
    inet_pton(AF_INET, host.c_str(), &v4.sin_addr);
    v6.sin6_family = AF_INET6;
    v4.sin_family = AF_INET;
    auto* any = is_v6 ? reinterpret_cast<sockaddr*>(&v6) : reinterpret_cast<sockaddr*>(&v4);
    socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
    listener_ = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener_, any, size) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, any, &size) != 0) {
      throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(is_v6 ? v6.sin6_port : v4.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ScriptedRedis(const ScriptedRedis&) = delete;
  ScriptedRedis& operator=(const ScriptedRedis&) = delete;
  ~ScriptedRedis() {
    over_ = true;
    acceptor_.join();
    for (std::thread& server : servers_) server.join();
    close(listener_);
  }

  int port() const noexcept { return port_; }
  std::string address() const { return host_ + ":" + std::to_string(port_); }
  std::string url() const { return "redis://" + address(); }
  int connections() const noexcept { return connections_; }
  int commands() const noexcept { return commands_; }
  /// How often it has said something unasked, or hung up.
  int surprises() const noexcept { return surprises_; }

  /// "$5\r\nhello\r\n"
  static std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
  }
  /// A map of slots by which this server has all of them.
  std::string all_slots() const {
    return "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n" + bulk(host_) + ":" + std::to_string(port_) +
           "\r\n";
  }

 private:
  void accept_all() {
    while (!over_) {
      pollfd at{listener_, POLLIN, 0};
      if (poll(&at, 1, 5) <= 0) continue;
      const int client = accept(listener_, nullptr, nullptr);
      if (client < 0) continue;
      const int on = 1;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ++connections_;
      servers_.emplace_back([this, client] { serve(client); });
    }
  }

  void serve(int client) {
    std::string received;
    bool hung_up = false;
    while (!over_ && !hung_up) {
      pollfd at{client, POLLIN, 0};
      if (poll(&at, 1, 5) <= 0) continue;
      char bytes[4096];
      const ssize_t got = recv(client, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      received.append(bytes, static_cast<std::size_t>(got));
      while (!hung_up) {
        const auto words = next_command(received);
        if (!words) break;
        ++commands_;
        const Answer answer = script_(*words);
        hung_up = !say(client, answer) || answer.hang_up;
      }
    }
    close(client);
    surprises_ += hung_up;
  }

  bool say(int client, const Answer& answer) {
    if (answer.between_bytes.count() == 0) {
      if (!send_all(client, answer.bytes)) return false;
      if (answer.unasked.empty()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const bool said = send_all(client, answer.unasked);
      ++surprises_;
      return said;
    }
    for (const char byte : answer.bytes) {
      if (over_ || !send_all(client, {byte})) return false;
      std::this_thread::sleep_for(answer.between_bytes);
    }
    return true;
  }
  static bool send_all(int client, const std::string& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t n = send(client, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  // Takes one whole command off the front: "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".
  static std::optional<Words> next_command(std::string& received) {
    std::size_t at = 0;
    const auto number = [&](char kind) -> std::optional<std::size_t> {
      const std::size_t end = received.find("\r\n", at);
      if (end == std::string::npos || received[at] != kind) return std::nullopt;
      const std::size_t value = std::stoul(received.substr(at + 1, end - at - 1));
      at = end + 2;
      return value;
    };
    const auto count = number('*');
    if (!count) return std::nullopt;
    Words words;
    for (std::size_t i = 0; i < *count; ++i) {
      const auto size = number('$');
      if (!size || received.size() < at + *size + 2) return std::nullopt;
      words.push_back(received.substr(at, *size));
      at += *size + 2;
    }
    received.erase(0, at);
    return words;
  }

  const Script script_;
  const std::string host_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> commands_{0};
  std::atomic<int> surprises_{0};
  std::thread acceptor_;
  std::list<std::thread> servers_;  // the acceptor's, until it has ended
};

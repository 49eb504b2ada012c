#include "listener.hpp"

#include <cairn/error.hpp>

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <list>

namespace cairn::redis {

std::string channel_of(std::string_view name) {
  return "cairn:unlocked:" + std::string(name);
}

// One subscribed connection and those who wait on it. Whoever waits and finds nobody reading reads.
class Listener::Line {
 public:
  explicit Line(const Endpoint& endpoint)
      : endpoint_(endpoint),
        greetings_left_(endpoint.greeting_replies),
        outgoing_(endpoint.greeting),
        transport_(make_transport(endpoint.address, endpoint.keepalive, endpoint.tls)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Line() {
    if (wake_ >= 0) close(wake_);
  }

  bool usable() {
    const std::lock_guard lock(mutex_);
    return !failed_;
  }
  void close_inherited() noexcept {
    if (transport_->fd() >= 0) close(transport_->fd());
    if (wake_ >= 0) close(wake_);
  }

  Heard wait(const std::string& name, const std::function<bool()>& still_held,
             Clock::time_point until) {
    std::unique_lock lock(mutex_);
    Waiter me{channel_of(name), false, false};
    join(me);
    const auto subscribe_until = std::min(until, Clock::now() + endpoint_.connect_timeout);
    read_until(lock, subscribe_until, [&] { return me.subscribed; });
    if (me.subscribed && !me.released) {
      lock.unlock();
      const bool held = still_held();  // from here on a release is heard
      lock.lock();
      if (!held) me.released = true;
    }
    if (me.subscribed) read_until(lock, until, [&] { return me.released; });
    leave(me);
    if (me.released) return Heard::released;
    return failed_ || !me.subscribed ? Heard::failed : Heard::nothing;
  }

 private:
  struct Waiter {
    std::string channel;
    bool subscribed;
    bool released;
  };

  void join(Waiter& me) {
    const auto same = std::find_if(waiters_.begin(), waiters_.end(), [&](const Waiter* other) {
      return other->channel == me.channel;
    });
    if (same == waiters_.end()) {
      send({"SUBSCRIBE", me.channel});
    } else {
      me.subscribed = (*same)->subscribed;
    }
    waiters_.push_back(&me);
  }
  void leave(Waiter& me) {
    waiters_.remove(&me);
    const bool last = std::none_of(waiters_.begin(), waiters_.end(), [&](const Waiter* other) {
      return other->channel == me.channel;
    });
    if (last && !failed_) send({"UNSUBSCRIBE", me.channel});
    changed_.notify_all();  // somebody else reads now
  }
  void send(std::initializer_list<std::string_view> words) {
    CommandBuffer command;
    command.add(words);
    outgoing_.append(command.bytes());
    if (!read_) return;  // whoever reads next sends it
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto woken = ::write(wake_, &one, sizeof one);
  }

  template <class Done>
  void read_until(std::unique_lock<std::mutex>& lock, Clock::time_point until, Done done) {
    while (!done() && !failed_ && Clock::now() < until) {
      if (read_) {
        changed_.wait_until(lock, until);
        continue;
      }
      read_ = true;
      step(lock, until);
      read_ = false;
      changed_.notify_all();
    }
  }

  // One turn: sends, sleeps until there is something, takes it in.
  void step(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
    try {
      if (!open_) {
        open_ = transport_->open();
        if (!open_) {
          const bool for_read = transport_->wants() == Transport::Interest::read;
          lock.unlock();
          transport_->wait(for_read, !for_read, until, wake_);
          lock.lock();
          return;
        }
      }
      // After the last wake-up: what was added before it is in outgoing_ now.
      std::uint64_t woken = 0;
      [[maybe_unused]] const auto read = ::read(wake_, &woken, sizeof woken);
      while (!outgoing_.empty()) {
        const std::size_t sent = transport_->write(outgoing_.data(), outgoing_.size());
        if (sent == 0) break;
        outgoing_.erase(0, sent);
      }
      char bytes[4096];
      const std::size_t got = transport_->read(bytes, sizeof bytes);
      if (got == 0) {
        const bool for_write = !outgoing_.empty();
        lock.unlock();
        transport_->wait(true, for_write, until, wake_);
        lock.lock();
        return;
      }
      reader_.feed(bytes, got);
      while (const auto message = reader_.next()) take(*message);
    } catch (const std::exception&) {
      if (!lock.owns_lock()) lock.lock();
      failed_ = true;
    }
  }

  void take(const Reply& message) {
    if (message.is(Reply::Type::error)) {
      throw Error(code_of_error(message.text()), std::string(message.text()));
    }
    if (greetings_left_ > 0) {
      --greetings_left_;
      return;
    }
    if (message.items.size() < 3) return;
    const std::string_view kind = message.items[0].text();
    const std::string_view channel = message.items[1].text();
    for (Waiter* waiter : waiters_) {
      if (waiter->channel != channel) continue;
      if (kind == "subscribe") waiter->subscribed = true;
      if (kind == "message") waiter->released = true;
    }
  }

  const Endpoint endpoint_;
  std::mutex mutex_;  // guards all that follows, but the transport while somebody reads
  std::condition_variable changed_;
  std::list<Waiter*> waiters_;
  std::size_t greetings_left_;
  std::string outgoing_;
  bool read_ = false;  // somebody is in step()
  bool failed_ = false;
  bool open_ = false;
  std::unique_ptr<Transport> transport_;
  ReplyReader reader_;
  int wake_;
};

Listener::Listener(Router& router) : router_(router) {}
Listener::~Listener() = default;

std::shared_ptr<Listener::Line> Listener::line_to(const std::shared_ptr<Node>& node) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Line>& line = lines_[node->endpoint().address.text()];
  if (line == nullptr || !line->usable()) line = std::make_shared<Line>(node->endpoint());
  return line;
}

Listener::Heard Listener::wait(const std::string& name, const std::function<bool()>& still_held,
                               Clock::time_point until) {
  try {
    const std::shared_ptr<Node> node = router_.home_of(name, until);
    if (node == nullptr || !node->breaker().closed()) return Heard::failed;
    return line_to(node)->wait(name, still_held, until);
  } catch (const Error&) {
    return Heard::failed;
  }
}

void Listener::close_inherited() noexcept {
  for (const auto& [address, line] : lines_) {
    if (line != nullptr) line->close_inherited();
  }
}

}  // namespace cairn::redis

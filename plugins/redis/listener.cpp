#include "listener.hpp"

#include <cairn/error.hpp>

#include <algorithm>
#include <list>
#include <new>
#include <utility>

namespace cairn::redis {

std::string channel_of(std::string_view name) {
  return "cairn:unlocked:" + std::string(name);
}

// One subscribed connection and those who wait on it. Whoever waits and finds nobody reading reads.
class Listener::Line {
 public:
  Line(const Endpoint& endpoint, std::atomic<int>& lingering)
      : endpoint_(endpoint),
        lingering_(lingering),
        greetings_left_(endpoint.greeting_refusals.size()),
        outgoing_(endpoint.greeting),
        doorbell_(endpoint.descriptors) {}
  ~Line() {
    for (const auto& [name, channel] : channels_) lingering_ -= channel.waiters == 0 ? 1 : 0;
  }

  /// Or that it is not has been said so recently that there is no point in asking again.
  bool usable() const noexcept { return !failed_ || is_deaf(); }
  Heard wait(const std::string& name, Clock::time_point subscribe_until,
             const std::function<std::optional<Clock::time_point>()>& wait_until) {
    if (failed_) return Heard::failed;
    std::unique_lock lock(mutex_);
    Waiter me{channel_of(name), false, false};
    const Leave leave{*this, me, lock};
    join(me);
    subscribe_until = std::min(subscribe_until, Clock::now() + endpoint_.connect_timeout);
    read_until(lock, subscribe_until, [&] { return me.subscribed; });
    if (!me.subscribed) return Heard::failed;
    lock.unlock();
    const auto until = wait_until();  // from here on a release is heard
    lock.lock();
    if (!until) return Heard::no_need;
    read_until(lock, *until, [&] { return me.released; });
    return me.released ? Heard::released : failed_ ? Heard::failed : Heard::nothing;
  }

  // Also takes in what has come since somebody last waited, so that it does not pile up. False:
  // nobody needs the connection.
  bool tidy() {
    if (failed_) return is_deaf();
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || read_) return true;  // whoever reads tidies when they leave
    end_old_subscriptions();
    if (open_) step(lock, Clock::time_point());
    return !failed_ && !channels_.empty();
  }

 private:
  struct Waiter {
    std::string channel;
    bool subscribed;
    bool released;
  };
  struct Channel {
    bool subscribed = false;
    int waiters = 0;
    Clock::time_point idle_since;
  };
  struct Leave {
    Line& line;
    Waiter& me;
    std::unique_lock<std::mutex>& lock;
    ~Leave() {
      if (!lock.owns_lock()) lock.lock();
      line.leave(me);
    }
  };

  void join(Waiter& me) {
    waiters_.push_back(&me);
    const auto [channel, is_new] = channels_.try_emplace(me.channel);
    if (is_new) {
      send({"SUBSCRIBE", me.channel});
    } else if (channel->second.waiters == 0) {
      --lingering_;
    }
    ++channel->second.waiters;
    me.subscribed = channel->second.subscribed;
  }
  void leave(Waiter& me) {
    waiters_.remove(&me);
    if (const auto channel = channels_.find(me.channel); channel != channels_.end()) {
      if (--channel->second.waiters == 0) {
        channel->second.idle_since = Clock::now();
        ++lingering_;
      }
    }
    end_old_subscriptions();
    changed_.notify_all();  // somebody else reads now
  }
  void end_old_subscriptions() {
    const auto now = Clock::now();
    for (auto channel = channels_.begin(); channel != channels_.end();) {
      const bool is_old =
          channel->second.waiters == 0 &&
          (now - channel->second.idle_since > linger || lingering_ > most_lingering);
      if (!is_old) {
        ++channel;
        continue;
      }
      if (!failed_) send({"UNSUBSCRIBE", channel->first});
      channel = channels_.erase(channel);
      --lingering_;
    }
  }
  void send(std::initializer_list<std::string_view> words) {
    CommandBuffer command;
    command.add(words);
    outgoing_.append(command.bytes());
    if (read_) doorbell_.ring();  // else whoever reads next sends it
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
        if (transport_ == nullptr) transport_ = make_transport(endpoint_);
        open_ = transport_->open();
        if (!open_) {
          const bool for_read = transport_->wants() == Transport::Interest::read;
          const int bell = doorbell_.fd();
          lock.unlock();
          transport_->wait(for_read, !for_read, until, bell);
          lock.lock();
          return;
        }
      }
      // After the last wake-up: what was added before it is in outgoing_ now.
      doorbell_.silence();
      while (!outgoing_.empty()) {
        const std::size_t sent = transport_->write(outgoing_.data(), outgoing_.size());
        if (sent == 0) break;
        outgoing_.erase(0, sent);
      }
      char bytes[4096];
      const std::size_t got = transport_->read(bytes, sizeof bytes);
      if (got == 0) {
        const bool for_write = !outgoing_.empty();
        const int bell = doorbell_.fd();
        lock.unlock();
        transport_->wait(true, for_write, until, bell);
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

  bool is_deaf() const noexcept { return Clock::now() < deaf_until_.load(); }
  void take(const Reply& message) {
    if (message.is(Reply::Type::error)) {
      const Errc code = code_of_error(message.text());
      if (code == Errc::rejected) deaf_until_ = Clock::now() + deaf;
      throw Error(code, std::string(message.text()));
    }
    if (greetings_left_ > 0) {
      --greetings_left_;
      return;
    }
    if (message.items.size() < 3) return;
    const std::string_view kind = message.items[0].text();
    const std::string_view channel = message.items[1].text();
    if (kind == "subscribe") {
      const auto subscribed = channels_.find(std::string(channel));
      if (subscribed != channels_.end()) subscribed->second.subscribed = true;
    }
    for (Waiter* waiter : waiters_) {
      if (waiter->channel != channel) continue;
      if (kind == "subscribe") waiter->subscribed = true;
      if (kind == "message") waiter->released = true;
    }
  }

  static constexpr auto linger = std::chrono::seconds(1);
  // A server that refuses a login, or the right to subscribe, will not think better of it soon.
  static constexpr auto deaf = std::chrono::seconds(10);
  static constexpr int most_lingering = 64;

  const Endpoint endpoint_;
  std::atomic<int>& lingering_;
  std::mutex mutex_;  // guards all that follows, but the transport while somebody reads
  std::condition_variable changed_;
  std::list<Waiter*> waiters_;
  std::map<std::string, Channel> channels_;
  std::size_t greetings_left_;
  std::string outgoing_;
  bool read_ = false;  // somebody is in step()
  std::atomic<bool> failed_{false};
  std::atomic<Clock::time_point> deaf_until_{};  // after failed_
  bool open_ = false;
  std::unique_ptr<Transport> transport_;
  ReplyReader reader_;
  Doorbell doorbell_;
};

Listener::Listener(Router& router) : router_(router) {}
Listener::~Listener() = default;

std::shared_ptr<Listener::Line> Listener::line_to(const std::shared_ptr<Node>& node) {
  const std::lock_guard lock(mutex_);
  const std::string address = node->endpoint().address.text();
  const auto known = lines_.find(address);
  if (known != lines_.end() && known->second->usable()) return known->second;
  auto line = std::make_shared<Line>(node->endpoint(), lingering_);
  lines_[address] = line;
  return line;
}

Listener::Heard Listener::wait(
    const std::string& name, Clock::time_point subscribe_until,
    const std::function<std::optional<Clock::time_point>()>& wait_until) {
  const std::shared_ptr<Node> node = router_.home_of(name, subscribe_until);
  if (node == nullptr || !node->breaker().closed()) return Heard::failed;
  return line_to(node)->wait(name, subscribe_until, wait_until);
}

void Listener::tidy() noexcept {
  if (lingering_.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(mutex_);
  try {
    // Who is about to wait on one that is dropped here keeps it until then.
    std::erase_if(lines_, [](const auto& entry) { return !entry.second->tidy(); });
  } catch (const std::bad_alloc&) {  // another time
  }
}

}  // namespace cairn::redis

// The driver's side of a connection: whoever has the role sends and reads for all.

#include "connection.hpp"
#include "futex.hpp"

#include <cairn/error.hpp>

#include <sched.h>

#include <algorithm>
#include <new>
#include <utility>

namespace cairn::redis {

namespace {

// A server that answers within this is worth waiting for without sleeping; waking costs about 25
// us.
constexpr std::int64_t worth_spinning_for_ns = 300'000;
constexpr std::size_t read_size = 16 * 1024;  // hiredis' reader shifts its buffer with each reply

constexpr auto surely_idle = std::chrono::milliseconds(1);
constexpr int surely_alone = 16;  // times that nobody else wanted anything

constexpr std::int64_t longest_sample_ns = 2'000'000;  // so that one stall is soon forgotten

constexpr const char* unasked = "an answer that nobody asked for";

std::string in_ms(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) +
         " ms";
}

}  // namespace

void Connection::drive(Request& mine) noexcept {
  try {
    // Somebody began to connect and left, and nobody has gone on with it since.
    const bool half_open = phase_ == Phase::opening || phase_ == Phase::greeting;
    if (half_open && Clock::now() >= phase_since_ + endpoint_.connect_timeout) close();
    while (mine.state_.load(std::memory_order_relaxed) != Request::done) {
      switch (advance(&mine)) {
        case Step::done: break;
        case Step::let_go: return let_go(mine);
        case Step::too_late:
          mine.state_.store(Request::waiting, std::memory_order_relaxed);
          leave(mine);
          break;
      }
    }
  } catch (const Error& error) {
    break_off(error.code(), error.what(), error.system_error());
  } catch (const std::exception& error) {
    break_off(Errc::internal, error.what(), 0);
  }
  hand_on();
}

// Before yielding to a server on our core: whoever comes back first goes on with it.
void Connection::let_go(Request& mine) noexcept {
  const std::lock_guard lock(mutex_);
  mine.state_.store(Request::waiting, std::memory_order_relaxed);
  driven_ = false;
}

// One step towards the answer of `mine`; for nobody (null), what can be done without waiting.
Connection::Step Connection::advance(Request* mine) {
  if (phase_ == Phase::ready && was_lost_while_idle()) {
    counters_.connections_lost.add();
    close();
  }
  if (phase_ == Phase::closed) connect();
  if (phase_ == Phase::opening) {
    if (!transport_->open()) {
      if (mine == nullptr) return Step::done;
      const auto until = std::min(mine->deadline, phase_since_ + endpoint_.connect_timeout);
      const bool for_read = transport_->wants() == Transport::Interest::read;
      if (transport_->wait(for_read, !for_read, until)) return Step::done;
      return give_up_waiting(mine, Clock::now()) ? Step::too_late : Step::done;
    }
    greetings_left_ = endpoint_.greeting_refusals.size();
    outgoing_ = endpoint_.greeting;
    written_ = 0;
    phase_ = greetings_left_ > 0 ? Phase::greeting : Phase::ready;
    phase_since_ = quiet_since_ = Clock::now();
  }
  if (phase_ == Phase::ready) {
    if (mine != nullptr && gathers(*mine)) return Step::let_go;
    take_queue();
  }
  write();
  return mine == nullptr ? Step::done : receive(mine);
}

// Those who were here when the last answers came are about to ask for more. The last of them sends
// for all, and who has waited for them once does not again.
bool Connection::gathers(Request& mine) {
  if (!relays() || mine.gathered_) return false;
  const std::lock_guard lock(mutex_);
  if (queue_.empty() || queue_.size() >= crowd_ || is_awaited()) return false;
  mine.gathered_ = true;
  return true;
}

// With the lock held: somebody waits for what is in flight, and has not left.
bool Connection::is_awaited() const noexcept {
  return std::any_of(in_flight_.begin(), in_flight_.end(),
                     [](const InFlight& slot) { return slot.request != nullptr; });
}

// Nobody has listened for a while. The server may have closed the connection, and what cannot be repeated
// must not be lost for it; or it has said something, which would be taken for the next answer.
bool Connection::was_lost_while_idle() {
  if (unanswered_ > 0 || Clock::now() < quiet_since_ + surely_idle) return false;
  try {
    char byte;
    return transport_->read(&byte, 1) > 0;
  } catch (const Error&) {
    return true;
  }
}

void Connection::connect() {
  counters_.connects.add();
  phase_ = Phase::opening;
  phase_since_ = Clock::now();
  reader_ = std::make_unique<ReplyReader>();
  transport_ = make_transport(endpoint_);
}

void Connection::take_queue() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) return;
  const bool awaited = is_awaited();
  // A server on our core has one batch at a time: what comes meanwhile leaves with the next.
  if (awaited && relays()) return;
  const auto now = Clock::now();
  std::size_t commands = 0;
  std::size_t taken = 0;
  const auto forget_taken = [&] {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(taken));
  };
  try {
    for (Request* request : queue_) {
      outgoing_.append(request->bytes);
      in_flight_.push_back({request, request->replies.size(), 0, now});
      request->sent_ = true;
      commands += request->replies.size();
      ++taken;
    }
  } catch (...) {
    forget_taken();  // a request is in one list only
    throw;
  }
  forget_taken();
  crowd_ = 0;
  if (unanswered_ == 0) quiet_since_ = now;
  if (!awaited) awaited_since_ = now;
  unanswered_ += commands;
  counters_.commands.add(commands);
  counters_.writes.add();
}

void Connection::write() {
  while (written_ < outgoing_.size()) {
    const std::size_t sent =
        transport_->write(outgoing_.data() + written_, outgoing_.size() - written_);
    if (sent == 0) {
      // While there is always something left, what is sent would pile up.
      if (written_ > outgoing_.size() / 2) outgoing_.erase(0, std::exchange(written_, 0));
      return;
    }
    written_ += sent;
  }
  constexpr std::size_t worth_keeping = 64 * 1024;
  if (outgoing_.capacity() > worth_keeping) {
    outgoing_ = std::string();
  } else {
    outgoing_.clear();
  }
  written_ = 0;
}

Connection::Step Connection::receive(Request* mine) {
  char bytes[read_size];
  std::size_t got = 0;
  const bool may_yield = yields() && mine->yields_left_ > 0 && outgoing_.empty();
  const bool relaying = may_yield && shares_core();
  const bool yielding = may_yield && !relaying;
  // Right after a write there is nothing yet, except from a server on our core, which has run in our
  // place. But where others come and go we yield first: they send something with us then.
  if (!yielding || more_to_read_ || alone_ >= surely_alone) {
    got = transport_->read(bytes, sizeof bytes);
  }
  for (; yielding && mine->yields_left_ > 0 && got == 0; --mine->yields_left_) {
    sched_yield();
    got = transport_->read(bytes, sizeof bytes);
  }
  more_to_read_ = got == sizeof bytes;
  if (got == 0) {
    if (relaying) return Step::let_go;
    slept_ = true;
    const auto patience = phase_ == Phase::ready ? quiet_since_ + endpoint_.timeout
                                                 : phase_since_ + endpoint_.connect_timeout;
    const auto until = std::min(mine->deadline, patience);
    return sleep(until) || !give_up_waiting(mine, Clock::now()) ? Step::done : Step::too_late;
  }

  mine->yields_left_ = Request::yields_before_sleep;
  const auto now = Clock::now();
  const auto waited = now - quiet_since_;
  quiet_since_ = now;
  reader_->feed(bytes, got);
  while (auto reply = reader_->next()) arrived_.push_back(std::move(*reply));
  if (phase_ == Phase::greeting) check_greeting();
  patience_.answered(waited);
  deliver(now);
  return Step::done;
}

// Until there is something to read or to send. False: `until` has passed.
bool Connection::sleep(Clock::time_point until) {
  if (answers_fast() || phase_ != Phase::ready) {
    return transport_->wait(true, !outgoing_.empty(), until);
  }
  const int bell = doorbell_.fd();
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) return true;
    asleep_ = true;
  }
  const bool woken = transport_->wait(true, !outgoing_.empty(), until, bell);
  {
    const std::lock_guard lock(mutex_);
    asleep_ = false;
  }
  doorbell_.silence();
  return woken;
}

// True: `mine` gives up, and the connection may yet be good. Throws if the server's time is over.
bool Connection::give_up_waiting(Request* mine, Clock::time_point now) {
  if (phase_ != Phase::ready) {
    if (now >= phase_since_ + endpoint_.connect_timeout) {
      const bool shaking_hands = phase_ == Phase::opening && endpoint_.tls != nullptr;
      const char* const undone = phase_ == Phase::greeting
                                     ? "no answer to our login or choice of a database within "
                                     : "cannot connect within ";
      throw Error(Errc::timeout, undone + in_ms(endpoint_.connect_timeout) +
                                     (shaking_hands ? ": does it speak TLS at this port?" : ""));
    }
    return now >= mine->deadline;
  }
  // A caller that has given it nearly all the time there is has waited for the server, not for
  // others.
  const auto nearly_all = endpoint_.timeout * 9 / 10;
  if (now >= quiet_since_ + nearly_all) {
    if (now >= awaited_since_ + nearly_all) {
      throw Error(Errc::timeout, "no answer within " + in_ms(endpoint_.timeout));
    }
    // It owes answers to callers who left, and nobody was there to see whether it has gone silent.
    throw Error(Errc::unavailable, "no answers since before this call");
  }
  return now >= mine->deadline;
}

void Connection::check_greeting() {
  if (arrived_.size() > greetings_left_) throw Error(Errc::corrupt, unasked);
  for (const Reply& reply : arrived_) {
    if (reply.is(Reply::Type::error)) {
      const auto& refusals = endpoint_.greeting_refusals;
      if (reply.text().starts_with("NOAUTH")) {
        throw Error(Errc::rejected, "the server wants a login: give " + endpoint_.login_options);
      }
      throw Error(code_of_error(reply.text()), refusals[refusals.size() - greetings_left_] + ": " +
                                                   explained(endpoint_.password, reply));
    }
    if (--greetings_left_ > 0) continue;
    if (!endpoint_.role.empty() &&
        (reply.items.empty() || reply.items.front().text() != endpoint_.role)) {
      throw Error(Errc::unavailable, "the server is not a " + endpoint_.role + " any more");
    }
    phase_ = Phase::ready;
  }
  arrived_.clear();
}

void Connection::deliver(Clock::time_point now) {
  if (arrived_.empty()) return;
  if (!breaker_.closed()) breaker_.succeeded();
  bool too_many = false;
  std::int64_t sample = 0;
  {
    const std::lock_guard lock(mutex_);
    crowd_ = std::max(crowd_, load());
    for (Reply& reply : arrived_) {
      if (in_flight_.empty()) {
        too_many = true;
        break;
      }
      --unanswered_;
      InFlight& slot = in_flight_.front();
      if (reply.is(Reply::Type::error)) counters_.error_replies.add();
      if (slot.request != nullptr) slot.request->replies[slot.answered] = std::move(reply);
      if (++slot.answered < slot.expected) continue;
      if (slot.request != nullptr) complete(*slot.request);
      sample = (now - slot.sent_at).count();
      in_flight_.pop_front();
    }
  }
  alone_ = arrived_.size() == 1 && load() == 0 ? alone_ + 1 : 0;
  constexpr unsigned now_and_then = 64;
  if (++deliveries_ % now_and_then == 0) {
    neighbour_.saw(answers_fast() && transport_->served_on_this_core());
  }
  // What came before anybody had to sleep is soon enough, however long our own threads' turns took.
  const bool slept = std::exchange(slept_, false);
  if (sample > worth_spinning_for_ns && !slept) sample = 0;
  const std::int64_t smoothed = round_trip_ns_.load(std::memory_order_relaxed);
  if (sample > 0) {
    sample = std::min(sample, longest_sample_ns);
    round_trip_ns_.store(smoothed + (sample - smoothed) / 8, std::memory_order_relaxed);
  }
  arrived_.clear();
  for (std::atomic<std::uint32_t>* sleeper : sleepers_) futex_wake_one(sleeper);
  sleepers_.clear();
  if (too_many) throw Error(Errc::corrupt, unasked);
}

// With the lock held. From here on the request belongs to its caller and may be gone.
void Connection::complete(Request& request) noexcept {
  load_.fetch_sub(1, std::memory_order_relaxed);
  std::atomic<std::uint32_t>* const word = &request.state_;
  if (word->exchange(Request::done, std::memory_order_acq_rel) != Request::asleep) return;
  try {
    sleepers_.push_back(word);
  } catch (const std::bad_alloc&) {
    futex_wake_one(word);
  }
}

void Connection::close() noexcept {
  transport_.reset();
  reader_.reset();
  outgoing_.clear();
  written_ = 0;
  arrived_.clear();
  unanswered_ = 0;
  phase_ = Phase::closed;
}

// Whatever was under way here is over. Only what shows that the server itself is ill opens the
// breaker: a connection that was good and is closed may have been idle too long.
void Connection::break_off(Errc code, std::string_view reason, int system_error) noexcept {
  const bool was_ready = phase_ == Phase::ready;
  const bool lost = was_ready && code == Errc::unavailable;
  if (!lost) breaker_.failed(Clock::now(), reason);
  if (was_ready) counters_.connections_lost.add();
  if (code == Errc::timeout) counters_.timeouts.add();
  // What the bytes of the connection meant says nothing about the caller's entry.
  if (code == Errc::corrupt) code = Errc::unavailable;

  close();

  const Reply why = Reply::failure(code, name_, reason, system_error);
  {
    const std::lock_guard lock(mutex_);
    for (InFlight& slot : in_flight_) {
      if (slot.request == nullptr) continue;
      fail(*slot.request, slot.answered, why);
      slot.request->lost_ = lost;
      complete(*slot.request);
    }
    in_flight_.clear();
    for (Request* request : queue_) {
      fail(*request, 0, why);
      request->lost_ = lost;
      complete(*request);
    }
    queue_.clear();
  }
  for (std::atomic<std::uint32_t>* sleeper : sleepers_) futex_wake_one(sleeper);
  sleepers_.clear();
}

// Gives the role to somebody who waits, preferably awake.
void Connection::hand_on() noexcept {
  std::atomic<std::uint32_t>* sleeper = nullptr;
  {
    const std::lock_guard lock(mutex_);
    Request* heir = nullptr;
    const auto consider = [&](Request* request) {
      if (request == nullptr || !request->attended_) return false;
      heir = heir == nullptr ? request : heir;
      if (request->state_.load(std::memory_order_relaxed) != Request::waiting) return false;
      heir = request;
      return true;
    };
    for (const InFlight& slot : in_flight_) {
      if (consider(slot.request)) break;
    }
    if (heir == nullptr || heir->state_.load(std::memory_order_relaxed) == Request::asleep) {
      for (Request* request : queue_) {
        if (consider(request)) break;
      }
    }
    if (heir == nullptr) {
      driven_ = false;
      return;
    }
    if (heir->state_.exchange(Request::driving, std::memory_order_acq_rel) == Request::asleep) {
      sleeper = &heir->state_;
    }
  }
  if (sleeper != nullptr) futex_wake_one(sleeper);
}

bool Connection::answers_fast() const noexcept {
  return round_trip_ns_.load(std::memory_order_relaxed) < worth_spinning_for_ns;
}

}  // namespace cairn::redis

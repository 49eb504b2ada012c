#include "flights.hpp"

namespace cairn::hosting {

Flight::Landing Flight::wait(FutexWord::Deadline deadline) const {
  std::uint32_t now = landing_.wait_while(static_cast<std::uint32_t>(Landing::none), deadline);
  if (now == in_queue) {
    take_up_();
    now = landing_.wait_while(in_queue, deadline);
  }
  return now == in_queue ? Landing::none : static_cast<Landing>(now);
}

void Lead::set_down(std::function<void()> take_up) noexcept {
  flight_->leader_ = std::thread::id();
  if (!take_up) return;
  flight_->take_up_ = std::move(take_up);
  flight_->landing_.change_to(Flight::in_queue);
}

void Lead::land_with(Entry value) noexcept {
  if (flight_ == nullptr) return;
  flight_->value_ = std::move(value);
  land(Flight::Landing::value);
}
void Lead::land_failed(std::exception_ptr error) noexcept {
  if (flight_ == nullptr) return;
  if (error == nullptr) return land_empty();
  flight_->error_ = std::move(error);
  land(Flight::Landing::failed);
}
void Lead::land_empty() noexcept {
  if (flight_ != nullptr) land(Flight::Landing::gave_up);
}

void Lead::land(Flight::Landing landing) noexcept {
  // Held to the end: a waiter that sees the landing may be done before everybody is woken.
  const std::shared_ptr<Flight> flight = std::move(flight_);
  flights_->retire(*flight);
  flight->landing_.change_to(static_cast<std::uint32_t>(landing));
}

Flights::Claim Flights::claim(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto it = shard.flights.find(key); it != shard.flights.end()) return {{}, it->second};
  auto flight = std::make_shared<Flight>(std::string(key));
  shard.flights.emplace(flight->key(), flight);
  return {Lead(*this, std::move(flight)), nullptr};
}

Lead Flights::try_lead(std::string_view key) {
  return claim(key).lead;
}

bool Flights::in_flight(std::string_view key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  return shard.flights.find(key) != shard.flights.end();
}

void Flights::retire(const Flight& flight) noexcept {
  Shard& shard = shard_of(flight.key());
  const std::lock_guard lock(shard.mutex);
  landings_.fetch_add(1, std::memory_order_release);  // before newcomers may lead
  const auto it = shard.flights.find(flight.key());
  if (it != shard.flights.end() && it->second.get() == &flight) shard.flights.erase(it);
}

void Flights::after_fork() {
  for (Shard& shard : shards_) {
    std::construct_at(&shard.mutex);
    // What another thread was in the middle of changing is left alone, not freed.
    std::construct_at(&shard.flights);
  }
}

}  // namespace cairn::hosting

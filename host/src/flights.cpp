#include "flights.hpp"

namespace cairn::hosting {

Flight::Landing Flight::wait(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto over = [this] { return landing_ != Landing::none; };
  if (deadline == std::chrono::steady_clock::time_point::max()) {
    landed_.wait(lock, over);
  } else {
    landed_.wait_until(lock, deadline, over);
  }
  return landing_;
}

void Flight::land(Landing landing, std::optional<Entry> value, std::exception_ptr error) {
  {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    error_ = std::move(error);
    landing_ = landing;
  }
  landed_.notify_all();
}

Flights::Claim Flights::claim(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (const auto it = shard.flights.find(key); it != shard.flights.end())
    return {it->second, false};
  auto flight = std::make_shared<Flight>(std::string(key));
  shard.flights.emplace(flight->key(), flight);
  return {std::move(flight), true};
}

FlightPtr Flights::try_lead(std::string_view key) {
  Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  if (shard.flights.find(key) != shard.flights.end()) return nullptr;
  auto flight = std::make_shared<Flight>(std::string(key));
  shard.flights.emplace(flight->key(), flight);
  return flight;
}

bool Flights::in_flight(std::string_view key) const {
  const Shard& shard = shard_of(key);
  const std::lock_guard lock(shard.mutex);
  return shard.flights.find(key) != shard.flights.end();
}

void Flights::land_with(const FlightPtr& flight, Entry value) {
  retire(flight);
  flight->land(Flight::Landing::value, std::move(value), nullptr);
}
void Flights::land_failed(const FlightPtr& flight, std::exception_ptr error) {
  retire(flight);
  flight->land(Flight::Landing::failed, std::nullopt, std::move(error));
}
void Flights::land_empty(const FlightPtr& flight) {
  retire(flight);
  flight->land(Flight::Landing::gave_up, std::nullopt, nullptr);
}

void Flights::retire(const FlightPtr& flight) {
  Shard& shard = shard_of(flight->key());
  const std::lock_guard lock(shard.mutex);
  landings_.fetch_add(1, std::memory_order_release);  // before newcomers may lead
  const auto it = shard.flights.find(flight->key());
  if (it != shard.flights.end() && it->second == flight) shard.flights.erase(it);
}

void Flights::after_fork() {
  for (Shard& shard : shards_) {
    std::construct_at(&shard.mutex);
    // What another thread was in the middle of changing is left alone, not freed.
    std::construct_at(&shard.flights);
  }
}

}  // namespace cairn::hosting

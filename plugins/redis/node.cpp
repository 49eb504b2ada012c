#include "node.hpp"

#include <new>

namespace cairn::redis {

Node::Node(Endpoint endpoint, const Limits& limits, Counters& counters)
    : endpoint_(std::move(endpoint)),
      counters_(counters),
      breaker_(limits.retry_after, limits.retry_after_at_most) {
  for (std::size_t i = 0; i < limits.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(endpoint_, breaker_, counters_));
  }
}

// A server on our own core works for one connection after the other anyway: there all send together.
Connection& Node::least_busy() noexcept {
  Connection* best = connections_.front().get();
  std::size_t least = best->shares_core() ? 0 : best->load();
  for (std::size_t i = 1; i < connections_.size() && least > 0; ++i) {
    const std::size_t load = connections_[i]->load();
    if (load >= least) continue;
    best = connections_[i].get();
    least = load;
  }
  return *best;
}

bool Node::admit(Request& request, Ticket& ticket) noexcept {
  if (breaker_.closed()) return true;
  const auto now = Breaker::Clock::now();
  switch (breaker_.ask(now)) {
    case Breaker::Pass::free: return true;
    case Breaker::Pass::probe: ticket.is_probe = true; return true;
    case Breaker::Pass::refused: break;
  }
  counters_.refused.add();
  Reply refusal;
  try {
    refusal = Reply::failure(Errc::unavailable, endpoint_.address.text(), breaker_.explain(now));
  } catch (const std::bad_alloc&) {
    refusal = Reply::failure(Errc::unavailable, {}, "the server is left alone");
  }
  for (Reply& reply : request.replies) reply = refusal;
  return false;
}

Node::Ticket Node::start(Request& request, bool push) noexcept {
  Ticket ticket;
  if (!admit(request, ticket)) return ticket;
  ticket.connection = &least_busy();
  ticket.connection->start(request);
  if (push) ticket.connection->push();
  return ticket;
}

void Node::finish(Request& request, const Ticket& ticket, bool repeatable) noexcept {
  if (ticket.connection == nullptr) return;
  ticket.connection->finish(request);
  if (ticket.is_probe && !breaker_.closed()) breaker_.probe_abandoned();
  const bool again = request.connection_lost() && (repeatable || !request.sent()) &&
                     breaker_.closed() && Breaker::Clock::now() < request.deadline;
  if (!again) return;
  // On the same connection, which is known to be closed: others may be stale as well.
  counters_.retries.add();
  request.prepare_again();
  ticket.connection->start(request);
  ticket.connection->finish(request);
}

}  // namespace cairn::redis

#include "batch.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace cairn::memcached {
namespace {

// Names that are asked for in one request: what both sides can buffer, so that neither waits for
// the other to read.
constexpr std::size_t largest_request = 1000;

// Values from here on are stored with an answer each.
constexpr std::size_t largest_unanswered = std::size_t{32} << 10;

}  // namespace

Batch::Batch(Cluster& cluster, Keys keys, Call call)
    : cluster_(cluster), call_(call), names_(keys.size()), left_out_(keys.size()) {
  wires_.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    try {
      wires_.push_back(cluster.name_of(keys[i]));
    } catch (const Error&) {
      wires_.emplace_back("left out", true);
      left_out_[i] = true;
    }
  }
  for (std::size_t i = 0; i < keys.size(); ++i) names_[i] = wires_[i].view();
}

std::vector<Batch::Part> Batch::parts() {
  std::vector<Part> parts;
  for (Server& server : cluster_.servers()) parts.push_back({&server, {}});
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (left_out_[i]) continue;
    Server& server = cluster_.server_of(names_[i]);
    std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return part.server == &server;
    })->keys.push_back(i);
  }
  std::erase_if(parts, [](const Part& part) { return part.keys.empty(); });
  return parts;
}

// ---- reading ----

// What is asked of one server at a time.
class Batch::Question {
 public:
  Question(const Batch& batch, Server& server, std::span<const std::size_t> keys,
           Clock::time_point deadline)
      : keys_(keys),
        largest_inflated_(batch.cluster_.settings().largest_inflated()),
        exchange_(server, deadline) {
    for (const std::size_t i : keys) names_.push_back(batch.names_[i]);
    code_ = exchange_->ask(names_);
  }

  void answer(Results results) {
    take(results);
    if (exchange_.goes_again(code_)) {
      code_ = exchange_->ask(names_);
      take(results);
    }
    exchange_.end(code_);
  }

 private:
  void take(Results results) {
    std::size_t at = 0;  // answers come in the order of the names
    while (code_ == MEMCACHED_SUCCESS) {
      exchange_.mind_deadline();
      const auto item = exchange_->next(code_);
      if (!item) break;
      while (at < names_.size() && names_[at] != item->name) ++at;
      if (at == names_.size()) {
        code_ = MEMCACHED_PROTOCOL_ERROR;
        break;
      }
      try {
        results.hit(keys_[at], to_entry(item->value, item->flags, largest_inflated_));
      } catch (const Error& error) {
        results.fail(keys_[at], error.code());
      }
      ++at;
    }
  }

  const std::span<const std::size_t> keys_;
  const std::size_t largest_inflated_;
  std::vector<std::string_view> names_;
  Exchange exchange_;
  memcached_return_t code_ = MEMCACHED_FAILURE;
};

void Batch::get(Results results) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (left_out_[i]) results.fail(i, Errc::rejected);
  }
  const std::vector<Part> all = parts();
  for (std::size_t first = 0; first < names_.size(); first += largest_request) {
    if (!get_some(all, first, results)) break;
  }
}

// Up to largest_request keys of every server, from its `first` on. Connections are taken in the order
// of the servers, so that batches do not wait for each other in a circle. False: nothing was left.
bool Batch::get_some(const std::vector<Part>& parts, std::size_t first, Results results) {
  const auto deadline = cluster_.deadline(call_);
  std::deque<std::pair<std::optional<Question>, std::span<const std::size_t>>> questions;
  const auto failing = [&](std::span<const std::size_t> keys, auto&& body) {
    try {
      cluster_.counting(body);
    } catch (const Error& error) {
      for (const std::size_t i : keys) results.fail(i, error.code());
    }
  };
  for (const Part& part : parts) {
    if (part.keys.size() <= first) continue;
    const auto keys =
        std::span(part.keys).subspan(first, std::min(largest_request, part.keys.size() - first));
    auto& question = questions.emplace_back(std::nullopt, keys).first;
    failing(keys, [&] { question.emplace(*this, *part.server, keys, deadline); });
  }
  for (auto& each : questions) {
    std::optional<Question>& question = each.first;
    if (question) failing(each.second, [&] { question->answer(results); });
  }
  return !questions.empty();
}

// ---- writing ----

void Batch::set(std::span<const Entry> entries, std::time_t exptime, Statuses statuses) {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].size() <= cluster_.settings().max_value) continue;
    cluster_.counters().rejected.add(1);
    left_out_[i] = true;
  }
  const std::uint32_t flags = cluster_.settings().flags;
  write(statuses, [&](Connection& connection, std::size_t i, bool quiet) {
    const std::string_view value = entries[i].bytes();
    return connection.set(names_[i], value, exptime, flags,
                          quiet && value.size() < largest_unanswered);
  });
}

void Batch::remove(Statuses statuses) {
  for (std::size_t i = 0; i < names_.size(); ++i) statuses.done(i);
  write(statuses, [&](Connection& connection, std::size_t i, bool quiet) {
    return connection.remove(names_[i], quiet);
  });
}

void Batch::write(Statuses statuses, const Write& write) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (left_out_[i]) statuses.fail(i, Errc::rejected);
  }
  for (const Part& part : parts()) {
    try {
      cluster_.counting([&] {
        Exchange exchange(*part.server, cluster_.deadline(call_));
        const memcached_return_t code = write_part(exchange, part, statuses, write);
        exchange.end(code);
        if (code == MEMCACHED_NOTFOUND) statuses.miss(part.keys.back());
      });
    } catch (const Error& error) {
      for (const std::size_t i : part.keys) statuses.fail(i, error.code());
    }
  }
}

memcached_return_t Batch::write_part(Exchange& exchange, const Part& part, Statuses statuses,
                                     const Write& write) {
  const auto send = [&] {
    memcached_return_t code = MEMCACHED_SUCCESS;
    for (const std::size_t i : part.keys) {
      exchange.mind_deadline();
      code = write(exchange.connection(), i, i != part.keys.back());
      const Verdict verdict = verdict_on(code);
      if (verdict == Verdict::refused) {  // this one alone
        const Errc error = error_for(code);
        Counters& counters = cluster_.counters();
        (error == Errc::rejected ? counters.rejected : counters.failures).add(1);
        statuses.fail(i, error);
        code = MEMCACHED_SUCCESS;
      } else if (verdict != Verdict::good) {
        break;
      }
    }
    return code;
  };
  memcached_return_t code = send();
  if (exchange.goes_again(code)) code = send();
  return code;
}

}  // namespace cairn::memcached

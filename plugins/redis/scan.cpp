#include "scan.hpp"

#include "locks.hpp"

#include <cairn/error.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

namespace cairn::redis {

namespace {

// A cursor is that of the server, below the number of the master that is being listed. Servers count
// in the size of their table, which leaves the upper bits unused.
constexpr int server_bits = 48;
constexpr std::uint64_t server_mask = (std::uint64_t{1} << server_bits) - 1;
constexpr std::size_t longest_page = 10'000;
constexpr std::size_t keys_at_once = 100;  // whose values are in memory together

struct Page {
  std::uint64_t next = 0;
  std::vector<Reply> keys;
};

Page page_of(Node& node, std::uint64_t cursor, std::size_t limit, Clock::time_point deadline) {
  CommandBuffer command;
  command.add({"SCAN", std::to_string(cursor), "COUNT", std::to_string(limit)});
  bool sent = false;
  Reply reply = run_on(node, {{}, command.bytes()}, deadline, sent);
  if (!reply.is(Reply::Type::array) || reply.items.size() != 2) unexpected(reply, "SCAN");
  Page page;
  const std::string_view next = reply.items[0].text();
  if (std::from_chars(next.data(), next.data() + next.size(), page.next).ec != std::errc() ||
      page.next > server_mask) {
    throw Error(Errc::corrupt, "an answer that SCAN cannot have");
  }
  page.keys = std::move(reply.items[1].items);
  return page;
}

void visit_values(Node& node, std::string_view lock_prefix, std::span<const Reply> keys,
                  Clock::time_point deadline, const Visit& visit) {
  CommandBuffer commands;
  for (const Reply& key : keys) commands.add({"GET", key.text()});
  std::vector<Reply> values(keys.size());
  Request request(commands.bytes(), values, deadline);
  node.run(request, /*repeatable=*/true);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (values[i].is(Reply::Type::failure)) throw_if_refused(values[i]);
    if (!values[i].is_string()) continue;  // gone, of another type, or on its way to another server
    if (keys[i].text().starts_with(lock_prefix) && looks_like_a_lock(values[i].text())) continue;
    visit(keys[i].text(), values[i].bytes);
  }
}

}  // namespace

void scan(Router& router, const Settings& settings, std::uint64_t& cursor, std::size_t limit,
          Clock::time_point call_deadline, const Visit& visit) {
  const auto soon = [&] { return std::min(call_deadline, Clock::now() + settings.timeout); };
  const std::vector<std::shared_ptr<Node>> masters = router.masters(soon());
  const std::size_t at = cursor >> server_bits;
  if (at >= masters.size()) {  // there were more when the scan began
    cursor = 0;
    return;
  }
  Node& node = *masters[at];
  const Page page =
      page_of(node, cursor & server_mask, std::clamp<std::size_t>(limit, 1, longest_page), soon());
  const std::span<const Reply> keys = page.keys;
  for (std::size_t begin = 0; begin < keys.size(); begin += keys_at_once) {
    visit_values(node, settings.lock_prefix,
                 keys.subspan(begin, std::min(keys_at_once, keys.size() - begin)), soon(), visit);
  }
  if (page.next != 0) {
    cursor = std::uint64_t{at} << server_bits | page.next;
  } else {
    cursor = at + 1 == masters.size() ? 0 : std::uint64_t{at + 1} << server_bits;
  }
}

}  // namespace cairn::redis

#include "asked_in_vain.hpp"

#include <algorithm>
#include <utility>

namespace cairn::redis {

namespace {

constexpr std::size_t shortest_why = 24;

std::string cut(std::string text, std::size_t most) {
  constexpr std::string_view dots = "...";
  if (text.size() <= most) return text;
  if (most <= dots.size()) return std::string(dots.substr(0, most));
  text.resize(most - dots.size());
  return text.append(dots);
}

// "a, b, c", or "a and 2 more".
std::string names(const std::vector<std::string>& addresses, std::size_t most) {
  std::string all;
  for (const std::string& address : addresses) all.append(all.empty() ? "" : ", ").append(address);
  if (all.size() <= most || addresses.size() == 1) return all;
  return addresses.front() + " and " + std::to_string(addresses.size() - 1) + " more";
}

std::string reason_of(const Node& node, const Reply& reply, std::string_view verdict) {
  if (reply.is(Reply::Type::failure)) {
    // Why it is left alone, without for how long.
    if (!node.breaker().closed()) return node.breaker().reason();
    std::string_view text = reply.text();
    const std::string address = node.endpoint().address.text() + ": ";
    if (text.starts_with(address)) text.remove_prefix(address.size());
    return std::string(text);
  }
  if (!reply.is(Reply::Type::error)) return std::string(verdict);
  const std::string said = text_without(node.endpoint().password, reply);
  if (said.starts_with("NOAUTH")) return "wants a login: give " + node.endpoint().login_options;
  if (said.starts_with("NOPERM")) return "answers: " + said;
  return std::string(verdict) + " (" + said + ")";
}

}  // namespace

void AskedInVain::add(const Address& address, std::string why) {
  auto group = std::find_if(groups_.begin(), groups_.end(),
                            [&](const Group& known) { return known.why == why; });
  if (group == groups_.end()) group = groups_.insert(group, Group{std::move(why), {}});
  group->addresses.push_back(address.text());
}

void AskedInVain::add(const Node& node, const Reply& reply, std::string_view verdict) {
  add(node.endpoint().address, reason_of(node, reply, verdict));
}

std::string AskedInVain::text(std::size_t most) const {
  std::string result;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (i > 0) result += "; ";
    const std::size_t left = most - std::min(most, result.size());
    const std::size_t share = left / (groups_.size() - i);
    const Group& group = groups_[i];
    const std::size_t for_why = std::min(group.why.size(), std::max(share / 2, shortest_why));
    const std::string who = names(group.addresses, share - std::min(share, for_why + 2)) + ": ";
    result += who + cut(group.why, std::max(share - std::min(share, who.size()), shortest_why));
  }
  return cut(std::move(result), most);
}

}  // namespace cairn::redis

#include "facts.hpp"

#include <cairn/error.hpp>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace cairn::redis {

namespace {

// What INFO says: lines "name:value" under headings.
class Info {
 public:
  explicit Info(std::string_view text) : text_(text) {}

  std::string_view operator[](std::string_view name) const {
    for (std::string_view rest = text_; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find("\r\n"));
      rest.remove_prefix(std::min(line.size() + 2, rest.size()));
      if (line.size() > name.size() && line[name.size()] == ':' && line.starts_with(name)) {
        return line.substr(name.size() + 1);
      }
    }
    return {};
  }
  std::uint64_t number(std::string_view name) const {
    const std::string_view text = (*this)[name];
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }

 private:
  std::string_view text_;
};

std::string in_mib(std::uint64_t bytes) {
  const std::uint64_t tenths = (bytes * 10 + (1 << 19)) >> 20;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

std::string product_of(const Info& info) {
  if (const auto version = info["valkey_version"]; !version.empty()) {
    return "Valkey " + std::string(version);
  }
  return "Redis " + std::string(info["redis_version"]);
}

std::string role_of(const Info& info) {
  if (info["role"] == "slave") {
    return "replica of " + std::string(info["master_host"]) + ":" +
           std::string(info["master_port"]) + ", link " + std::string(info["master_link_status"]);
  }
  const std::string replicas(info["connected_slaves"]);
  return "master, " + replicas + (replicas == "1" ? " replica" : " replicas");
}

// Whether a user was refused the key alone, not the command.
bool is_about_keys(std::string_view why) {
  return why.find("NOPERM") != std::string_view::npos && why.find(" key") != std::string_view::npos;
}

// What will disappoint who uses it as a cache.
void warn_of(const Info& info, const Settings& settings, std::vector<std::string>& warnings) {
  const std::string_view policy = info["maxmemory_policy"];
  const bool bounded = info.number("maxmemory") > 0;
  if (!bounded && !policy.empty()) {
    warnings.push_back(
        "the server has no limit to its memory (maxmemory 0, " + std::string(policy) +
        "), and grows until the machine is full: set maxmemory, and maxmemory-policy allkeys-lfu");
  } else if (policy == "noeviction") {
    warnings.emplace_back(
        "when its memory is full the server refuses new entries instead of dropping old ones "
        "(maxmemory-policy noeviction): set allkeys-lfu or allkeys-lru");
  } else if (policy.starts_with("volatile-") && settings.ttl.count() == 0) {
    warnings.push_back("the server drops only entries with a time to live (maxmemory-policy " +
                       std::string(policy) +
                       "), and this backend gives them none by itself: set "
                       "its `ttl`, or allkeys-lfu on the server");
  }
  if (info["role"] == "slave" && settings.mode == Mode::standalone) {
    warnings.emplace_back(
        "this server is a replica, and refuses to store: name its master, or use mode = "
        "\"sentinel\"");
  }
}

}  // namespace

Document facts_of(Router& router, Locks& locks, const Settings& settings,
                  Clock::time_point deadline) {
  std::vector<std::pair<const char*, std::string>> facts;
  std::vector<std::string> warnings;
  const std::vector<std::shared_ptr<Node>> masters = router.masters(deadline);

  CommandBuffer command;
  command.add({"INFO"});
  bool sent = false;
  const Reply reply = run_on(*masters.front(), {{}, command.bytes()}, deadline, sent);
  if (reply.is(Reply::Type::failure)) throw_if_refused(reply);
  if (reply.is_string()) {
    const Info info(reply.text());
    facts.emplace_back("server", product_of(info) + ", " + std::string(info["redis_mode"]));
    if (settings.mode == Mode::cluster) {
      facts.emplace_back("masters", std::to_string(masters.size()));
    }
    facts.emplace_back("address", masters.front()->endpoint().address.text());
    facts.emplace_back("role", role_of(info));
    const std::uint64_t limit = info.number("maxmemory");
    facts.emplace_back("memory", in_mib(info.number("used_memory")) +
                                     (limit > 0 ? " of " + in_mib(limit) : ", no limit"));
    facts.emplace_back("when full", info["maxmemory_policy"]);
    facts.emplace_back("keyspace", std::string(info["run_id"]) + "/" + std::to_string(settings.db));
    warn_of(info, settings, warnings);
  } else {
    facts.emplace_back("server", "does not tell: " + std::string(reply.text()));
  }

  const Locks::Support support = locks.try_out(deadline);
  // The keys of a lock that matters may well be among those that the user is allowed.
  const bool undecided = is_about_keys(support.locks);
  facts.emplace_back("locks", support.locks.empty()
                                  ? "yes"
                                  : (undecided ? "not tried: " : "no: ") + support.locks);
  facts.emplace_back("news of locks", support.news.empty()
                                          ? "yes"
                                          : "no, waiters look again and again: " + support.news);
  std::vector<std::string> lock_warnings;
  if (!support.locks.empty() && !undecided) {
    lock_warnings.push_back("`distributed_lock` does not work here: " + support.locks);
  }

  return Document::build([&](Writer out) {
    auto map = out.map(facts.size() + 2);
    for (const auto& [name, value] : facts) map.key(name).text(value);
    const auto add_list = [&map](const char* name, const std::vector<std::string>& texts) {
      auto list = map.key(name).list(texts.size());
      for (const std::string& text : texts) list.item().text(text);
    };
    add_list("warnings", warnings);
    add_list("lock_warnings", lock_warnings);
  });
}

}  // namespace cairn::redis

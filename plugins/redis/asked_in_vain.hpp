// Who was asked in vain, and why: for an error that says it of each, and yet is short.
//
//     AskedInVain asked;
//     asked.add(sentinel, reply, "is no sentinel");
//     asked.text(100);  // "a:26379, b:26379: cannot connect: Connection refused; c:6379: is no sentinel (...)"
//
// Those with the same reason are named together. Threads: none of these may be shared without a lock.
#pragma once

#include "node.hpp"
#include "resp.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::redis {

class AskedInVain {
 public:
  void add(const Address& address, std::string why);
  /// Its reply was of no use: a failure, an error (`verdict` is what that shows), or something else.
  void add(const Node& node, const Reply& reply, std::string_view verdict);

  /// At most `most` bytes. What does not fit is cut: reasons first, then addresses.
  std::string text(std::size_t most) const;

 private:
  struct Group {
    std::string why;
    std::vector<std::string> addresses;
  };
  std::vector<Group> groups_;
};

}  // namespace cairn::redis

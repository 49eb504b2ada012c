// What becomes of an operation that a proxy does not provide: the host passes the proxy by, or, when
// `transforms` says that the proxy would have changed something about it, refuses the operation.
//
// A proxy that declares flow, or nothing at all, and overrides only `get` so turns its cache off: no
// value can be set through it. missing_operations() says so in a sentence, for the host and the kit.
// Threads: plain functions.
#pragma once

#include <cairn/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace cairn::detail {

/// What each operation carries, in the order of CAIRN_OPS. Unknown extensions may carry anything;
/// statistics are of one layer and carry nothing.
inline constexpr std::array<std::uint32_t, 12> carried_by_operation = [] {
  constexpr std::uint32_t key = CAIRN_TRANSFORMS_KEY, value = CAIRN_TRANSFORMS_VALUE,
                          ttl = CAIRN_TRANSFORMS_TTL, flow = CAIRN_TRANSFORMS_FLOW;
  return std::array<std::uint32_t, 12>{
      key | value | flow,        // get
      key | value | ttl | flow,  // set
      key | flow,                // remove
      key | value | flow,        // get_multi
      key | value | ttl | flow,  // set_multi
      key | flow,                // remove_multi
      key | flow,
      key | flow,
      key | flow,
      key | flow,                   // lock renew unlock await_unlock
      CAIRN_TRANSFORMS_NOTHING,     // stats
      CAIRN_TRANSFORMS_EVERYTHING,  // extension
  };
}();

/// Whether a proxy with these transforms may be passed by for operation `index`. A transform that is
/// younger than this may concern anything.
constexpr bool is_passed_by(std::uint32_t transforms, std::size_t index) noexcept {
  constexpr std::uint32_t known = CAIRN_TRANSFORMS_EVERYTHING;
  return (carried_by_operation[index] & ((transforms & ~known) == 0 ? transforms : known)) == 0;
}

/// What is wrong, and what can be done about it; both empty: nothing.
struct MissingOperations {
  std::string problem, remedy;
};

/// Which operations of a proxy a host would refuse: of get, set and remove, without which there is no
/// cache, and, if `with_locks`, of the locks.
inline MissingOperations missing_operations(const cairn_component& proxy, bool with_locks = false) {
  std::vector<std::string> missing;
  std::size_t index = 0;
#define CAIRN_LOOK(op)                                                                            \
  {                                                                                               \
    const bool wanted = index < 3 || (with_locks && index >= 6 && index < 10);                    \
    const bool provided = CAIRN_HAS(proxy.ops, op) && proxy.ops->op != nullptr;                   \
    if (wanted && !provided && !is_passed_by(proxy.transforms, index)) missing.emplace_back(#op); \
    ++index;                                                                                      \
  }
  CAIRN_OPS(CAIRN_LOOK)
#undef CAIRN_LOOK
  if (missing.empty()) return {};

  const auto listed = [](const std::vector<std::string>& names, const std::string& before) {
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (i != 0) text += i + 1 == names.size() ? " and " : ", ";
      text += before + '`' + names[i] + '`';
    }
    return text;
  };
  std::vector<std::string> declared;
  if ((proxy.transforms & CAIRN_TRANSFORMS_KEY) != 0) declared.emplace_back("key");
  if ((proxy.transforms & CAIRN_TRANSFORMS_VALUE) != 0) declared.emplace_back("value");
  if ((proxy.transforms & CAIRN_TRANSFORMS_TTL) != 0) declared.emplace_back("ttl");
  if ((proxy.transforms & CAIRN_TRANSFORMS_FLOW) != 0) declared.emplace_back("flow");
  std::vector<std::string> to_override;
  for (const std::string& name : missing) {
    to_override.push_back(name);
    if (name == "get" || name == "set" || name == "remove") to_override.push_back(name + "_multi");
  }
  const std::string self = std::string("`") + proxy.name + '`';
  const std::string declares = declared.empty() || declared.size() == 4
                                   ? "does not narrow `transforms`, so that it may change anything,"
                                   : "declares " + listed(declared, "");
  return {self + ' ' + declares + " and has " + listed(missing, "no ") +
              ": the host refuses such calls, since passing it by could be wrong",
          "override " + listed(to_override, "") +
              ", if only to call `next()`; or leave out of `transforms` what " + self +
              " does not change"};
}

}  // namespace cairn::detail

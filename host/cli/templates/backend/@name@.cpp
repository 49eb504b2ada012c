// @name@: keeps entries in a map. The shortest backend that keeps the contract: put your store in its place.
#include <cairn/plugin.hpp>

#include <unordered_map>

using namespace cairn;

class @Class@ final : public Backend {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Keeps entries in a map.";
  static constexpr auto threads = Threads::serial;  // one call at a time; leave it out if your store bears more
  explicit @Class@(const Context& context) : services_(context.services()) {}

  OptionalEntry get(Key key, Call) override {
    const auto it = items_.find(std::string(key.view()));
    const bool there = it != items_.end() && it->second.expires() > services_.now();
    return there ? std::optional(it->second) : std::nullopt;
  }
  void set(Key key, const Entry& entry, const SetOptions& how, Call) override {
    const Time now = services_.now(), never = Time::max();
    Entry kept = entry.to_owned();
    kept.set_expires(how.ttl.count() == 0 || how.ttl > never - now ? never : now + how.ttl);
    std::swap(items_[std::string(key.view())], kept);  // the old entry ends last: its end may call us
  }
  bool remove(Key key, Call) override { return !items_.extract(std::string(key.view())).empty(); }

 private:
  const Services services_;
  std::unordered_map<std::string, Entry> items_;
};

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);

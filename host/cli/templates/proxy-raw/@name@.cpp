// @name@: overrides operations itself. Whoever overrides set must override set_multi, and so on.
#include <cairn/plugin.hpp>

using namespace cairn;

class @Class@ final : public ProxyBackend {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Keeps nothing longer than a limit.";
  static constexpr auto transforms = Transforms::ttl;  // what you change, and nothing else
  static constexpr std::array options{Option("max_ttl", "duration").defaults_to("1h").help("The limit.")};
  explicit @Class@(const Context& context)
      : ProxyBackend(context), max_(context.options().duration("max_ttl")) {}

  void set(Key key, const Entry& entry, const SetOptions& how, Call call) override {
    next().set(key, entry, limited(how), call);
  }
  void set_multi(Keys keys, std::span<const Entry> entries, const SetOptions& how, Statuses statuses, Call call) override {
    next().set_multi(keys, entries, limited(how), statuses, call);
  }

 private:
  SetOptions limited(SetOptions how) const { return {how.ttl.count() == 0 ? max_ : std::min(how.ttl, max_)}; }
  const std::chrono::nanoseconds max_;
};

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);

// @name@: watches what passes and changes nothing. What it does not override passes it by, at no cost.
#include <cairn/plugin.hpp>

#include <atomic>

using namespace cairn;

class @Class@ final : public ProxyBackend {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Counts the keys that are asked for.";
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;
  OptionalEntry get(Key key, Call call) override {
    ++asked_;
    return next().get(key, call);
  }
  void get_multi(Keys keys, Results results, Call call) override {
    asked_ += keys.size();
    next().get_multi(keys, results, call);
  }
  Document stats(Call) override {
    return Document::build([&](Writer out) { out.map(1).key("asked").unsigned_integer(asked_); });
  }

 private:
  std::atomic<std::uint64_t> asked_{0};
};

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);

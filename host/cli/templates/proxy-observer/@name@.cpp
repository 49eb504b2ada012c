// @name@: watches what passes and changes nothing. What it does not override passes it by, at no cost.
#include <cairn/plugin.hpp>

#include <atomic>

namespace {

using namespace cairn;

class @Class@ final : public ProxyBackend {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Counts hits and misses.";
  static constexpr auto transforms = Transforms::nothing;
  using ProxyBackend::ProxyBackend;

  std::optional<Entry> get(Key key, Call call) override {
    auto found = next().get(key, call);
    ++(found ? hits_ : misses_);
    return found;
  }
  void get_multi(Keys keys, Results results, Call call) override {
    next().get_multi(keys, results, call);
    for (std::size_t i = 0; i < results.size(); ++i) ++(results.is_hit(i) ? hits_ : misses_);
  }
  Document stats(Call) override {
    return Document::build([&](Writer out) {
      auto map = out.map(2);
      map.key("hits").unsigned_integer(hits_);
      map.key("misses").unsigned_integer(misses_);
    });
  }

 private:
  std::atomic<std::uint64_t> hits_{0}, misses_{0};
};

}  // namespace

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);

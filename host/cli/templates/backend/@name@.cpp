// @name@: keeps entries in a map. The shortest backend that keeps the contract; replace the map by your store.
#include <cairn/plugin.hpp>

#include <mutex>
#include <unordered_map>

namespace {

using namespace cairn;

class @Class@ final : public Backend {
 public:
  static constexpr auto name = "@name@";
  static constexpr auto help = "Keeps entries in a map.";
  static constexpr std::array options{
      Option("max_items", "int").defaults_to("100000").range("1", "1000000000").help("Refuses new keys above this many."),
  };

  explicit @Class@(const Context& context)
      : services_(context.services()), max_items_(context.options().size("max_items")) {}

  std::optional<Entry> get(Key key, Call) override {
    const std::lock_guard guard(mutex_);
    const auto it = items_.find(std::string(key.view()));
    if (it == items_.end() || it->second.ends <= services_.now()) return std::nullopt;
    return it->second.entry;
  }
  void set(Key key, const Entry& entry, const SetOptions& how, Call) override {
    const Time now = services_.now();
    const bool for_ever = how.ttl.count() == 0 || how.ttl > Time::max() - now;
    Item item{entry.to_owned(), for_ever ? Time::max() : now + how.ttl};
    const std::lock_guard guard(mutex_);
    if (items_.size() >= max_items_ && !items_.contains(std::string(key.view()))) return;  // a cache may forget
    std::swap(items_[std::string(key.view())], item);  // the old entry ends after the lock
  }
  bool remove(Key key, Call) override {
    decltype(items_)::node_type removed;  // ends after the lock
    const std::lock_guard guard(mutex_);
    removed = items_.extract(std::string(key.view()));
    return !removed.empty();
  }

 private:
  struct Item {
    Entry entry;
    Time ends;
  };
  const Services services_;
  const std::size_t max_items_;
  std::mutex mutex_;
  std::unordered_map<std::string, Item> items_;
};

}  // namespace

CAIRN_PLUGIN("@id@", "0.1.0", @Class@);

// A backend that keeps everything. Built several times under the names NAME: by another compiler
// with another standard library, without RTTI, with a private standard library, with an allocator
// of its own.
#include <cairn/plugin.hpp>

#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <string>

#ifdef OWN_ALLOCATOR
// Every block begins one cache line later than malloc's: whoever frees it in the usual way aborts.
namespace {
constexpr std::size_t lead = 64;
}
void* operator new(std::size_t size) {
  if (void* block = std::malloc(size + lead)) return static_cast<char*>(block) + lead;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept {
  if (block != nullptr) std::free(static_cast<char*>(block) - lead);
}
void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}
#endif

namespace {

using namespace cairn;

class Map final : public Backend {
 public:
  static constexpr auto name = NAME;
  static constexpr auto help = "Keeps everything.";

  OptionalEntry get(Key key, Call) override {
    const std::scoped_lock lock(mutex_);
    const auto it = entries_.find(std::string(key.view()));
    if (it == entries_.end()) return std::nullopt;
    return it->second;
  }
  void set(Key key, const Entry& entry, const SetOptions&, Call) override {
    if (key.view() == "rejected") throw Error(Errc::rejected, "this key is never kept");
    // Of its own making, so that the host releases what the plugin allocated.
    Entry kept = Entry::copy(entry.bytes());
    const std::scoped_lock lock(mutex_);
    entries_[std::string(key.view())] = std::move(kept);
  }
  bool remove(Key key, Call) override {
    const std::scoped_lock lock(mutex_);
    return entries_.erase(std::string(key.view())) > 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace

CAIRN_PLUGIN("org.cairn.test." NAME, "1.0.0", Map);

#include "virtual_stack.hpp"

#include <cairn/proxy_backend.hpp>

using namespace cairn;

namespace {

// Reads from the same store as the plugin stack does.
class Leaf final : public Backend {
 public:
  explicit Leaf(const cairn_next& store) : store_(store) {}
  OptionalEntry get(Key key, Call call) override { return store_.get(key, call); }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    store_.set(key, entry, options, call);
  }
  bool remove(Key key, Call call) override { return store_.remove(key, call); }

 private:
  Next store_;
};

class Layer final : public Backend {
 public:
  explicit Layer(std::unique_ptr<Backend> below) : below_(std::move(below)) {}
  OptionalEntry get(Key key, Call call) override {
    if (key.size() == 0) refuse("an empty key");
    return below_->get(key, call);
  }
  void set(Key key, const Entry& entry, const SetOptions& options, Call call) override {
    below_->set(key, entry, options, call);
  }
  bool remove(Key key, Call call) override { return below_->remove(key, call); }

 private:
  std::unique_ptr<Backend> below_;
};

}  // namespace

std::unique_ptr<Backend> virtual_leaf(const cairn_next& store) {
  return std::make_unique<Leaf>(store);
}
std::unique_ptr<Backend> virtual_layer(std::unique_ptr<Backend> below) {
  return std::make_unique<Layer>(std::move(below));
}

#include "layer.hpp"

#include <cairn/detail/passing_by.hpp>
#include <cairn/detail/thunks.hpp>

#include <cstring>

namespace cairn::hosting {

namespace {

// What answers in place of an operation, one per signature.
template <class Function>
struct Refusal;

template <class... Args>
struct Refusal<cairn_status (*)(void*, cairn_call*, Args...) noexcept> {
  static cairn_status refuse(void* self, cairn_call* call, Args...) noexcept {
    return detail::fail(call, static_cast<const Layer*>(self)->label().c_str(), CAIRN_UNSUPPORTED,
                        "this operation is not offered", 0, false);
  }
  static cairn_status closed(void*, cairn_call* call, Args...) noexcept {
    return detail::fail(call, "host", CAIRN_UNAVAILABLE, "the stack is closed", 0, false);
  }
};

template <>
struct Refusal<const void* (*)(void*, const char*) noexcept> {
  static const void* refuse(void*, const char*) noexcept { return nullptr; }
  static const void* closed(void*, const char*) noexcept { return nullptr; }
};

// A batch that is answered says of each key what became of it, and leaves no error in the call: the next
// failure in the same call would not find room for its own text.
cairn_status answered(cairn_call* call) noexcept {
  if (call != nullptr && call->error != CAIRN_OK) {
    call->error = CAIRN_OK;
    call->system_error = 0;
    call->error_text[0] = '\0';
  }
  return CAIRN_OK;
}

// Batches of a component that has only single operations. `self` is the Layer.
cairn_status get_each(void* self, cairn_call* call, const cairn_bytes* keys, std::size_t n,
                      cairn_entry* out, cairn_status* statuses) noexcept {
  const auto& get = static_cast<const Layer*>(self)->table().get;
  for (std::size_t i = 0; i < n; ++i) statuses[i] = get.fn(get.self, call, keys[i], &out[i]);
  return answered(call);
}
cairn_status set_each(void* self, cairn_call* call, const cairn_bytes* keys,
                      const cairn_entry* entries, std::size_t n, const cairn_set_options* options,
                      cairn_status* statuses) noexcept {
  const auto& set = static_cast<const Layer*>(self)->table().set;
  for (std::size_t i = 0; i < n; ++i) {
    statuses[i] = set.fn(set.self, call, keys[i], &entries[i], options);
  }
  return answered(call);
}
cairn_status remove_each(void* self, cairn_call* call, const cairn_bytes* keys, std::size_t n,
                         cairn_status* statuses) noexcept {
  const auto& remove = static_cast<const Layer*>(self)->table().remove;
  for (std::size_t i = 0; i < n; ++i) statuses[i] = remove.fn(remove.self, call, keys[i]);
  return answered(call);
}

}  // namespace

const char* operation_name(int index) noexcept {
#define CAIRN_NAME(op) #op,
  static constexpr const char* names[] = {CAIRN_OPS(CAIRN_NAME)};
#undef CAIRN_NAME
  static_assert(sizeof names / sizeof *names == operation_count);
  static_assert(detail::carried_by_operation.size() == operation_count);
  return names[index];
}

Layer::Layer(const cairn_component& component, const cairn_host* services, Document options,
             const cairn_next* below, std::string label)
    : component_(component), options_(std::move(options)), label_(std::move(label)) {
  cairn_call call{};
  call.size = sizeof call;
  const cairn_status status =
      component_.create(services, options_.root().raw(), below, &call, &self_);
  if (status != CAIRN_OK) {
    const char* text = call.error != CAIRN_OK ? call.error_text : "could not be created";
    throw Error(to_errc(status), text, call.system_error);
  }
  if (self_ == nullptr) {
    throw Error(Errc::internal, label_ + ": create succeeded without making anything");
  }
  resolve(below);
}

Layer::~Layer() {
  if (self_ != nullptr) component_.destroy(self_);
}

bool Layer::after_fork() const noexcept {
  if (CAIRN_HAS(&component_, after_fork) && component_.after_fork != nullptr) {
    component_.after_fork(self_);
    return true;
  }
  return component_.role == CAIRN_PROXY;
}

void Layer::resolve(const cairn_next* below) {
  const cairn_ops& ops = *component_.ops;
  const bool proxy = component_.role == CAIRN_PROXY;
  table_.size = sizeof table_;
  std::size_t index = 0;
#define CAIRN_RESOLVE(op)                                                     \
  {                                                                           \
    const unsigned bit = 1u << index;                                         \
    if (CAIRN_HAS(&ops, op) && ops.op != nullptr) {                           \
      table_.op.fn = ops.op;                                                  \
      table_.op.self = self_;                                                 \
      table_.provided |= bit;                                                 \
      own_ |= bit;                                                            \
    } else if (proxy && detail::is_passed_by(component_.transforms, index)) { \
      table_.op.fn = below->op.fn;                                            \
      table_.op.self = below->op.self;                                        \
      table_.provided |= below->provided & bit;                               \
    } else {                                                                  \
      table_.op.fn = &Refusal<decltype(ops.op)>::refuse;                      \
      table_.op.self = this;                                                  \
    }                                                                         \
    ++index;                                                                  \
  }
  CAIRN_OPS(CAIRN_RESOLVE)
#undef CAIRN_RESOLVE
#define CAIRN_LOOP(single, batch, bit)                                                       \
  if ((own_ & (1u << (bit))) == 0 && ops.single != nullptr && table_.single.self == self_) { \
    table_.batch.fn = &single##_each;                                                        \
    table_.batch.self = this;                                                                \
    table_.provided |= 1u << (bit);                                                          \
  }
  CAIRN_LOOP(get, get_multi, 3)
  CAIRN_LOOP(set, set_multi, 4)
  CAIRN_LOOP(remove, remove_multi, 5)
#undef CAIRN_LOOP
}

const cairn_next& closed_table() noexcept {
  static const cairn_next table = [] {
    cairn_next closed{};
    closed.size = sizeof closed;
#define CAIRN_CLOSE(op) \
  closed.op.fn = &Refusal<decltype(static_cast<cairn_ops*>(nullptr)->op)>::closed;
    CAIRN_OPS(CAIRN_CLOSE)
#undef CAIRN_CLOSE
    return closed;
  }();
  return table;
}

}  // namespace cairn::hosting

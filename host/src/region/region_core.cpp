// RegionCore: the region as a whole.

#include "region_core.hpp"

#include <utility>

namespace cairn::hosting {

RegionCore::RegionCore(std::string name, Setup setup, HostServices& services,
                       Background& background, std::shared_ptr<LeaseKeeper> leases)
    : setup_(std::make_shared<const Setup>(std::move(setup))),
      current_(setup_.get()),
      kinds_(setup_->stack->accepts()),
      detours_(setup_->mangler ? Detour::mangles : 0u),
      clock_(services.clock()),
      has_system_clock_(dynamic_cast<const SystemClock*>(&clock_) != nullptr),
      name_(std::move(name)),
      services_(services),
      background_(background),
      leases_(std::move(leases)),
      log_(name_, services),
      stamps_(clock_) {}

RegionCore::~RegionCore() = default;

void RegionCore::invalidate(Invalidation kind) {
  if (kind == Invalidation::none) return;
  struct Announced {
    std::atomic<int>& count;
    explicit Announced(std::atomic<int>& c) : count(c) { ++count; }
    Announced(const Announced&) = delete;
    Announced& operator=(const Announced&) = delete;
    ~Announced() { --count; }
  } const announced(invalidating_);
  const Time when = stamps_.for_invalidation();
  // Whoever replaces the strategy meanwhile may have taken over what it knew before.
  for (SetupPtr now = setup();;) {
    now->invalidation->invalidate(kind, when);
    SetupPtr later = setup();
    if (later->invalidation == now->invalidation) return;
    now = std::move(later);
  }
}

bool RegionCore::key_is_locked(Key key) {
  const SetupPtr setup = this->setup();
  std::string name;
  key = mangled(key, name);
  if (flights_.in_flight(key.view())) return true;
  if (!setup->locks_in_store) return false;
  cairn_call call;
  begin(call);
  const cairn_status status = on_stack(*setup, [&](const cairn_next& table) {
    return table.await_unlock.fn(table.await_unlock.self, &call, key.raw(), 0);
  });
  if (status < 0) {
    on_store_error(*setup, status, call, "await_unlock");
  } else {
    note_store_works("await_unlock");
  }
  return status == CAIRN_BUSY;
}

SetupPtr RegionCore::setup() const {
  const std::lock_guard lock(setup_mutex_);
  return setup_;
}

void RegionCore::replace(const std::function<void(Setup&)>& change) {
  const std::lock_guard lock(setup_mutex_);
  if (setup_->stack == nullptr) return;  // closed
  auto next = std::make_shared<Setup>(*setup_);
  change(*next);
  next->local_invalidation = dynamic_cast<const LocalInvalidation*>(next->invalidation.get());
  const SetupPtr before = std::exchange(setup_, next);
  kinds_ = next->stack->accepts();
  if (next->mangler) {
    detours_ |= Detour::mangles;
  } else {
    detours_ &= ~Detour::mangles;
  }
  if (!current_.replace(next.get(), std::chrono::seconds(10))) keep_for_ever(before);
}

bool RegionCore::close(std::chrono::milliseconds patience) {
  const std::lock_guard lock(setup_mutex_);
  if (setup_->stack == nullptr) return true;
  auto closed = std::make_shared<Setup>(closed_setup());
  closed->policy.on_error = OnError::miss;
  const SetupPtr before = std::exchange(setup_, closed);
  const bool unused = current_.replace(setup_.get(), patience);
  if (!unused || before.use_count() > 1) {
    keep_for_ever(before);
    return false;
  }
  return true;
}

void RegionCore::after_fork() {
  invalidating_ = 0;
  std::construct_at(&setup_mutex_);
  failed_keys_.after_fork();
  flights_.after_fork();
  const bool usable = setup_->stack != nullptr && setup_->stack->after_fork();
  if (!usable) {
    keep_for_ever(setup_);  // the parent's: nothing of it may run here, not even its end
    setup_ = std::make_shared<Setup>(closed_setup());
  }
  current_.after_fork(setup_.get());
}

}  // namespace cairn::hosting

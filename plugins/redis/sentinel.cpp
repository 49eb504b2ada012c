#include "router.hpp"

namespace cairn::redis {
std::unique_ptr<Router> make_sentinel_router(const NodeFactory&) {
  throw Error(Errc::unsupported, "sentinel");
}
std::unique_ptr<Router> make_cluster_router(const NodeFactory&) {
  throw Error(Errc::unsupported, "cluster");
}
}  // namespace cairn::redis

/* A backend in C that stores with flags it has never heard of, and hands out token 0. */
#include <cairn/plugin.h>

static cairn_status get(void* self, cairn_call* call, cairn_bytes key, cairn_entry* out) {
  (void)self, (void)call, (void)key, (void)out;
  return CAIRN_MISS;
}
static cairn_status set(void* self, cairn_call* call, cairn_bytes key, const cairn_entry* entry,
                        const cairn_set_options* options) {
  (void)self, (void)call, (void)key, (void)entry, (void)options;
  return CAIRN_OK;
}
static cairn_status drop(void* self, cairn_call* call, cairn_bytes key) {
  (void)self, (void)call, (void)key;
  return CAIRN_MISS;
}
static const cairn_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = drop};

static cairn_status create(const cairn_host* host, const cairn_node* options,
                           const cairn_next* next, cairn_call* call, void** self) {
  static int instance;
  (void)host, (void)options, (void)next, (void)call;
  *self = &instance;
  return CAIRN_OK;
}
static void destroy(void* self) {
  (void)self;
}

static const cairn_component component = {.size = sizeof component,
                                          .role = CAIRN_BACKEND,
                                          .name = "accepts-any-flag",
                                          .help = "Has a fault.",
                                          .accepts = CAIRN_ANY_KIND,
                                          .ops = &ops,
                                          .create = create,
                                          .destroy = destroy};
CAIRN_PLUGIN_IN_C("org.example.wrong-flags", "1.0.0", "backend", "accepts-any-flag", component);

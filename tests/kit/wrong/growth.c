/* A proxy in C that copies as much of the layer below as the host says there is. */
#include <cairn/plugin.h>

typedef struct instance {
  cairn_next next;
} instance;

static cairn_status drop(void* self, cairn_call* call, cairn_bytes key) {
  const cairn_next* next = &((instance*)self)->next;
  return next->remove.fn(next->remove.self, call, key);
}
static const cairn_ops ops = {.size = sizeof ops, .remove = drop};

static cairn_status create(const cairn_host* host, const cairn_node* options,
                           const cairn_next* next, cairn_call* call, void** self) {
  instance* made = calloc(1, sizeof *made);
  (void)host, (void)options, (void)call;
  if (!made) return CAIRN_INTERNAL;
  memcpy(&made->next, next, next->size); /* more than there is room for, in a later host */
  *self = made;
  return CAIRN_OK;
}
static void destroy(void* self) {
  free(self);
}

static const cairn_component component = {.size = sizeof component,
                                          .role = CAIRN_PROXY,
                                          .name = "copies-too-much",
                                          .help = "Has a fault.",
                                          .transforms = CAIRN_TRANSFORMS_NOTHING,
                                          .accepts = CAIRN_ANY_KIND,
                                          .ops = &ops,
                                          .create = create,
                                          .destroy = destroy};
CAIRN_PLUGIN_IN_C("org.example.wrong-growth", "1.0.0", "proxy", "copies-too-much", component);

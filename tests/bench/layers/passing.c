/* A layer in the way of every read that looks at the key, as working.cpp does, and passes the call on: what the
 * contract between layers costs by itself. The entry goes up without being touched. */
#include <cairn/abi.h>

#include <stdlib.h>
#include <string.h>

typedef struct instance {
  cairn_next next;
} instance;

static cairn_status get(void* self, cairn_call* call, cairn_bytes key, cairn_entry* out) {
  const cairn_next* next = &((instance*)self)->next;
  if (key.size == 0) return CAIRN_REJECTED;
  return next->get.fn(next->get.self, call, key, out);
}

static cairn_status get_multi(void* self, cairn_call* call, const cairn_bytes* keys, size_t n,
                              cairn_entry* out, cairn_status* statuses) {
  const cairn_next* next = &((instance*)self)->next;
  return next->get_multi.fn(next->get_multi.self, call, keys, n, out, statuses);
}

static cairn_status create(const cairn_host* host, const cairn_node* options,
                           const cairn_next* next, cairn_call* call, void** self) {
  instance* made = calloc(1, sizeof *made);
  (void)host, (void)options, (void)call;
  if (!made) return CAIRN_INTERNAL;
  memcpy(&made->next, next, next->size < sizeof made->next ? next->size : sizeof made->next);
  *self = made;
  return CAIRN_OK;
}
static void destroy(void* self) {
  free(self);
}

static const cairn_ops ops = {.size = sizeof ops, .get = get, .get_multi = get_multi};
static const cairn_component component = {
    .size = sizeof component,
    .role = CAIRN_PROXY,
    .name = "bench-passing",
    .help = "Looks at every key on its way down.",
    .transforms = CAIRN_TRANSFORMS_NOTHING,
    .accepts = CAIRN_ANY_KIND,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};
static const cairn_component* const components[] = {&component};
static const cairn_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = CAIRN_ABI_MAJOR,
    .abi_minor = CAIRN_ABI_MINOR,
    .id = "org.cairn.bench-passing",
    .version = "0.1.0",
    .components = components,
    .component_count = 1,
};

CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host);
const cairn_plugin* cairn_plugin_v1(const cairn_host* host) {
  (void)host;
  return &plugin;
}

/* The note in the file, read without running it; see CAIRN_NOTE_NAME in cairn/abi.h. */
#define NOTE                                                                   \
  "{\"abi\":\"1.0\",\"id\":\"org.cairn.bench-passing\",\"version\":\"0.1.0\"," \
  "\"components\":[{\"role\":\"proxy\",\"name\":\"bench-passing\"}]}"
__attribute__((section(CAIRN_NOTE_SECTION), used, aligned(4))) static const struct {
  uint32_t name_size, text_size, type;
  char name[8];
  char text[(sizeof NOTE + 3) & ~3u];
} note = {sizeof CAIRN_NOTE_NAME, sizeof NOTE - 1, CAIRN_NOTE_TYPE, CAIRN_NOTE_NAME, NOTE};

/* A backend in plain C: one entry per key of one letter. */
#include "note.h"

#include <stdlib.h>
#include <string.h>

PLUGIN_NOTE(
    "{\"abi\":\"1.0\",\"id\":\"org.cairn.test.map-c\",\"version\":\"1.0.0\",\"components\":["
    "{\"role\":\"backend\",\"name\":\"map-c\"}]}");

typedef struct value {
  cairn_owner owner;
  size_t size;
  char bytes[];
} value;

typedef struct map {
  value* values[256];
} map;

static void free_value(cairn_owner* owner) {
  free(owner);
}

static value** slot(void* self, cairn_bytes key) {
  return &((map*)self)->values[key.size > 0 ? (unsigned char)key.data[0] : 0];
}

static cairn_status get(void* self, cairn_call* call, cairn_bytes key, cairn_entry* out) {
  value* found = *slot(self, key);
  (void)call;
  if (!found) return CAIRN_MISS;
  cairn_retain(&found->owner);
  out->data = found->bytes;
  out->size = found->size;
  out->owner = &found->owner;
  out->kind = CAIRN_BYTES;
  return CAIRN_OK;
}

static cairn_status reject(cairn_call* call, const char* text) {
  if (call && call->error == CAIRN_OK) {
    call->error = CAIRN_REJECTED;
    strncpy(call->error_text, text, sizeof call->error_text - 1);
    call->error_text[sizeof call->error_text - 1] = '\0';
  }
  return CAIRN_REJECTED;
}

static cairn_status set(void* self, cairn_call* call, cairn_bytes key, const cairn_entry* entry,
                        const cairn_set_options* options) {
  value* made;
  (void)options;
  if (key.size == 8 && memcmp(key.data, "rejected", 8) == 0) {
    return reject(call, "map-c: this key is never kept");
  }
  made = malloc(sizeof *made + entry->size);
  if (!made) return CAIRN_INTERNAL;
  made->owner.refs = 1;
  made->owner.destroy = free_value;
  made->size = entry->size;
  memcpy(made->bytes, entry->data, entry->size);
  cairn_release(*slot(self, key) ? &(*slot(self, key))->owner : NULL);
  *slot(self, key) = made;
  return CAIRN_OK;
}

static cairn_status remove_key(void* self, cairn_call* call, cairn_bytes key) {
  value** found = slot(self, key);
  (void)call;
  if (!*found) return CAIRN_MISS;
  cairn_release(&(*found)->owner);
  *found = NULL;
  return CAIRN_OK;
}

static cairn_status create(const cairn_host* host, const cairn_node* options,
                           const cairn_next* next, cairn_call* call, void** self) {
  (void)host, (void)options, (void)next, (void)call;
  *self = calloc(1, sizeof(map));
  return *self ? CAIRN_OK : CAIRN_INTERNAL;
}

static void destroy(void* self) {
  map* all = self;
  for (size_t i = 0; i < 256; ++i) {
    if (all->values[i]) cairn_release(&all->values[i]->owner);
  }
  free(all);
}

static const cairn_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};
static const cairn_component component = {.size = sizeof component,
                                          .role = CAIRN_BACKEND,
                                          .name = "map-c",
                                          .help = "Keeps one entry per first letter.",
                                          .threads = CAIRN_THREADS_SERIAL,
                                          .accepts = CAIRN_BYTES,
                                          .ops = &ops,
                                          .create = create,
                                          .destroy = destroy};
static const cairn_component* const components[] = {&component};
static const cairn_plugin plugin = {.size = sizeof plugin,
                                    .abi_major = CAIRN_ABI_MAJOR,
                                    .abi_minor = CAIRN_ABI_MINOR,
                                    .id = "org.cairn.test.map-c",
                                    .version = "1.0.0",
                                    .components = components,
                                    .component_count = 1};

CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host);
CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host) {
  (void)host;
  return &plugin;
}

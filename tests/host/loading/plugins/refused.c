/* A backend that keeps nothing, built several times, each time with one FAULT that the loader
 * refuses. */
#include "note.h"

#define NO_FAULT 0
#define NO_NOTE 1
#define NOTE_OF_ABI_2 2
#define TABLE_OF_ABI_2 3
#define MISSING_SYMBOL 4
#define NO_ENTRY 5
#define ENTRY_RETURNS_NULL 6
#define NOTE_OFFERS_MORE 7

#if FAULT == NOTE_OF_ABI_2
PLUGIN_NOTE(
    "{\"abi\":\"2.0\",\"id\":\"org.cairn.test.refused\",\"version\":\"1.0\",\"components\":["
    "{\"role\":\"backend\",\"name\":\"refused\"}]}");
#elif FAULT == NOTE_OFFERS_MORE
PLUGIN_NOTE(
    "{\"abi\":\"1.0\",\"id\":\"org.cairn.test.refused\",\"version\":\"1.0\",\"components\":["
    "{\"role\":\"backend\",\"name\":\"refused\"},{\"role\":\"proxy\",\"name\":\"more\"}]}");
#elif FAULT != NO_NOTE
PLUGIN_NOTE(
    "{\"abi\":\"1.0\",\"id\":\"org.cairn.test.refused\",\"version\":\"1.0\",\"later\":[1],"
    "\"components\":[{\"role\":\"backend\",\"name\":\"refused\"}]}");
#endif

static cairn_status get(void* self, cairn_call* call, cairn_bytes key, cairn_entry* out) {
  (void)self, (void)call, (void)key, (void)out;
  return CAIRN_MISS;
}
static cairn_status set(void* self, cairn_call* call, cairn_bytes key, const cairn_entry* entry,
                        const cairn_set_options* options) {
  (void)self, (void)call, (void)key, (void)entry, (void)options;
  return CAIRN_OK;
}
static cairn_status remove_key(void* self, cairn_call* call, cairn_bytes key) {
  (void)self, (void)call, (void)key;
  return CAIRN_MISS;
}
#if FAULT == MISSING_SYMBOL
int nobody_defines_this(void);
#endif
static cairn_status create(const cairn_host* host, const cairn_node* options,
                           const cairn_next* next, cairn_call* call, void** self) {
  static int instance;
  (void)host, (void)options, (void)next, (void)call;
#if FAULT == MISSING_SYMBOL
  instance = nobody_defines_this();
#endif
  *self = &instance;
  return CAIRN_OK;
}
static void destroy(void* self) {
  (void)self;
}

static const cairn_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = remove_key};
static const cairn_component component = {.size = sizeof component,
                                          .role = CAIRN_BACKEND,
                                          .name = "refused",
                                          .help = "Keeps nothing.",
                                          .accepts = CAIRN_ANY_KIND,
                                          .ops = &ops,
                                          .create = create,
                                          .destroy = destroy};
static const cairn_component* const components[] = {&component};
static const cairn_plugin plugin = {.size = sizeof plugin,
#if FAULT == TABLE_OF_ABI_2
                                    .abi_major = 2,
#else
                                    .abi_major = 1,
#endif
                                    .id = "org.cairn.test.refused",
                                    .version = "1.0",
                                    .components = components,
                                    .component_count = 1};

#if FAULT == NO_ENTRY
CAIRN_EXPORT const cairn_plugin* another_name(const cairn_host* host) {
#else
CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host);
CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host) {
#endif
#if FAULT == ENTRY_RETURNS_NULL
  return host->abi_major == 99 ? &plugin : NULL;
#else
  (void)host;
  return &plugin;
#endif
}

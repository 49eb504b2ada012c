/* @name@: refuses keys that are too long for comfort, in plain C. cairn/abi.h is the reference. */
#include <cairn/abi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { longest = 65536 };

typedef struct instance {
  cairn_next next; /* a copy: it is complete and never changes */
} instance;

static cairn_status too_long(cairn_call *call) {
  if (call && call->error == CAIRN_OK) { /* the innermost layer that fails writes the text */
    call->error = CAIRN_REJECTED;
    snprintf(call->error_text, sizeof call->error_text, "@name@: the key is longer than %d bytes", longest);
  }
  return CAIRN_REJECTED;
}

static cairn_status set(void *self, cairn_call *call, cairn_bytes key, const cairn_entry *entry,
                        const cairn_set_options *options) {
  const cairn_next *next = &((instance *)self)->next;
  if (key.size > longest) return too_long(call);
  return next->set.fn(next->set.self, call, key, entry, options);
}

static cairn_status set_multi(void *self, cairn_call *call, const cairn_bytes *keys, const cairn_entry *entries,
                              size_t n, const cairn_set_options *options, cairn_status *statuses) {
  const cairn_next *next = &((instance *)self)->next;
  for (size_t i = 0; i < n; ++i) {
    if (keys[i].size > longest) return too_long(call);
  }
  return next->set_multi.fn(next->set_multi.self, call, keys, entries, n, options, statuses);
}

static cairn_status create(const cairn_host *host, const cairn_node *options, const cairn_next *next,
                           cairn_call *call, void **self) {
  instance *made = calloc(1, sizeof *made);
  (void)host, (void)options, (void)call;
  if (!made) return CAIRN_INTERNAL;
  memcpy(&made->next, next, next->size < sizeof made->next ? next->size : sizeof made->next);
  *self = made;
  return CAIRN_OK;
}
static void destroy(void *self) { free(self); }

static const cairn_ops ops = {.size = sizeof ops, .set = set, .set_multi = set_multi};
static const cairn_component component = {
    .size = sizeof component,
    .role = CAIRN_PROXY,
    .name = "@name@",
    .help = "Refuses keys that are too long for comfort.",
    .transforms = CAIRN_TRANSFORMS_NOTHING, /* so get, remove and the rest pass it by */
    .accepts = CAIRN_ANY_KIND,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};
static const cairn_component *const components[] = {&component};
static const cairn_plugin plugin = {
    .size = sizeof plugin,
    .abi_major = CAIRN_ABI_MAJOR,
    .abi_minor = CAIRN_ABI_MINOR,
    .id = "@id@",
    .version = "0.1.0",
    .components = components,
    .component_count = 1,
};

CAIRN_EXPORT const cairn_plugin *cairn_plugin_v1(const cairn_host *host);
const cairn_plugin *cairn_plugin_v1(const cairn_host *host) {
  (void)host;
  return &plugin;
}

/* The note in the file, read without running it; see CAIRN_NOTE_NAME in cairn/abi.h. */
#define NOTE                                                   \
  "{\"abi\":\"1.0\",\"id\":\"@id@\",\"version\":\"0.1.0\"," \
  "\"components\":[{\"role\":\"proxy\",\"name\":\"@name@\"}]}"
__attribute__((section(CAIRN_NOTE_SECTION), used, aligned(4))) static const struct {
  uint32_t name_size, text_size, type;
  char name[8];
  char text[(sizeof NOTE + 3) & ~3u];
} note = {sizeof CAIRN_NOTE_NAME, sizeof NOTE - 1, CAIRN_NOTE_TYPE, CAIRN_NOTE_NAME, NOTE};

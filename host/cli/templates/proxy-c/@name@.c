/* @name@: refuses keys that are too long for comfort, in plain C. cairn/abi.h is the reference. */
#include <cairn/plugin.h>

enum { longest = 65536 };

typedef struct instance {
  cairn_next next; /* a copy: it is complete and never changes */
} instance;

static cairn_status too_long(cairn_call *call) {
  return cairn_fail(call, CAIRN_REJECTED, "@name@: the key is longer than 65536 bytes");
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
  made->next = cairn_copy_next(next);
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

CAIRN_PLUGIN_IN_C("@id@", "0.1.0", "proxy", "@name@", component);

/* @name@: keeps entries in a hash table, in plain C. cairn/abi.h is the reference.
 * Put your store in place of the table: get, set and drop are the whole backend. */
#include <cairn/plugin.h>

enum { buckets = 4096, most_items = 100000 };

typedef struct item item;
struct item {
  item *below; /* the next one in the same bucket */
  cairn_entry entry; /* one reference is ours */
  int64_t ends_ns;   /* 0: never */
  size_t key_size;
  char key[];
};

typedef struct instance {
  const cairn_host *host;
  size_t count;
  item *items[buckets];
} instance;

/* The place of the item of `key`, or where it would go. */
static item **find(instance *store, cairn_bytes key) {
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (size_t i = 0; i < key.size; ++i) hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211u;
  item **at = &store->items[(hash ^ hash >> 32) % buckets];
  while (*at && ((*at)->key_size != key.size || (key.size && memcmp((*at)->key, key.data, key.size) != 0))) {
    at = &(*at)->below;
  }
  return at;
}
static void destroy_item(item *item) {
  cairn_owner *owner = item->entry.owner;
  free(item);
  cairn_release(owner); /* last: the end of a payload may call us again */
}

static cairn_status get(void *self, cairn_call *call, cairn_bytes key, cairn_entry *out) {
  instance *store = self;
  const item *found = *find(store, key);
  (void)call;
  if (!found || (found->ends_ns != 0 && found->ends_ns <= store->host->now_ns(store->host))) return CAIRN_MISS;
  *out = found->entry;
  cairn_retain(out->owner);
  return CAIRN_OK;
}

static cairn_status set(void *self, cairn_call *call, cairn_bytes key, const cairn_entry *entry,
                        const cairn_set_options *options) {
  instance *store = self;
  item **place = find(store, key), *old = *place;
  (void)call;
  if (options && options->flags != 0) return CAIRN_UNSUPPORTED;
  if (!old && store->count >= most_items) return CAIRN_OK; /* a cache may forget */

  item *made = calloc(1, sizeof *made + key.size);
  if (!made) return CAIRN_INTERNAL;
  made->entry = *entry;
  if (!cairn_keep(&made->entry)) {
    free(made);
    return CAIRN_INTERNAL;
  }
  if (options && options->ttl_ns != 0) {
    const int64_t now = store->host->now_ns(store->host);
    made->ends_ns = options->ttl_ns > INT64_MAX - now ? 0 : now + options->ttl_ns;
  }
  made->key_size = key.size;
  if (key.size) memcpy(made->key, key.data, key.size);
  made->below = old ? old->below : NULL;
  *place = made;
  if (old) {
    destroy_item(old);
  } else {
    ++store->count;
  }
  return CAIRN_OK;
}

static cairn_status drop(void *self, cairn_call *call, cairn_bytes key) {
  instance *store = self;
  item **place = find(store, key), *old = *place;
  (void)call;
  if (!old) return CAIRN_MISS;
  *place = old->below;
  --store->count;
  destroy_item(old);
  return CAIRN_OK;
}

static cairn_status create(const cairn_host *host, const cairn_node *options, const cairn_next *next,
                           cairn_call *call, void **self) {
  instance *made = calloc(1, sizeof *made);
  (void)options, (void)next, (void)call;
  if (!made) return CAIRN_INTERNAL;
  made->host = host;
  *self = made;
  return CAIRN_OK;
}
static void destroy(void *self) {
  instance *store = self;
  for (size_t i = 0; i < buckets; ++i) {
    for (item *at = store->items[i], *below; at; at = below) {
      below = at->below;
      destroy_item(at);
    }
  }
  free(store);
}

static const cairn_ops ops = {.size = sizeof ops, .get = get, .set = set, .remove = drop};
static const cairn_component component = {
    .size = sizeof component,
    .role = CAIRN_BACKEND,
    .name = "@name@",
    .help = "Keeps entries in a hash table.",
    .threads = CAIRN_THREADS_SERIAL, /* the host lets in one call at a time */
    .accepts = CAIRN_BYTES,
    .ops = &ops,
    .create = create,
    .destroy = destroy,
};

CAIRN_PLUGIN_IN_C("@id@", "0.1.0", "backend", "@name@", component);

/* The oldest host there is: what a host of ABI 1.0 does with a plugin, no more.
 *
 *     host-1.0 FILE.so [OPTION=VALUE]...
 *
 * Makes each component, stores, reads and removes through it, singly and in batches, and says what is
 * wrong. It is built with the header beside it, which is a copy of 1.0's, and neither is ever changed:
 * a plugin that does not work here does not work in the hosts that people have.
 */
#include "cairn/abi.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char* subject = "?";

static void fail(const char* what) {
  fprintf(stderr, "%s: %s\n", subject, what);
  exit(1);
}
static void expect(int holds, const char* otherwise) {
  if (!holds) fail(otherwise);
}

/* ---- what the host offers ---- */

static const int32_t log_level = CAIRN_LOG_ERROR;
static void host_log(const cairn_host* host, int32_t level, const char* who, cairn_bytes text) {
  (void)host, (void)level;
  fprintf(stderr, "%s: %.*s\n", who, (int)text.size, text.data);
}
static int64_t host_now(const cairn_host* host) {
  struct timespec now;
  (void)host;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
static const cairn_host host = {.size = sizeof host,
                                .abi_major = 1,
                                .abi_minor = 0,
                                .name = "host-1.0",
                                .version = "1.0.0",
                                .log_level = &log_level,
                                .log = host_log,
                                .now_ns = host_now};

/* ---- options, as a config file has them ---- */

static double number_with_unit(const char** text) {
  static const struct {
    const char* name;
    double times;
  } units[] = {{"ns", 1},
               {"us", 1e3},
               {"ms", 1e6},
               {"min", 60e9},
               {"s", 1e9},
               {"m", 60e9},
               {"h", 3600e9},
               {"d", 86400e9},
               {"KiB", 1024},
               {"MiB", 1048576},
               {"GiB", 1073741824.0},
               {"KB", 1e3},
               {"MB", 1e6},
               {"GB", 1e9},
               {"B", 1},
               {"%", 0.01}};
  char* end;
  const double number = strtod(*text, &end);
  expect(end != *text, "a default begins with no number");
  *text = end;
  for (size_t i = 0; i < sizeof units / sizeof *units; ++i) {
    const size_t size = strlen(units[i].name);
    if (strncmp(end, units[i].name, size) == 0) {
      *text = end + size;
      return number * units[i].times;
    }
  }
  return number;
}
static double sum_of_parts(const char* text) {
  double sum = 0;
  while (*text) sum += number_with_unit(&text);
  return sum;
}

static cairn_node option_value(const char* type, char* text) {
  cairn_node node = {.type = CAIRN_TEXT, .len = strlen(text), .v.s = text};
  if (strcmp(type, "bool") == 0) {
    node = (cairn_node){.type = CAIRN_BOOL, .v.u = strcmp(text, "true") == 0};
  } else if (strcmp(type, "int") == 0) {
    node = (cairn_node){.type = CAIRN_INT, .v.i = strtoll(text, NULL, 10)};
  } else if (strcmp(type, "duration") == 0 || strcmp(type, "size") == 0) {
    node = (cairn_node){.type = CAIRN_INT, .v.i = (int64_t)sum_of_parts(text)};
  } else if (strcmp(type, "real") == 0 || strcmp(type, "percent") == 0) {
    node = (cairn_node){.type = CAIRN_REAL, .v.f = sum_of_parts(text)};
  } else if (strncmp(type, "list:", 5) == 0) {
    cairn_node* items = calloc(64, sizeof *items);
    uint64_t n = 0;
    for (char* part = strtok(text, ","); part && n < 64; part = strtok(NULL, ",")) {
      items[n++] = option_value(type + 5, part + strspn(part, " "));
    }
    node = (cairn_node){.type = CAIRN_LIST, .len = n, .v.items = items};
  }
  return node;
}

static cairn_node options_of(const cairn_component* component, char** given) {
  cairn_node* items = calloc(2 * component->option_count + 1, sizeof *items);
  uint64_t n = 0;
  for (size_t i = 0; i < component->option_count; ++i) {
    const cairn_option* option = cairn_option_at(component, i);
    const char* text = option->default_value;
    const size_t size = strlen(option->name);
    for (char** one = given; *one; ++one) {
      if (strncmp(*one, option->name, size) == 0 && (*one)[size] == '=') text = *one + size + 1;
    }
    if (!text && (option->flags & CAIRN_OPTION_REQUIRED)) text = "host-1.0";
    if (!text) continue;
    items[2 * n] = (cairn_node){.type = CAIRN_TEXT, .len = size, .v.s = option->name};
    items[2 * n++ + 1] = option_value(option->type, strdup(text));
  }
  return (cairn_node){.type = CAIRN_MAP, .len = n, .v.items = items};
}

/* ---- a store, for proxies to stand in front of ---- */

enum { places = 16, longest = 4096 };
static struct {
  size_t key_size, size;
  char key[longest], bytes[longest];
  int used;
} kept[places];

static int place_of(cairn_bytes key) {
  for (int i = 0; i < places; ++i) {
    if (kept[i].used && kept[i].key_size == key.size &&
        memcmp(kept[i].key, key.data, key.size) == 0)
      return i;
  }
  return -1;
}
static void free_owner(cairn_owner* owner) {
  free(owner);
}
static cairn_status store_get(void* self, cairn_call* call, cairn_bytes key, cairn_entry* out) {
  const int i = place_of(key);
  (void)self, (void)call;
  if (i < 0) return CAIRN_MISS;
  cairn_owner* owner = malloc(sizeof *owner + kept[i].size);
  owner->refs = 1;
  owner->destroy = free_owner;
  memcpy(owner + 1, kept[i].bytes, kept[i].size);
  *out =
      (cairn_entry){.data = owner + 1, .size = kept[i].size, .owner = owner, .kind = CAIRN_BYTES};
  return CAIRN_OK;
}
static cairn_status store_set(void* self, cairn_call* call, cairn_bytes key,
                              const cairn_entry* entry, const cairn_set_options* how) {
  int i = place_of(key);
  (void)self, (void)call, (void)how;
  expect(entry->kind == CAIRN_BYTES, "something else than bytes arrives at the store");
  expect(key.size <= longest && entry->size <= longest, "more arrives at the store than was set");
  for (int free_one = 0; i < 0 && free_one < places; ++free_one) {
    if (!kept[free_one].used) i = free_one;
  }
  expect(i >= 0, "more keys arrive at the store than were set");
  kept[i].used = 1;
  kept[i].key_size = key.size;
  kept[i].size = entry->size;
  memcpy(kept[i].key, key.data, key.size);
  memcpy(kept[i].bytes, entry->data, entry->size);
  return CAIRN_OK;
}
static cairn_status store_remove(void* self, cairn_call* call, cairn_bytes key) {
  const int i = place_of(key);
  (void)self, (void)call;
  if (i < 0) return CAIRN_MISS;
  kept[i].used = 0;
  return CAIRN_OK;
}
static cairn_status store_get_multi(void* self, cairn_call* call, const cairn_bytes* keys, size_t n,
                                    cairn_entry* out, cairn_status* statuses) {
  for (size_t i = 0; i < n; ++i) statuses[i] = store_get(self, call, keys[i], &out[i]);
  return CAIRN_OK;
}
static cairn_status store_set_multi(void* self, cairn_call* call, const cairn_bytes* keys,
                                    const cairn_entry* entries, size_t n,
                                    const cairn_set_options* how, cairn_status* statuses) {
  for (size_t i = 0; i < n; ++i) statuses[i] = store_set(self, call, keys[i], &entries[i], how);
  return CAIRN_OK;
}
static cairn_status store_remove_multi(void* self, cairn_call* call, const cairn_bytes* keys,
                                       size_t n, cairn_status* statuses) {
  for (size_t i = 0; i < n; ++i) statuses[i] = store_remove(self, call, keys[i]);
  return CAIRN_OK;
}
static cairn_status no_lock(void* self, cairn_call* call, cairn_bytes key, int64_t lease,
                            uint64_t* token) {
  (void)self, (void)call, (void)key, (void)lease, (void)token;
  return CAIRN_UNSUPPORTED;
}
static cairn_status no_renew(void* self, cairn_call* call, cairn_bytes key, uint64_t token,
                             int64_t lease) {
  (void)self, (void)call, (void)key, (void)lease, (void)token;
  return CAIRN_UNSUPPORTED;
}
static cairn_status no_unlock(void* self, cairn_call* call, cairn_bytes key, uint64_t token) {
  (void)self, (void)call, (void)key, (void)token;
  return CAIRN_UNSUPPORTED;
}
static cairn_status no_wait(void* self, cairn_call* call, cairn_bytes key, int64_t wait) {
  (void)self, (void)call, (void)key, (void)wait;
  return CAIRN_UNSUPPORTED;
}
static cairn_status no_stats(void* self, cairn_call* call, cairn_entry* out) {
  (void)self, (void)call, (void)out;
  return CAIRN_UNSUPPORTED;
}
static const void* no_extension(void* self, const char* id) {
  (void)self, (void)id;
  return NULL;
}
static const cairn_next store = {.size = sizeof store,
                                 .provided = 63,
                                 .get = {store_get, NULL},
                                 .set = {store_set, NULL},
                                 .remove = {store_remove, NULL},
                                 .get_multi = {store_get_multi, NULL},
                                 .set_multi = {store_set_multi, NULL},
                                 .remove_multi = {store_remove_multi, NULL},
                                 .lock = {no_lock, NULL},
                                 .renew = {no_renew, NULL},
                                 .unlock = {no_unlock, NULL},
                                 .await_unlock = {no_wait, NULL},
                                 .stats = {no_stats, NULL},
                                 .extension = {no_extension, NULL}};

/* ---- the trial ---- */

static const char text[] = "a value of the host of 1.0, somewhat longer than a word or two";

static cairn_entry value_for(const cairn_component* component, cairn_node* node) {
  cairn_entry entry = {.data = text, .size = sizeof text - 1, .kind = CAIRN_BYTES};
  if (component->accepts & CAIRN_BYTES) return entry;
  expect((component->accepts & CAIRN_DOCUMENT) != 0, "it takes neither bytes nor documents");
  *node = (cairn_node){.type = CAIRN_TEXT, .len = sizeof text - 1, .v.s = text};
  entry.data = node;
  entry.kind = CAIRN_DOCUMENT;
  return entry;
}
static void expect_value(const cairn_entry* entry, uint16_t kind) {
  expect(entry->kind == kind, "get answers another kind of value");
  expect(entry->owner != NULL, "get answers a value that nobody owns");
  if (kind == CAIRN_BYTES) {
    expect(entry->size == sizeof text - 1 && memcmp(entry->data, text, entry->size) == 0,
           "get answers other bytes");
  } else {
    const cairn_node* node = entry->data;
    expect(node->type == CAIRN_TEXT && node->len == sizeof text - 1 &&
               memcmp(node->v.s, text, node->len) == 0,
           "get answers another document");
  }
}

static void try_component(const cairn_component* component, char** given) {
  const int proxy = component->role == CAIRN_PROXY;
  const cairn_node options = options_of(component, given);
  cairn_call call = {.size = sizeof call};
  void* self = NULL;
  subject = component->name;
  if (component->create(&host, &options, proxy ? &store : NULL, &call, &self) != CAIRN_OK)
    fail(call.error ? call.error_text : "create fails");
  expect(self != NULL, "create answers OK without an instance");

  /* What it does not provide passes it by. */
  const cairn_ops* ops = component->ops;
  cairn_status (*get)(void*, cairn_call*, cairn_bytes, cairn_entry*) =
      ops->get ? ops->get : store_get;
  cairn_status (*set)(void*, cairn_call*, cairn_bytes, const cairn_entry*,
                      const cairn_set_options*) = ops->set ? ops->set : store_set;
  cairn_status (*drop)(void*, cairn_call*, cairn_bytes) = ops->remove ? ops->remove : store_remove;

  cairn_node node;
  const cairn_entry value = value_for(component, &node);
  const cairn_set_options how = {.size = sizeof how, .ttl_ns = (int64_t)60 * 1000000000};
  const cairn_bytes key = {"host-1.0/key", 12};
  cairn_entry found = {0};
  expect(get(self, &call, key, &found) == CAIRN_MISS, "get of a key that was never set is no miss");
  if (set(self, &call, key, &value, &how) != CAIRN_OK)
    fail(call.error ? call.error_text : "set fails");
  const cairn_status there = get(self, &call, key, &found);
  expect(there == CAIRN_OK || there == CAIRN_MISS, "get fails");
  const int forgetful = there == CAIRN_MISS; /* a cache may be */
  if (!forgetful) {
    expect_value(&found, value.kind);
    cairn_release(found.owner);
    expect(drop(self, &call, key) == CAIRN_OK, "remove answers that there was nothing");
  }
  expect(get(self, &call, key, &found) == CAIRN_MISS, "get after remove is no miss");

  if (ops->get_multi && ops->set_multi && ops->remove_multi) {
    const cairn_bytes keys[] = {{"host-1.0/a", 10}, {"host-1.0/b", 10}};
    const cairn_entry values[] = {value, value};
    cairn_entry out[2] = {{0}, {0}};
    cairn_status statuses[2] = {CAIRN_OK, CAIRN_OK};
    expect(ops->set_multi(self, &call, keys, values, 2, &how, statuses) == CAIRN_OK &&
               statuses[0] == CAIRN_OK && statuses[1] == CAIRN_OK,
           "set_multi fails");
    statuses[0] = statuses[1] = CAIRN_MISS;
    expect(ops->get_multi(self, &call, keys, 2, out, statuses) == CAIRN_OK, "get_multi fails");
    for (int i = 0; i < 2 && !forgetful; ++i) {
      expect(statuses[i] == CAIRN_OK, "get_multi does not find what set_multi stored");
      expect_value(&out[i], value.kind);
      cairn_release(out[i].owner);
    }
    statuses[0] = statuses[1] = CAIRN_MISS;
    expect(ops->remove_multi(self, &call, keys, 2, statuses) == CAIRN_OK, "remove_multi fails");
  }
  component->destroy(self);
  printf("%s works\n", component->name);
}

int main(int count, char** arguments) {
  if (count < 2) return 2;
  subject = arguments[1];
  void* library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
  if (!library) fail(dlerror());
  cairn_plugin_entry enter;
  *(void**)&enter = dlsym(library, CAIRN_ENTRY_SYMBOL);
  if (!enter) fail("it has no " CAIRN_ENTRY_SYMBOL);
  const cairn_plugin* plugin = enter(&host);
  expect(plugin != NULL, "it refuses this host");
  expect(plugin->abi_major == CAIRN_ABI_MAJOR, "it is of another ABI");
  for (size_t i = 0; i < plugin->component_count; ++i) {
    try_component(plugin->components[i], arguments + 2);
  }
  return 0;
}

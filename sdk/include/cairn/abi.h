/* cairn/abi.h: the whole binary contract between a host and its plugins, in C.
 *
 * A plugin is a shared library that exports one function, `cairn_plugin_v1`, and carries one ELF
 * note that says what it offers (see CAIRN_NOTE_*). It offers components: backends, which store, and
 * proxies, which stand in front of another component. The host creates instances of components,
 * chains them into a stack, and calls the functions of the topmost one.
 *
 * C++ authors include <cairn/plugin.hpp> and never see this file. It is the reference for authors in
 * other languages, and the promise that a plugin built today loads in every later 1.x host.
 *
 * Rules that hold everywhere
 *   Growth    [frozen] structs never change within ABI major 1. [sized] structs begin with `size`,
 *             the number of bytes the writer knew, and only grow at the end: test CAIRN_HAS before
 *             you read a field. Fields are never reordered, retyped or removed.
 *   Threads   create, destroy and after_fork run alone, before and after every other call on that
 *             instance. All else may run on any threads at once, unless the component says
 *             CAIRN_THREADS_SERIAL, in which case the host lets in one call at a time.
 *   Memory    What a callee is given is borrowed until it returns, keys included. What it hands out
 *             carries its own cairn_owner. Nobody frees what another allocated.
 *   Errors    By status. The text, if any, is written to the cairn_call by the innermost layer that
 *             failed; the layers above leave it alone. No exception or longjmp crosses.
 *   Calls     A component calls the layer below it and the host, never the top of its own stack,
 *             and never while it holds a lock that its own operations take.
 *   Lifetime  A library is never unloaded. An entry may outlive the instance that made it.
 */
#ifndef CAIRN_ABI_H
#define CAIRN_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define CAIRN_NOEXCEPT noexcept /* part of the type: a function that may throw does not compile */
extern "C" {
#else
#define CAIRN_NOEXCEPT
#endif

#define CAIRN_ABI_MAJOR 1u /* another major is refused before the file is loaded */
#define CAIRN_ABI_MINOR 0u /* additions only */
#define CAIRN_EXPORT __attribute__((visibility("default")))

/* Whether the writer of the [sized] struct `*p` knew `field`. */
#define CAIRN_HAS(p, field) ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/* ---- statuses: 0 done; above 0 an ordinary negative answer; below 0 an error --------------------
 * Errors are chosen by what the catcher can do. A status not listed here counts as INTERNAL. */
typedef int32_t cairn_status;
enum {
  CAIRN_OK = 0,
  CAIRN_MISS = 1,         /* there is no such entry; no such lock; the lock is no longer yours */
  CAIRN_BUSY = 2,         /* somebody else holds the lock */
  CAIRN_UNAVAILABLE = -1, /* the store cannot be reached, or is closed: try later or elsewhere */
  CAIRN_TIMEOUT = -2,     /* the deadline passed; whether it took effect is unknown */
  CAIRN_CORRUPT = -3,     /* what is stored cannot be understood: drop it and compute again */
  CAIRN_REJECTED = -4,    /* this can never work: key or value too long, read-only, no permission */
  CAIRN_UNSUPPORTED = -5, /* the layer does not offer this operation */
  CAIRN_CONFIG = -6,      /* the options are wrong; only from `create` */
  CAIRN_INTERNAL = -7     /* a bug, or out of memory */
};

/* ---- values -------------------------------------------------------------------------------------*/

/* [frozen] Borrowed bytes: any bytes, not terminated. `data` may be NULL when `size` is 0. */
typedef struct cairn_bytes {
  const char* data;
  size_t size;
} cairn_bytes;

/* [frozen] Ownership: an intrusive count that starts at 1. `destroy` runs once, on whichever thread
 * releases last, and belongs to whoever allocated. */
typedef struct cairn_owner cairn_owner;
struct cairn_owner {
  int64_t refs; /* only through cairn_retain and cairn_release */
  void (*destroy)(cairn_owner*) CAIRN_NOEXCEPT;
};
static inline void cairn_retain(cairn_owner* owner) {
  if (owner) __atomic_add_fetch(&owner->refs, 1, __ATOMIC_RELAXED);
}
/* Who holds the only reference is alone with it, and saves the subtraction that all processors must
 * agree on. */
static inline void cairn_release(cairn_owner* owner) {
  if (owner && (__atomic_load_n(&owner->refs, __ATOMIC_ACQUIRE) == 1 ||
                __atomic_sub_fetch(&owner->refs, 1, __ATOMIC_ACQ_REL) == 0)) {
    owner->destroy(owner);
  }
}

/* [frozen] One node of a document: what msgpack and JSON can say. Options and statistics travel as
 * documents too. A tree is immutable, and lives as long as the owner that comes with it. */
enum {
  CAIRN_NULL = 0,
  CAIRN_BOOL = 1, /* v.u: 0 or 1 */
  CAIRN_INT = 2,  /* v.i */
  CAIRN_UINT = 3, /* v.u; used only above INT64_MAX, so that equal numbers are equal nodes */
  CAIRN_REAL = 4, /* v.f */
  CAIRN_TEXT = 5, /* v.s, len bytes of UTF-8 */
  CAIRN_BLOB = 6, /* v.s, len bytes; ext: 0, or 0x100 | the octet of a msgpack extension type */
  CAIRN_LIST = 7, /* v.items, len nodes */
  CAIRN_MAP = 8   /* v.items, 2 * len nodes: key, value, key, value... in the writer's order */
};
typedef struct cairn_node cairn_node;
struct cairn_node {
  uint32_t type;
  uint32_t ext;
  uint64_t len; /* bytes, items or pairs */
  union {
    int64_t i;
    uint64_t u;
    double f;
    const char* s;
    const cairn_node* items;
  } v;
};

typedef struct cairn_call cairn_call;
typedef struct cairn_entry cairn_entry;

/* [sized] What a program's own type can do, so that a layer can keep or convert an object without
 * knowing its type. Two descriptors mean the same type only if they are the same address; otherwise
 * go through the document. Descriptors live for ever. */
typedef struct cairn_type {
  uint32_t size;
  uint32_t reserved;
  const char* name; /* for people */
  /* OK and `*document` (kind DOCUMENT, +1 reference), which may point into the object: it is valid
   * while both live. Or INTERNAL. */
  cairn_status (*to_document)(const void* object, cairn_call*,
                              cairn_entry* document) CAIRN_NOEXCEPT;
  /* OK and `*object` (kind OBJECT, +1 reference), or CORRUPT: the document is not of this shape. */
  cairn_status (*from_document)(const cairn_node* document, cairn_call*,
                                cairn_entry* object) CAIRN_NOEXCEPT;
} cairn_type;

/* [frozen] One cached entry: a cache line, passed by pointer, on the caller's stack. */
enum { CAIRN_BYTES = 1, CAIRN_DOCUMENT = 2, CAIRN_OBJECT = 4, CAIRN_ANY_KIND = 7 };
struct cairn_entry {
  const void* data;       /* BYTES: the bytes; DOCUMENT: const cairn_node *; OBJECT: the object */
  size_t size;            /* BYTES: how many; else what it costs to keep, in bytes, best effort */
  cairn_owner* owner;     /* keeps `data` alive; NULL: borrowed until the callee returns */
  const cairn_type* type; /* OBJECT: what it is; else NULL */
  uint16_t kind;          /* one of CAIRN_BYTES, CAIRN_DOCUMENT, CAIRN_OBJECT */
  uint16_t flags;         /* 0 */
  int32_t value_version;  /* version of the value's format, from its writer; 0: unknown */
  int64_t created_ns;     /* when the value was made, Unix time; 0: unknown */
  int64_t expires_ns;     /* out of a store: when it will drop the entry, Unix time; 0: unknown */
  uint64_t cas;           /* out of a store: changes whenever the entry does; 0: unknown */
};

/* ---- calls --------------------------------------------------------------------------------------*/

/* [sized] The context of one call. NULL is legal everywhere: no deadline, and the text is dropped. */
struct cairn_call {
  uint32_t size;
  uint32_t flags;       /* 0 */
  int64_t deadline_ns;  /* CLOCK_MONOTONIC; 0: none. Do not begin, and do not wait, beyond it */
  cairn_status error;   /* 0, or what the innermost failing layer reported */
  int32_t system_error; /* its errno, or 0 */
  char error_text[232]; /* "layer: what happened", terminated; meaningful only if `error` is set */
};

/* [sized] How to store. NULL: the defaults. */
typedef struct cairn_set_options {
  uint32_t size;
  uint32_t flags; /* 0; a component that meets a flag it does not know answers UNSUPPORTED */
  int64_t ttl_ns; /* keep for this long; 0: as long as the store's own options say */
} cairn_set_options;

/* Batches. Element i of every array belongs to keys[i]; duplicates are answered each. The caller
 * zeroes entries and sets every status to MISS (get, remove) or OK (set) beforehand; the callee fills in
 * what differs. Below 0, the status of the whole call says that no element was done and that no
 * reference was handed out. An empty batch is OK and touches nothing. */

/* [sized] The operations of a component. A NULL slot: not provided. Append only. */
/* clang-format off */
#define CAIRN_OPS(X)                                                                            \
  X(get) X(set) X(remove) X(get_multi) X(set_multi) X(remove_multi) X(lock) X(renew) X(unlock)  \
  X(await_unlock) X(stats) X(extension)
/* clang-format on */
typedef struct cairn_ops {
  uint32_t size;
  uint32_t reserved;

  /* OK and `*out`, zeroed by the caller, with +1 reference on its owner; or MISS. */
  cairn_status (*get)(void* self, cairn_call*, cairn_bytes key, cairn_entry* out) CAIRN_NOEXCEPT;
  /* Stores, replacing. A store that keeps the payload retains the owner, or copies where there is
   * none. It may forget the entry early, but never returns it after its ttl. */
  cairn_status (*set)(void* self, cairn_call*, cairn_bytes key, const cairn_entry*,
                      const cairn_set_options*) CAIRN_NOEXCEPT;
  /* OK: it was there, or the store cannot tell. MISS: there was none. */
  cairn_status (*remove)(void* self, cairn_call*, cairn_bytes key) CAIRN_NOEXCEPT;

  cairn_status (*get_multi)(void* self, cairn_call*, const cairn_bytes* keys, size_t n,
                            cairn_entry* out, cairn_status*) CAIRN_NOEXCEPT;
  cairn_status (*set_multi)(void* self, cairn_call*, const cairn_bytes* keys, const cairn_entry*,
                            size_t n, const cairn_set_options*, cairn_status*) CAIRN_NOEXCEPT;
  cairn_status (*remove_multi)(void* self, cairn_call*, const cairn_bytes* keys, size_t n,
                               cairn_status*) CAIRN_NOEXCEPT;

  /* The creation lock of `key`, shared by every process on the store. Tries once and never waits.
   * OK: yours for `lease_ns` (0: until unlocked), under `*token`, never 0. BUSY: somebody's. */
  cairn_status (*lock)(void* self, cairn_call*, cairn_bytes key, int64_t lease_ns,
                       uint64_t* token) CAIRN_NOEXCEPT;
  /* OK: yours for `lease_ns` from now. MISS: lost. */
  cairn_status (*renew)(void* self, cairn_call*, cairn_bytes key, uint64_t token,
                        int64_t lease_ns) CAIRN_NOEXCEPT;
  /* OK: released, from any thread. MISS: it was no longer yours, and nothing was touched. */
  cairn_status (*unlock)(void* self, cairn_call*, cairn_bytes key, uint64_t token) CAIRN_NOEXCEPT;
  /* Waits up to `wait_ns` for the lock to be free. OK: it seems free. BUSY: still held. A store
   * without notification answers at once; with `wait_ns` 0 this only asks. */
  cairn_status (*await_unlock)(void* self, cairn_call*, cairn_bytes key,
                               int64_t wait_ns) CAIRN_NOEXCEPT;

  /* OK and a map of counters and gauges of this instance alone, with +1 reference. */
  cairn_status (*stats)(void* self, cairn_call*, cairn_entry* out) CAIRN_NOEXCEPT;
  /* The table of functions that `id` names ("cairn.scan/1"), valid as long as self; NULL: none. */
  const void* (*extension)(void* self, const char* id)CAIRN_NOEXCEPT;
} cairn_ops;

/* [sized] What a proxy calls: the operations of the layer below, already resolved. Every slot known
 * to the host can be called; one that nobody below offers answers UNSUPPORTED. A proxy copies it. */
#define CAIRN_NEXT_SLOT(op)             \
  struct {                              \
    __typeof__(((cairn_ops*)0)->op) fn; \
    void* self;                         \
  } op;
typedef struct cairn_next {
  uint32_t size;
  uint32_t provided; /* a bit per operation, in the order of CAIRN_OPS: somebody below offers it */
  CAIRN_OPS(CAIRN_NEXT_SLOT)
} cairn_next;

/* [sized] What the host does for plugins. Lives as long as the process. */
enum { CAIRN_LOG_DEBUG = 0, CAIRN_LOG_INFO = 1, CAIRN_LOG_WARNING = 2, CAIRN_LOG_ERROR = 3 };
typedef struct cairn_host cairn_host;
struct cairn_host {
  uint32_t size;
  uint16_t abi_major, abi_minor;
  const char *name, *version;
  const int32_t* log_level; /* compare before you format */
  void (*log)(const cairn_host*, int32_t level, const char* who, cairn_bytes text) CAIRN_NOEXCEPT;
  int64_t (*now_ns)(const cairn_host*) CAIRN_NOEXCEPT; /* Unix time; cheap; up to 4 ms late */
};

/* ---- what a plugin declares ----------------------------------------------------------------------*/

/* [sized] One option. The host checks what the user wrote against it, fills in the default and
 * prints the help; a plugin only reads. `create` gets a map with every declared option that has a
 * value, in the form said here. */
enum { CAIRN_OPTION_REQUIRED = 1, CAIRN_OPTION_SECRET = 2 };
typedef struct cairn_option {
  uint32_t size;
  uint32_t flags;
  const char* name;
  /* "text" TEXT | "path" TEXT, absolute | "bool" BOOL | "int" INT | "real" REAL
   * "duration" INT, nanoseconds | "size" INT, bytes | "percent" REAL, 10 % is 0.1
   * "enum:a|b|c" TEXT, one of these | "list:T" LIST of T, where T is any of the above */
  const char* type;
  const char* default_value;     /* as in a config file ("64MiB"); NULL: none */
  const char *minimum, *maximum; /* likewise; NULL: no bound */
  const char* help;              /* one sentence */
} cairn_option;

/* [sized] One kind of backend or proxy. */
enum { CAIRN_BACKEND = 1, CAIRN_PROXY = 2 };
/* What a proxy changes. The host lets an operation that a proxy does not provide pass it by only if
 * the operation carries nothing that the proxy transforms. When in doubt: EVERYTHING. FLOW: whether,
 * where or how often the layer below is called. */
enum {
  CAIRN_TRANSFORMS_NOTHING = 0,
  CAIRN_TRANSFORMS_KEY = 1,
  CAIRN_TRANSFORMS_VALUE = 2,
  CAIRN_TRANSFORMS_TTL = 4,
  CAIRN_TRANSFORMS_FLOW = 8,
  CAIRN_TRANSFORMS_EVERYTHING = 15
};
enum { CAIRN_THREADS_ANY = 0, CAIRN_THREADS_SERIAL = 1 };
typedef struct cairn_component {
  uint32_t size;
  uint32_t role;          /* CAIRN_BACKEND or CAIRN_PROXY */
  const char* name;       /* what a config file calls it: [a-z][a-z0-9_-]* */
  const char* help;       /* one sentence */
  uint32_t transforms;    /* proxies; CAIRN_TRANSFORMS_* */
  uint32_t threads;       /* CAIRN_THREADS_* */
  uint32_t accepts;       /* kinds that may be set */
  uint32_t emits;         /* proxies: kinds passed on to the layer below; 0: whatever was given */
  uint32_t max_key_bytes; /* backends: longest key; 0: no limit */
  uint32_t reserved;
  const cairn_option* options; /* an array; read it with cairn_option_at */
  size_t option_count;
  const cairn_ops* ops;
  /* OK and `*self`, never NULL. `next` is NULL for a backend. `options` is borrowed. */
  cairn_status (*create)(const cairn_host*, const cairn_node* options, const cairn_next* next,
                         cairn_call*, void** self) CAIRN_NOEXCEPT;
  void (*destroy)(void* self) CAIRN_NOEXCEPT;
  /* In the child, after fork: forget locks and sockets of the parent. NULL on a proxy: nothing to do;
   * NULL on a backend: the child must not use it, and sees misses. */
  void (*after_fork)(void* self) CAIRN_NOEXCEPT;
  /* OK; or CONFIG and a text with the option at fault in `backquotes`: what create would say to
   * these options, as far as that is known without making or reaching anything. NULL: nothing
   * beyond what the options declare. */
  cairn_status (*check)(const cairn_node* options, cairn_call*) CAIRN_NOEXCEPT;
} cairn_component;

/* Option `i`. The elements are as far apart as their writer knew them to be, which may be more than
 * this header does. */
static inline const cairn_option* cairn_option_at(const cairn_component* component, size_t i) {
  return (const cairn_option*)(const void*)((const char*)component->options +
                                            i * component->options->size);
}

/* [sized] One plugin file. */
typedef struct cairn_plugin {
  uint32_t size;
  uint16_t abi_major, abi_minor; /* of the header it was built with */
  const char* id;                /* reverse DNS: "org.example.map" */
  const char* version;
  const cairn_component* const* components;
  size_t component_count;
} cairn_plugin;

/* The one exported symbol. Called once, before anything else; NULL: the plugin refuses this host. */
#define CAIRN_ENTRY_SYMBOL "cairn_plugin_v1"
typedef const cairn_plugin* (*cairn_plugin_entry)(const cairn_host*)CAIRN_NOEXCEPT;

/* The note: a PT_NOTE entry with this name and type, whose description is a JSON object in ASCII:
 * {"abi":"1.0","id":"org.example.map","version":"1.0.0","components":[{"role":"backend","name":"map"}]}
 * It lets a host choose and refuse files without running them. */
#define CAIRN_NOTE_NAME "cairn"
#define CAIRN_NOTE_TYPE 1u
#define CAIRN_NOTE_SECTION ".note.cairn"

#ifdef __cplusplus
}
#endif
#endif

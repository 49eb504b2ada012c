/* abi_lock.c: the layout and the signatures of cairn/abi.h 1.0, for x86-64.
 *
 * Written once, by make_abi_lock.py, and never edited: a line that no longer compiles is a change
 * that plugins in the field cannot survive. Adding at the end of a [sized] struct passes. */
#include <cairn/abi.h>

#define AT(T, f, n) _Static_assert(offsetof(T, f) == n, #T "." #f " moved")
#define IS(T, f, ...)                                                               \
  _Static_assert(__builtin_types_compatible_p(__typeof__(((T*)0)->f), __VA_ARGS__), \
                 #T "." #f " changed its type")
#define VALUE(e, n) _Static_assert((e) == (n), #e " changed its value")
#define FROZEN(T, n) _Static_assert(sizeof(T) == n, #T " is frozen and changed its size")
#define AT_LEAST(T, n) _Static_assert(sizeof(T) >= n, #T " shrank")

VALUE(CAIRN_OK, 0);
VALUE(CAIRN_MISS, 1);
VALUE(CAIRN_BUSY, 2);
VALUE(CAIRN_UNAVAILABLE, -1);
VALUE(CAIRN_TIMEOUT, -2);
VALUE(CAIRN_CORRUPT, -3);
VALUE(CAIRN_REJECTED, -4);
VALUE(CAIRN_UNSUPPORTED, -5);
VALUE(CAIRN_CONFIG, -6);
VALUE(CAIRN_INTERNAL, -7);
VALUE(CAIRN_NULL, 0);
VALUE(CAIRN_BOOL, 1);
VALUE(CAIRN_INT, 2);
VALUE(CAIRN_UINT, 3);
VALUE(CAIRN_REAL, 4);
VALUE(CAIRN_TEXT, 5);
VALUE(CAIRN_BLOB, 6);
VALUE(CAIRN_LIST, 7);
VALUE(CAIRN_MAP, 8);
VALUE(CAIRN_BYTES, 1);
VALUE(CAIRN_DOCUMENT, 2);
VALUE(CAIRN_OBJECT, 4);
VALUE(CAIRN_ANY_KIND, 7);
VALUE(CAIRN_LOG_DEBUG, 0);
VALUE(CAIRN_LOG_INFO, 1);
VALUE(CAIRN_LOG_WARNING, 2);
VALUE(CAIRN_LOG_ERROR, 3);
VALUE(CAIRN_OPTION_REQUIRED, 1);
VALUE(CAIRN_OPTION_SECRET, 2);
VALUE(CAIRN_BACKEND, 1);
VALUE(CAIRN_PROXY, 2);
VALUE(CAIRN_TRANSFORMS_NOTHING, 0);
VALUE(CAIRN_TRANSFORMS_KEY, 1);
VALUE(CAIRN_TRANSFORMS_VALUE, 2);
VALUE(CAIRN_TRANSFORMS_TTL, 4);
VALUE(CAIRN_TRANSFORMS_FLOW, 8);
VALUE(CAIRN_TRANSFORMS_EVERYTHING, 15);
VALUE(CAIRN_THREADS_ANY, 0);
VALUE(CAIRN_THREADS_SERIAL, 1);

FROZEN(cairn_bytes, 16);
AT(cairn_bytes, data, 0);
IS(cairn_bytes, data, const char*);
AT(cairn_bytes, size, 8);
IS(cairn_bytes, size, size_t);

FROZEN(cairn_owner, 16);
AT(cairn_owner, refs, 0);
IS(cairn_owner, refs, int64_t);
AT(cairn_owner, destroy, 8);
IS(cairn_owner, destroy, void (*)(cairn_owner*));

FROZEN(cairn_node, 24);
AT(cairn_node, type, 0);
IS(cairn_node, type, uint32_t);
AT(cairn_node, ext, 4);
IS(cairn_node, ext, uint32_t);
AT(cairn_node, len, 8);
IS(cairn_node, len, uint64_t);
AT(cairn_node, v.i, 16);
IS(cairn_node, v.i, int64_t);
AT(cairn_node, v.u, 16);
IS(cairn_node, v.u, uint64_t);
AT(cairn_node, v.f, 16);
IS(cairn_node, v.f, double);
AT(cairn_node, v.s, 16);
IS(cairn_node, v.s, const char*);
AT(cairn_node, v.items, 16);
IS(cairn_node, v.items, const cairn_node*);

AT_LEAST(cairn_type, 32);
AT(cairn_type, size, 0);
IS(cairn_type, size, uint32_t);
AT(cairn_type, reserved, 4);
IS(cairn_type, reserved, uint32_t);
AT(cairn_type, name, 8);
IS(cairn_type, name, const char*);
AT(cairn_type, to_document, 16);
IS(cairn_type, to_document, cairn_status (*)(const void*, cairn_call*, cairn_entry*));
AT(cairn_type, from_document, 24);
IS(cairn_type, from_document, cairn_status (*)(const cairn_node*, cairn_call*, cairn_entry*));

FROZEN(cairn_entry, 64);
AT(cairn_entry, data, 0);
IS(cairn_entry, data, const void*);
AT(cairn_entry, size, 8);
IS(cairn_entry, size, size_t);
AT(cairn_entry, owner, 16);
IS(cairn_entry, owner, cairn_owner*);
AT(cairn_entry, type, 24);
IS(cairn_entry, type, const cairn_type*);
AT(cairn_entry, kind, 32);
IS(cairn_entry, kind, uint16_t);
AT(cairn_entry, flags, 34);
IS(cairn_entry, flags, uint16_t);
AT(cairn_entry, value_version, 36);
IS(cairn_entry, value_version, int32_t);
AT(cairn_entry, created_ns, 40);
IS(cairn_entry, created_ns, int64_t);
AT(cairn_entry, expires_ns, 48);
IS(cairn_entry, expires_ns, int64_t);
AT(cairn_entry, cas, 56);
IS(cairn_entry, cas, uint64_t);

AT_LEAST(cairn_call, 256);
AT(cairn_call, size, 0);
IS(cairn_call, size, uint32_t);
AT(cairn_call, flags, 4);
IS(cairn_call, flags, uint32_t);
AT(cairn_call, deadline_ns, 8);
IS(cairn_call, deadline_ns, int64_t);
AT(cairn_call, error, 16);
IS(cairn_call, error, cairn_status);
AT(cairn_call, system_error, 20);
IS(cairn_call, system_error, int32_t);
AT(cairn_call, error_text, 24);
IS(cairn_call, error_text, char[232]);

AT_LEAST(cairn_set_options, 16);
AT(cairn_set_options, size, 0);
IS(cairn_set_options, size, uint32_t);
AT(cairn_set_options, flags, 4);
IS(cairn_set_options, flags, uint32_t);
AT(cairn_set_options, ttl_ns, 8);
IS(cairn_set_options, ttl_ns, int64_t);

AT_LEAST(cairn_ops, 104);
AT(cairn_ops, size, 0);
IS(cairn_ops, size, uint32_t);
AT(cairn_ops, reserved, 4);
IS(cairn_ops, reserved, uint32_t);
AT(cairn_ops, get, 8);
IS(cairn_ops, get, cairn_status (*)(void*, cairn_call*, cairn_bytes, cairn_entry*));
AT(cairn_ops, set, 16);
IS(cairn_ops, set,
   cairn_status (*)(void*, cairn_call*, cairn_bytes, const cairn_entry*, const cairn_set_options*));
AT(cairn_ops, remove, 24);
IS(cairn_ops, remove, cairn_status (*)(void*, cairn_call*, cairn_bytes));
AT(cairn_ops, get_multi, 32);
IS(cairn_ops, get_multi,
   cairn_status (*)(void*, cairn_call*, const cairn_bytes*, size_t, cairn_entry*, cairn_status*));
AT(cairn_ops, set_multi, 40);
IS(cairn_ops, set_multi,
   cairn_status (*)(void*, cairn_call*, const cairn_bytes*, const cairn_entry*, size_t,
                    const cairn_set_options*, cairn_status*));
AT(cairn_ops, remove_multi, 48);
IS(cairn_ops, remove_multi,
   cairn_status (*)(void*, cairn_call*, const cairn_bytes*, size_t, cairn_status*));
AT(cairn_ops, lock, 56);
IS(cairn_ops, lock, cairn_status (*)(void*, cairn_call*, cairn_bytes, int64_t, uint64_t*));
AT(cairn_ops, renew, 64);
IS(cairn_ops, renew, cairn_status (*)(void*, cairn_call*, cairn_bytes, uint64_t, int64_t));
AT(cairn_ops, unlock, 72);
IS(cairn_ops, unlock, cairn_status (*)(void*, cairn_call*, cairn_bytes, uint64_t));
AT(cairn_ops, await_unlock, 80);
IS(cairn_ops, await_unlock, cairn_status (*)(void*, cairn_call*, cairn_bytes, int64_t));
AT(cairn_ops, stats, 88);
IS(cairn_ops, stats, cairn_status (*)(void*, cairn_call*, cairn_entry*));
AT(cairn_ops, extension, 96);
IS(cairn_ops, extension, const void* (*)(void*, const char*));

AT_LEAST(cairn_next, 200);
AT(cairn_next, size, 0);
IS(cairn_next, size, uint32_t);
AT(cairn_next, provided, 4);
IS(cairn_next, provided, uint32_t);
AT(cairn_next, get.fn, 8);
IS(cairn_next, get.fn, __typeof__(((cairn_ops*)0)->get));
AT(cairn_next, get.self, 16);
IS(cairn_next, get.self, void*);
AT(cairn_next, set.fn, 24);
IS(cairn_next, set.fn, __typeof__(((cairn_ops*)0)->set));
AT(cairn_next, set.self, 32);
IS(cairn_next, set.self, void*);
AT(cairn_next, remove.fn, 40);
IS(cairn_next, remove.fn, __typeof__(((cairn_ops*)0)->remove));
AT(cairn_next, remove.self, 48);
IS(cairn_next, remove.self, void*);
AT(cairn_next, get_multi.fn, 56);
IS(cairn_next, get_multi.fn, __typeof__(((cairn_ops*)0)->get_multi));
AT(cairn_next, get_multi.self, 64);
IS(cairn_next, get_multi.self, void*);
AT(cairn_next, set_multi.fn, 72);
IS(cairn_next, set_multi.fn, __typeof__(((cairn_ops*)0)->set_multi));
AT(cairn_next, set_multi.self, 80);
IS(cairn_next, set_multi.self, void*);
AT(cairn_next, remove_multi.fn, 88);
IS(cairn_next, remove_multi.fn, __typeof__(((cairn_ops*)0)->remove_multi));
AT(cairn_next, remove_multi.self, 96);
IS(cairn_next, remove_multi.self, void*);
AT(cairn_next, lock.fn, 104);
IS(cairn_next, lock.fn, __typeof__(((cairn_ops*)0)->lock));
AT(cairn_next, lock.self, 112);
IS(cairn_next, lock.self, void*);
AT(cairn_next, renew.fn, 120);
IS(cairn_next, renew.fn, __typeof__(((cairn_ops*)0)->renew));
AT(cairn_next, renew.self, 128);
IS(cairn_next, renew.self, void*);
AT(cairn_next, unlock.fn, 136);
IS(cairn_next, unlock.fn, __typeof__(((cairn_ops*)0)->unlock));
AT(cairn_next, unlock.self, 144);
IS(cairn_next, unlock.self, void*);
AT(cairn_next, await_unlock.fn, 152);
IS(cairn_next, await_unlock.fn, __typeof__(((cairn_ops*)0)->await_unlock));
AT(cairn_next, await_unlock.self, 160);
IS(cairn_next, await_unlock.self, void*);
AT(cairn_next, stats.fn, 168);
IS(cairn_next, stats.fn, __typeof__(((cairn_ops*)0)->stats));
AT(cairn_next, stats.self, 176);
IS(cairn_next, stats.self, void*);
AT(cairn_next, extension.fn, 184);
IS(cairn_next, extension.fn, __typeof__(((cairn_ops*)0)->extension));
AT(cairn_next, extension.self, 192);
IS(cairn_next, extension.self, void*);

AT_LEAST(cairn_host, 48);
AT(cairn_host, size, 0);
IS(cairn_host, size, uint32_t);
AT(cairn_host, abi_major, 4);
IS(cairn_host, abi_major, uint16_t);
AT(cairn_host, abi_minor, 6);
IS(cairn_host, abi_minor, uint16_t);
AT(cairn_host, name, 8);
IS(cairn_host, name, const char*);
AT(cairn_host, version, 16);
IS(cairn_host, version, const char*);
AT(cairn_host, log_level, 24);
IS(cairn_host, log_level, const int32_t*);
AT(cairn_host, log, 32);
IS(cairn_host, log, void (*)(const cairn_host*, int32_t, const char*, cairn_bytes));
AT(cairn_host, now_ns, 40);
IS(cairn_host, now_ns, int64_t (*)(const cairn_host*));

AT_LEAST(cairn_option, 56);
AT(cairn_option, size, 0);
IS(cairn_option, size, uint32_t);
AT(cairn_option, flags, 4);
IS(cairn_option, flags, uint32_t);
AT(cairn_option, name, 8);
IS(cairn_option, name, const char*);
AT(cairn_option, type, 16);
IS(cairn_option, type, const char*);
AT(cairn_option, default_value, 24);
IS(cairn_option, default_value, const char*);
AT(cairn_option, minimum, 32);
IS(cairn_option, minimum, const char*);
AT(cairn_option, maximum, 40);
IS(cairn_option, maximum, const char*);
AT(cairn_option, help, 48);
IS(cairn_option, help, const char*);

AT_LEAST(cairn_component, 104);
AT(cairn_component, size, 0);
IS(cairn_component, size, uint32_t);
AT(cairn_component, role, 4);
IS(cairn_component, role, uint32_t);
AT(cairn_component, name, 8);
IS(cairn_component, name, const char*);
AT(cairn_component, help, 16);
IS(cairn_component, help, const char*);
AT(cairn_component, transforms, 24);
IS(cairn_component, transforms, uint32_t);
AT(cairn_component, threads, 28);
IS(cairn_component, threads, uint32_t);
AT(cairn_component, accepts, 32);
IS(cairn_component, accepts, uint32_t);
AT(cairn_component, emits, 36);
IS(cairn_component, emits, uint32_t);
AT(cairn_component, max_key_bytes, 40);
IS(cairn_component, max_key_bytes, uint32_t);
AT(cairn_component, reserved, 44);
IS(cairn_component, reserved, uint32_t);
AT(cairn_component, options, 48);
IS(cairn_component, options, const cairn_option*);
AT(cairn_component, option_count, 56);
IS(cairn_component, option_count, size_t);
AT(cairn_component, ops, 64);
IS(cairn_component, ops, const cairn_ops*);
AT(cairn_component, create, 72);
IS(cairn_component, create,
   cairn_status (*)(const cairn_host*, const cairn_node*, const cairn_next*, cairn_call*, void**));
AT(cairn_component, destroy, 80);
IS(cairn_component, destroy, void (*)(void*));
AT(cairn_component, after_fork, 88);
IS(cairn_component, after_fork, void (*)(void*));
AT(cairn_component, check, 96);
IS(cairn_component, check, cairn_status (*)(const cairn_node*, cairn_call*));

AT_LEAST(cairn_plugin, 40);
AT(cairn_plugin, size, 0);
IS(cairn_plugin, size, uint32_t);
AT(cairn_plugin, abi_major, 4);
IS(cairn_plugin, abi_major, uint16_t);
AT(cairn_plugin, abi_minor, 6);
IS(cairn_plugin, abi_minor, uint16_t);
AT(cairn_plugin, id, 8);
IS(cairn_plugin, id, const char*);
AT(cairn_plugin, version, 16);
IS(cairn_plugin, version, const char*);
AT(cairn_plugin, components, 24);
IS(cairn_plugin, components, const cairn_component* const*);
AT(cairn_plugin, component_count, 32);
IS(cairn_plugin, component_count, size_t);

/* One translation unit with no declaration is not ISO C. */
typedef int abi_1_0_is_kept;

/* cairn/plugin.h: for authors in C: what turns a component's table into a plugin, and the two chores
 * that every C plugin has.
 *
 *     static const cairn_component component = {.size = sizeof component, .role = CAIRN_BACKEND, ...};
 *     CAIRN_PLUGIN_IN_C("org.example.map", "1.0.0", "backend", "map", component);
 *
 * The contract itself is <cairn/abi.h>; authors in C++ include <cairn/plugin.hpp> instead.
 */
#ifndef CAIRN_PLUGIN_H
#define CAIRN_PLUGIN_H

#include <cairn/abi.h>

#include <stdlib.h>
#include <string.h>

/* Reports why a call fails, unless a layer further in has done so already. Write `text` as
 * "layer: what happened". Returns `status`. */
static inline cairn_status cairn_fail(cairn_call* call, cairn_status status, const char* text) {
  if (call && call->error == CAIRN_OK) {
    call->error = status;
    strncpy(call->error_text, text, sizeof call->error_text - 1);
    call->error_text[sizeof call->error_text - 1] = '\0';
  }
  return status;
}

static inline void cairn_free_owner(cairn_owner* owner) CAIRN_NOEXCEPT {
  free(owner);
}

/* Makes an entry of bytes or of an object outlive the call: one reference more, or a copy of bytes
 * that nobody owns, behind a count of its own. Give it back with cairn_release(entry->owner), after
 * you have let go of your locks: the end of a payload may call you again. 0: out of memory. */
static inline int cairn_keep(cairn_entry* entry) {
  if (entry->owner) {
    cairn_retain(entry->owner);
    return 1;
  }
  cairn_owner* owner = (cairn_owner*)malloc(sizeof *owner + entry->size);
  if (!owner) return 0;
  owner->refs = 1;
  owner->destroy = cairn_free_owner;
  if (entry->size) memcpy(owner + 1, entry->data, entry->size);
  entry->data = owner + 1;
  entry->owner = owner;
  return 1;
}

/* The layer below, as a proxy keeps it: what this header knows of what the host wrote. */
static inline cairn_next cairn_copy_next(const cairn_next* next) {
  cairn_next copy;
  memset(&copy, 0, sizeof copy);
  memcpy(&copy, next, next->size < sizeof copy ? next->size : sizeof copy);
  return copy;
}

/* Once per library, at the end of a source file. `role` is "backend" or "proxy", and `name` is the
 * component's: the note in the file says so without anything being run. */
#define CAIRN_PLUGIN_IN_C(plugin_id, plugin_version, role, name, component)                      \
  _Static_assert(CAIRN_ABI_MAJOR == 1 && CAIRN_ABI_MINOR == 0, "the note below says 1.0");       \
  static const struct {                                                                          \
    uint32_t name_size, text_size, type;                                                         \
    char note_name[(sizeof CAIRN_NOTE_NAME + 3) & ~3u];                                          \
    char text[(sizeof CAIRN_NOTE_TEXT(plugin_id, plugin_version, role, name) + 3) & ~3u];        \
  } cairn_plugin_note __attribute__((section(CAIRN_NOTE_SECTION), used, aligned(4))) = {         \
      sizeof CAIRN_NOTE_NAME, sizeof CAIRN_NOTE_TEXT(plugin_id, plugin_version, role, name) - 1, \
      CAIRN_NOTE_TYPE, CAIRN_NOTE_NAME, CAIRN_NOTE_TEXT(plugin_id, plugin_version, role, name)}; \
  CAIRN_EXPORT const cairn_plugin* cairn_plugin_v1(const cairn_host* host);                      \
  const cairn_plugin* cairn_plugin_v1(const cairn_host* host) {                                  \
    static const cairn_component* const components[] = {&(component)};                           \
    static const cairn_plugin plugin = {sizeof plugin,                                           \
                                        CAIRN_ABI_MAJOR,                                         \
                                        CAIRN_ABI_MINOR,                                         \
                                        plugin_id,                                               \
                                        plugin_version,                                          \
                                        components,                                              \
                                        1};                                                      \
    (void)host;                                                                                  \
    return &plugin;                                                                              \
  }                                                                                              \
  _Static_assert(1, "")
#define CAIRN_NOTE_TEXT(plugin_id, plugin_version, role, name)              \
  "{\"abi\":\"1.0\",\"id\":\"" plugin_id "\",\"version\":\"" plugin_version \
  "\",\"components\":[{\"role\":\"" role "\",\"name\":\"" name "\"}]}"

#endif

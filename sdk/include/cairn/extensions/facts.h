/* cairn.facts/1: an extension of backends that can say something about the store they reach. */
#ifndef CAIRN_EXTENSIONS_FACTS_H
#define CAIRN_EXTENSIONS_FACTS_H

#include <cairn/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_FACTS_ID "cairn.facts/1"

/* [sized] `self` is what the extension was asked of. Any thread, any time. */
typedef struct cairn_facts {
  uint32_t size;
  uint32_t reserved;
  /* OK and a map of what a person wants to know of the store, +1 reference. Its members are texts
   * under short names, in the order in which they are shown, and three that have a meaning:
   *   "warnings"  LIST of TEXT: what will disappoint who uses this store as a cache, and the remedy
   *   "lock_warnings"  LIST of TEXT: the same, where creation locks are held in this store
   *   "keyspace"  TEXT: equal for two stores in which a key is the same key
   * Asks the store, and may take as long as a few gets. May leave traces that vanish by themselves.
   */
  cairn_status (*facts)(void* self, cairn_call*, cairn_entry* out) CAIRN_NOEXCEPT;
} cairn_facts;

#ifdef __cplusplus
}
#endif
#endif

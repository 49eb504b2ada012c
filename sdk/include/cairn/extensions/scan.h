/* cairn.scan/1: an extension of backends that can list what they hold. */
#ifndef CAIRN_EXTENSIONS_SCAN_H
#define CAIRN_EXTENSIONS_SCAN_H

#include <cairn/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_SCAN_ID "cairn.scan/1"

/* Gets one key and its entry, both borrowed: whoever keeps the entry retains its owner. It may call
 * any operation of the store. */
typedef void (*cairn_scan_visit)(void* user, cairn_bytes key, const cairn_entry*) CAIRN_NOEXCEPT;

/* [sized] `self` is what the extension was asked of. Any thread, any time. */
typedef struct cairn_scan {
  uint32_t size;
  uint32_t reserved;
  /* Visits about `limit` entries from `*cursor` on and moves it. A scan starts at 0, and is over
   * when the cursor is 0 again. A key that is there from the start of a scan to its end is visited,
   * and once only unless a store that others share is rearranged meanwhile; one that comes or goes,
   * once or not at all. A scan is not a use: it keeps nothing in the cache. */
  cairn_status (*scan)(void* self, cairn_call*, uint64_t* cursor, size_t limit,
                       cairn_scan_visit visit, void* user) CAIRN_NOEXCEPT;
} cairn_scan;

#ifdef __cplusplus
}
#endif
#endif

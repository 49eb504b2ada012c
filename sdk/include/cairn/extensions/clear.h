/* cairn.clear/1: an extension of backends that can forget everything at once. */
#ifndef CAIRN_EXTENSIONS_CLEAR_H
#define CAIRN_EXTENSIONS_CLEAR_H

#include <cairn/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_CLEAR_ID "cairn.clear/1"

/* [sized] `self` is what the extension was asked of. Any thread, any time. */
typedef struct cairn_clear {
  uint32_t size;
  uint32_t reserved;
  /* Forgets every entry that was there when the call began. */
  cairn_status (*clear)(void* self, cairn_call*) CAIRN_NOEXCEPT;
} cairn_clear;

#ifdef __cplusplus
}
#endif
#endif

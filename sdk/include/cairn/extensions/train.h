/* cairn.train/1: a layer that works better with a dictionary makes one from samples of payloads.
 *
 * Obtained from `extension` of the component; needs no instance of its own, and any thread may
 * call. */
#ifndef CAIRN_EXTENSIONS_TRAIN_H
#define CAIRN_EXTENSIONS_TRAIN_H

#include <cairn/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CAIRN_TRAIN_EXTENSION "cairn.train/1"

/* [sized] */
typedef struct cairn_train {
  uint32_t size;
  uint32_t reserved;
  /* OK and `*dictionary` (kind BYTES, +1 reference) of at most `max_size` bytes: what to write to
   * the file that the component's `dictionary` option names. The samples are payloads as the
   * component is given them by set. REJECTED: they are too few, too small or have nothing in
   * common. */
  cairn_status (*train)(cairn_call*, const cairn_bytes* samples, size_t n, size_t max_size,
                        cairn_entry* dictionary) CAIRN_NOEXCEPT;
} cairn_train;

#ifdef __cplusplus
}
#endif
#endif

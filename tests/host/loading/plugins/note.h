/* The plugin note, for plugins written in C. */
#ifndef NOTE_H
#define NOTE_H

#include <cairn/abi.h>

#define PLUGIN_NOTE(json)                                                          \
  static const struct {                                                            \
    uint32_t name_size, text_size, type;                                           \
    char name[(sizeof CAIRN_NOTE_NAME + 3) & ~3u];                                 \
    char text[(sizeof(json) + 3) & ~3u];                                           \
  } plugin_note __attribute__((section(CAIRN_NOTE_SECTION), used, aligned(4))) = { \
      sizeof CAIRN_NOTE_NAME, sizeof(json) - 1, CAIRN_NOTE_TYPE, CAIRN_NOTE_NAME, json}

#endif

/* tiles_amx.h: what all that uses AMX shares: its registers, eight tiles of 16 rows of 64 bytes. */
#ifndef TERN_TILES_AMX_H
#define TERN_TILES_AMX_H

#include "runtime/kernels/ternary_inline.h"

#include <immintrin.h>
#include <stdbool.h>

enum {
  SIDE = 16, /* rows of a tile; numbers of four bytes in one */
  SET = 2 * SIDE,
  TILE_BYTES = 1024
};

struct tile_shapes {
  uint8_t palette, start, unused[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

/* Whoever opens tiles releases them: _tile_release(). */
INLINE void open_tiles(void) {
  static const struct tile_shapes all = {
      .palette = 1, .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  _tile_loadconfig(&all);
}

/* What compilers do not know tile instructions to read and write. */
#define MEMORY_IS_READ_AND_WRITTEN() __asm__ volatile("" ::: "memory")

/* Tiles 0 .. 3 are 32 by 32 numbers of four bytes, whose rows are `stride` bytes apart in y. */
INLINE void open_sums_tiles(const void *y, int64_t stride, bool add) {
  const char *low = (const char *)y + SIDE * stride;
  if (!add) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    return;
  }
  _tile_loadd(0, y, stride);
  _tile_loadd(1, (const char *)y + 64, stride);
  _tile_loadd(2, low, stride);
  _tile_loadd(3, low + 64, stride);
}

INLINE void store_sums_tiles(void *y, int64_t stride) {
  char *low = (char *)y + SIDE * stride;
  _tile_stored(0, y, stride);
  _tile_stored(1, (char *)y + 64, stride);
  _tile_stored(2, low, stride);
  _tile_stored(3, low + 64, stride);
}

#endif

/* ternary_inline.h: what a processor's file needs before ternary_rows.h: functions that are always inlined,
 * loops of constant length that are always unrolled. */
#ifndef TERN_TERNARY_INLINE_H
#define TERN_TERNARY_INLINE_H

#include "runtime/kernels/ternary.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* The two parts of a tile of tile3: a word a row in the form of tile2, and of each row the last four digits.
 */
INLINE void split_tile3(const uint8_t *tile, uint8_t low[TERN_TILE], uint8_t top[TERN_TILE]) {
  for (int i = 0; i < TERN_TILE; i++) {
    unsigned b = tile[i], t = (unsigned)(b >= TERN_TOP) + (unsigned)(b >= 2 * TERN_TOP), r = b - TERN_TOP * t;
    unsigned t3 = (unsigned)(r >= 27) + (unsigned)(r >= 54), q = r - 27 * t3;
    unsigned t2 = (unsigned)(q >= 9) + (unsigned)(q >= 18), s = q - 9 * t2;
    unsigned t1 = (unsigned)(s >= 3) + (unsigned)(s >= 6);
    top[i] = (uint8_t)t;
    low[i] = (uint8_t)((s - 3 * t1) | t1 << 2 | t2 << 4 | t3 << 6);
  }
}

#endif

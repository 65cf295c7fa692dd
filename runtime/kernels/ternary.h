/* ternary.h: sums of a packed ternary matrix against rows of activations, and the layout it is packed in.
 *
 * Layout `tile2`, 2 bits a weight. Rows stand in panels of 16, columns in chunks of 16; a tile is 64 bytes
 * for 16 rows by 16 columns. Byte 4 * r + j of a tile holds, at bits 2 f (f = 0 .. 3), the digit t = code + 1
 * of row r, column 16 c + 4 f + j. So a 64-byte register has one row in each 32-bit lane, and one field f of
 * it multiplies four consecutive columns. Rows and columns beyond the matrix have t = 0. Two panels alternate
 * tile by tile (panel 2p chunk c, panel 2p + 1 chunk c, panel 2p chunk c + 1, ...), an odd last panel stands
 * alone: a matrix is one sequential stream for each thread.
 *
 * Layout `tile3`, 1.6 bits a weight: the same with chunks of 20 columns, and byte 4 * r + j of a tile is
 * t0 + 3 t1 + 9 t2 + 27 t3 + 85 t4, with t_f the digit of row r, column 20 c + 4 f + j. It is 85 and not 81
 * so that the six upper bits tell t4, which then takes one look-up in a table of 64 bytes.
 *
 * Matrices of wider codes have tiles too, of fewer columns. Layout `tile4`, 4 bits a weight: chunks of 8
 * columns; byte 4 * r + j holds, at bits 4 f (f = 0, 1), the digit t = code + 8 of row r, column 8 c + 4 f +
 * j. Layout `tile8`, a byte a weight: chunks of 4 columns, byte 4 * r + j is t = code + 128.
 *
 * Arithmetic: sum of code * x = sum of t * x - z * sum of x, z the digit of code 0, exact in int32 whenever
 * the result fits (everything is modulo 2^32 on the way). Floats: lane x % 16 adds x, -x or 0 in order, of
 * tile4 and tile8 the product code * x, rounded once; then lanes fold l[k] += l[k + w], w = 8, 4, 2, 1;
 * within a group x counts from the group's start. The same bits in every variant.
 *
 * C11, no library but <string.h>. */
#ifndef TERN_TERNARY_H
#define TERN_TERNARY_H

#include <stdint.h>

enum { TERN_TILE = 64, TERN_PANEL = 16, TERN_TOP = 85 };
enum { TERN_CHUNK = 16, TERN_CHUNK3 = 20, TERN_CHUNK4 = 8, TERN_CHUNK8 = 4 }; /* columns of a tile */

/* y[row, i, g] = sum over the columns of group g of code[i, column] * x[row, column].
 *   w        tile2, or tileX for sumX, m rows of n columns
 *   x        rows rows, n elements apart; nothing beyond the last is read
 *   y        rows rows of m * groups, groups = ceil(n / group), 1 when group is 0
 *   thread   of `threads`: they share the pairs of panels, so each writes its own columns of y
 * Every thread of a team calls it with the same arguments but `thread`. */
#define TERN_TERNARY_SUM(name, x_type, y_type)                                                               \
  void name(const uint8_t *w, const x_type *x, y_type *y, int64_t m, int64_t n, int64_t group, int64_t rows, \
            uint32_t thread, uint32_t threads)

TERN_TERNARY_SUM(tern_ternary_sum_i8, int8_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum_i16, int16_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum_f32, float, float);
TERN_TERNARY_SUM(tern_ternary_sum3_i8, int8_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum3_i16, int16_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum3_f32, float, float);
TERN_TERNARY_SUM(tern_ternary_sum4_i8, int8_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum4_i16, int16_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum4_f32, float, float);
TERN_TERNARY_SUM(tern_ternary_sum8_i8, int8_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum8_i16, int16_t, int32_t);
TERN_TERNARY_SUM(tern_ternary_sum8_f32, float, float);

/* The same for processors that have more (ternary_rows.h); with groups they do as the portable ones. */
#define TERN_TERNARY_SUMS(level)                                                                             \
  TERN_TERNARY_SUM(tern_ternary_sum_i8_##level, int8_t, int32_t);                                            \
  TERN_TERNARY_SUM(tern_ternary_sum3_i8_##level, int8_t, int32_t);                                           \
  TERN_TERNARY_SUM(tern_ternary_sum4_i8_##level, int8_t, int32_t);                                           \
  TERN_TERNARY_SUM(tern_ternary_sum8_i8_##level, int8_t, int32_t)
TERN_TERNARY_SUMS(avx2);
TERN_TERNARY_SUMS(avxvnni); /* AVX2 and AVX-VNNI */
TERN_TERNARY_SUMS(vnni);    /* AVX-512 F, BW, VL, VNNI */
TERN_TERNARY_SUMS(vbmi);    /* and AVX-512 VBMI */
TERN_TERNARY_SUMS(amx);     /* and AMX INT8 */
TERN_TERNARY_SUMS(neon);    /* aarch64 with dot products */

/* What every variant needs to know of the layout. */
static inline int64_t tern_tiles(int64_t n) { /* panels, or chunks of tile2: ceil(n / 16) */
  return (n + 15) / 16;
}

static inline int64_t tern_tiles3(int64_t n) { /* chunks of tile3 */
  return (n + 19) / 20;
}

/* The digit of code 0 in a layout with so many digits a byte: tile8, tile4, tile2, tile3. */
static inline int tern_zero_digit(int fields) {
  return fields == 1 ? 128 : fields == 2 ? 8 : 1;
}

/* The first tile of a panel of m rows by `chunks` chunks, and the bytes from one chunk's tile to the next. */
static inline const uint8_t *tern_panel(const uint8_t *w, int64_t m, int64_t chunks, int64_t panel,
                                        int64_t *step) {
  int64_t paired = (panel | 1) < tern_tiles(m);
  *step = paired ? 2 * TERN_TILE : TERN_TILE;
  return w + (panel & ~(int64_t)1) * chunks * TERN_TILE + (panel & 1) * TERN_TILE;
}

/* The panels [*begin, *end) of a thread: whole pairs, as equal as they go. */
static inline void tern_share(int64_t m, uint32_t thread, uint32_t threads, int64_t *begin, int64_t *end) {
  int64_t panels = tern_tiles(m), pairs = (panels + 1) / 2;
  *begin = 2 * (pairs * thread / threads);
  *end = 2 * (pairs * (thread + 1) / threads);
  *end = *end < panels ? *end : panels;
}

#endif

/* gradient.h: the products of a backward pass, in which a sum goes over tokens or over the rows of a matrix.
 *
 *   outer   y[i, j] += sum over t of a[t, i] * b[t, j]     gradient of a matrix; b: what the product read
 *   back    y[t, j]  = sum over i of a[t, i] * w[i, j]     gradient of what the product read
 *
 * The order of float32 sums is stated, and the same on every processor and for every number of threads. What
 * is summed, tokens or rows, stands in blocks of TERN_GRADIENT_BLOCK. A block is one chain of fused
 * multiply-adds, s = fma(a, b, s), in order from s = 0. `outer` adds the blocks to y in their order; `back`
 * begins with the first block's chain and adds the others in their order. Each addition is rounded; nothing
 * is flushed to zero. int8, int16 and ternary codes are exact in float32. Which NaN a NaN is, is not stated.
 *
 * With groups of columns (as in ternary.h) a[t, i] is a row of ceil(n / group) numbers, of which column j
 * takes number j / group; group 0: there is one for all columns.
 *
 * C11, no library but <string.h>. No function allocates; the fast ones take up to 512 KiB of stack. */
#ifndef TERN_GRADIENT_H
#define TERN_GRADIENT_H

#include "runtime/kernels/ternary.h"

enum { TERN_GRADIENT_BLOCK = 256, TERN_GRADIENT_TILE_STEPS = 32 };

/* y[m, n] += a[rows, m, groups]^T b[rows, n].
 *   a, b     nothing beyond the last row is read
 *   thread   of `threads`: they share y, so each reads and writes its own part of it
 * Every thread of a team calls it with the same arguments but `thread`. */
#define TERN_OUTER(name, b_type)                                                                             \
  void name(const float *a, const b_type *b, float *y, int64_t m, int64_t n, int64_t group, int64_t rows,    \
            uint32_t thread, uint32_t threads)

TERN_OUTER(tern_outer_i8, int8_t);
TERN_OUTER(tern_outer_i16, int16_t);
TERN_OUTER(tern_outer_f32, float);

/* y[rows, n] = a[rows, m, groups] w[m, n]; w in layout tile2, or tile3 for back3. */
#define TERN_TERNARY_BACK(name)                                                                              \
  void name(const uint8_t *w, const float *a, float *y, int64_t m, int64_t n, int64_t group, int64_t rows,   \
            uint32_t thread, uint32_t threads)

TERN_TERNARY_BACK(tern_ternary_back_f32);
TERN_TERNARY_BACK(tern_ternary_back3_f32);

/* The same for floats, row after row. */
#define TERN_MATMUL_BACK(name)                                                                               \
  void name(const float *w, const float *a, float *y, int64_t m, int64_t n, int64_t rows, uint32_t thread,   \
            uint32_t threads)

TERN_MATMUL_BACK(tern_matmul_back_f32);

/* The same for processors that have more (gradient_tiles.h), with the same bits. */
#define TERN_GRADIENT_LEVEL(level)                                                                           \
  TERN_OUTER(tern_outer_i8_##level, int8_t);                                                                 \
  TERN_OUTER(tern_outer_i16_##level, int16_t);                                                               \
  TERN_OUTER(tern_outer_f32_##level, float);                                                                 \
  TERN_TERNARY_BACK(tern_ternary_back_f32_##level);                                                          \
  TERN_TERNARY_BACK(tern_ternary_back3_f32_##level);                                                         \
  TERN_MATMUL_BACK(tern_matmul_back_f32_##level)
TERN_GRADIENT_LEVEL(fma);    /* AVX2 and FMA */
TERN_GRADIENT_LEVEL(avx512); /* AVX-512 F */
TERN_GRADIENT_LEVEL(neon);   /* aarch64 */

/* The same where b, or w, is codes, by two other sums, for those who choose them. Both round a to bfloat16,
 * half to even, and treat denormal numbers as zeros of their sign, as operands and as results.
 *
 * bf16   Steps stand in groups of TERN_GRADIENT_TILE_STEPS, the last filled up with zeros. In a group e is
 * the chain of the even steps, o that of the odd ones, each from 0 by e = fma(a, b, e); then y = y + (e + o),
 * groups in order, from what is in y (outer) or from 0 (back). A denormal a is a zero before it is rounded.
 * That is how Intel's manual defines tdpbf16ps. pairs  A block, as above, is a chain of pairs of steps: s =
 * fma(a, b, s) of the odd step of a pair, then of the even one; an odd count of steps has a pair of zeros at
 * its end. The block's chain is then added as above. That is vdpbf16ps. */
#define TERN_GRADIENT_CODES(level)                                                                           \
  TERN_OUTER(tern_outer_i8_##level, int8_t);                                                                 \
  TERN_TERNARY_BACK(tern_ternary_back_f32_##level);                                                          \
  TERN_TERNARY_BACK(tern_ternary_back3_f32_##level)
TERN_GRADIENT_CODES(bf16);        /* in portable C */
TERN_GRADIENT_CODES(bf16_fma);    /* the same bits: AVX2 and FMA */
TERN_GRADIENT_CODES(bf16_avx512); /* AVX-512 F */
TERN_GRADIENT_CODES(bf16_neon);   /* aarch64 */
TERN_GRADIENT_CODES(amx);         /* AMX BF16, AVX-512 BF16 and BW */
TERN_GRADIENT_CODES(pairs);       /* AVX-512 F and BF16 */

/* What a thread has of an output of p rows by q columns: [row, row_end) by [column, column_end). The longer
 * side is shared, in units of `unit`. */
struct tern_part {
  int64_t row, row_end, column, column_end;
};

/* Rows that a thread has at least where rows of the output are shared because they are tokens: whoever made
 * them, and goes on with them, shares tokens too, and finds them in its own cache. */
enum { TERN_GRADIENT_OWN_TOKENS = 64 };

static inline struct tern_part tern_gradient_share(int64_t p, int64_t q, int64_t unit, uint32_t thread,
                                                   uint32_t threads) {
  struct tern_part part = {0, p, 0, q};
  int64_t count = q < p ? p : q, units = (count + unit - 1) / unit;
  int64_t begin = units * thread / threads * unit, end = units * (thread + 1) / threads * unit;
  end = end < count ? end : count;
  if (q < p)
    part.row = begin, part.row_end = end;
  else
    part.column = begin, part.column_end = end;
  return part;
}

/* The same for `back`, whose rows are tokens. */
static inline struct tern_part tern_back_share(int64_t rows, int64_t n, int64_t unit, uint32_t thread,
                                               uint32_t threads) {
  struct tern_part part = {0, rows, 0, n};
  int64_t units = rows / unit;
  if (rows < (int64_t)threads * TERN_GRADIENT_OWN_TOKENS)
    return tern_gradient_share(rows, n, unit, thread, threads);
  part.row = units * thread / threads * unit;
  if (thread + 1 < threads)
    part.row_end = units * (thread + 1) / threads * unit;
  return part;
}

#endif

/* ternarize.h: the ternary form of a matrix of floats that changes, as docs/numerics.md defines it and as
 * reading it from a checkpoint gives it: scales s, and codes packed in a layout of ternary.h. A team of
 * threads does both steps with the same arguments but `thread`, and meets between them.
 *
 *   span     columns that have a scale in common: n for a scale a row, fewer for groups; 0: one for all
 *   largest  c is the largest magnitude and s = 1 / c; else c is their mean and s = 1 / max(c,
 * TERN_LEAST_MAGNITUDE) sums     tern_ternarize_sums(m, n, span) numbers, by which the steps are connected
 *
 * Weights that are not finite make codes 0 where their product with s is no number; whoever must not go on
 * with those looks at the scales: s is 0 or NaN with them, and positive without.
 *
 * C11, no library but <string.h>; nothing is allocated. */
#ifndef TERN_TERNARIZE_H
#define TERN_TERNARIZE_H

#include <stdbool.h>
#include <stdint.h>

/* Elements of a partial sum where there is one scale for all; sums of parts are added in order. A partial sum
 * has lanes: element i goes to lane i % TERN_SUM_LANES. */
enum { TERN_SUM_ELEMENTS = 65536, TERN_SUM_LANES = 16 };

/* No quantiser scales by less: neither a matrix whose mean magnitude is below it, nor a vector whose largest
 * element is. */
#define TERN_LEAST_MAGNITUDE 1e-5

int64_t tern_ternarize_sums(int64_t m, int64_t n, int64_t span);

/* The first step: sums of magnitudes of w[m, n], or the largest. */
#define TERN_TERNARIZE_SUM(name, type)                                                                       \
  void name(const type *w, int64_t m, int64_t n, int64_t span, bool largest, double *sums, uint32_t thread,  \
            uint32_t threads)
TERN_TERNARIZE_SUM(tern_ternarize_sum, float);
TERN_TERNARIZE_SUM(tern_ternarize_sum_bf16, uint16_t); /* of w as bfloat16 */

/* The second: scales[1], [m] or [m, ceil(n / span)], and the packed codes, tern_tileX_bytes(m, n) bytes. */
#define TERN_TERNARIZE(name, type)                                                                           \
  void name(const type *w, int64_t m, int64_t n, int64_t span, bool largest, const double *sums,             \
            float *scales, uint8_t *out, uint32_t thread, uint32_t threads)
TERN_TERNARIZE(tern_ternarize_tile2, float);
TERN_TERNARIZE(tern_ternarize_tile3, float);
TERN_TERNARIZE(tern_ternarize_tile2_bf16, uint16_t);
TERN_TERNARIZE(tern_ternarize_tile3_bf16, uint16_t);

#endif

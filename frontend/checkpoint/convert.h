/* convert.h: the loops that touch every weight. No state; any thread may call them. */
#ifndef TERN_FRONTEND_CHECKPOINT_CONVERT_H
#define TERN_FRONTEND_CHECKPOINT_CONVERT_H

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/kernels/ternarize.h"

/* n values of type F32, F16 or BF16 to float, exactly; of F64 rounded half to even. */
void convert_widen(enum dtype type, const void *raw, int64_t n, float *out);
/* n finite floats to F32, F16 or BF16, rounded half to even. */
void convert_narrow(enum dtype type, const float *in, int64_t n, void *raw);

/* lanes[i % TERN_SUM_LANES] += |w[i]| in order of i, in double. */
void convert_add_magnitudes(const float *w, int64_t n, double lanes[TERN_SUM_LANES]);
/* The largest of `so_far` and |w[i]|; NaN when one of them is. */
float convert_largest(const float *w, int64_t n, float so_far);
/* The lanes folded as a tree: l[k] += l[k + step], step = 8, 4, 2, 1. */
double convert_fold(double lanes[TERN_SUM_LANES]);

/* codes[i] = clamp(round_half_even(w[i] * s), -1, 1), the product in float; w finite. */
void convert_ternary(const float *w, int64_t n, float s, int8_t *codes);

/* The same of wider codes: clamp(..., -most, most). */
void convert_codes(const float *w, int64_t n, float s, int most, int8_t *codes);

/* One row of n codes to ceil(n / 5) bytes, t0 + 3 t1 + 9 t2 + 27 t3 + 81 t4, t = code + 1, padding 1. */
void convert_pack_base3(const int8_t *codes, int64_t n, uint8_t *out);
/* And back. The position of the first byte that no packing makes (over 242, or padding that is not 1), or -1.
 */
int64_t convert_unpack_base3(const uint8_t *packed, int64_t n, int8_t *codes);

#endif

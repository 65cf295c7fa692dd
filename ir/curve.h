/* curve.h: the table behind the operator `curve`: a function on a domain [lo, lo + 2^w), cut into 2^s pieces
 * of equal length, each a straight line between its rounded ends. Integers only; every engine has the same
 * table.
 *
 *   s = min(segments, w + frac), h = w + frac - s
 *   y[i] = round_half_even(f(lo + i * 2^(w-s)) * 2^out_frac), i = 0 .. 2^s
 *   u = clamp(x - lo * 2^frac, 0, 2^(w+frac) - 1), k = u >> h, t = u mod 2^h
 *   result = sat(y[k] + (((y[k+1] - y[k]) * t + (h > 0 ? 2^(h-1) : 0)) >> h)) */
#ifndef TERN_IR_CURVE_H
#define TERN_IR_CURVE_H

#include "ir/ir.h"

/* The numbers of the formulas above; all fit in 64 bits for attributes that curve_check accepts. */
struct curve_shape {
  int64_t first; /* lo * 2^frac */
  int w, s, h;
};
struct curve_shape curve_shape(const struct attrs *attr);

/* NULL, or what is wrong with curve, frac, out_frac or segments. */
const char *curve_check(const struct attrs *attr);

enum { CURVE_MOST_SEGMENTS = 16 }; /* log2 */
/* Fills y[0 .. 2^s] (room for 2^segments + 1 is enough) and gives the number of entries, 2^s + 1. The
 * function is evaluated in fixed point with some 50 exact fraction bits, alike on every machine. */
int curve_table(const struct attrs *attr, int64_t *y);
/* The operator's result for one x within int32. */
int64_t curve_eval(const struct attrs *attr, int64_t x);

#endif

/* ranges.h: between which real numbers each value of a float `step` lies, whatever the tokens.
 *
 * Interval arithmetic over the spec's operators after `ternarize`, with the relations that intervals alone
 * lose:
 *
 *   x * r, r = 1 / sqrt(sum(x x) / n + eps)              |x r| <= sqrt(n)
 *   absmax(x w) r                                        <= sqrt(n) max|w|
 *   sum(t q) absmax / (Q s_w) of a normed vector         Cauchy-Schwarz: |y| <= n max|w| / s_w, and the
 * codes' rounding f a + (1 - f) b, 0 <= f <= 1                         lies between a and b: a gated
 * recurrence stays bounded
 *
 * A repeat is followed iteration by iteration; a state until it no longer grows. What does not settle is
 * unbounded (infinite), and whoever needs a bound has to choose one. Weights lie within their `lo .. hi`
 * (weight_ranges), and within LARGEST_WEIGHT where those are not known. Where a calibration has seen a value
 * (struct value: most), it lies within HEADROOM times what was seen: the one bound that is not proved. */
#ifndef TERN_PASSES_RANGES_H
#define TERN_PASSES_RANGES_H

#include "ir/ir.h"

struct range {
  double lo, hi;
};

#define LARGEST_WEIGHT  8.0 /* of a float weight that is not at hand */
#define SMALLEST_WSCALE 1.0 /* of a ternary weight that is not at hand: mean|W| <= 1 */
#define LARGEST_WSCALE  1e5 /* mean|W| is at least 1e-5 by definition */
#define HEADROOM        4.0 /* over what a calibration saw */

/* By value id: numbers the function's values 0 .. n - 1, in order of definition. In the module's arena. */
struct ranges {
  struct range *at;
  int n;
  VEC(struct range) states; /* in the module's order */
};

struct ranges *ranges_of(struct module *m, struct func *f);
struct range state_range(const struct module *m, const struct ranges *r, const struct state *s);
double range_most(struct range r); /* max|x| */
/* Range of a float weight's numbers, or of a ternary weight's scales 1 / mean|W|. */
struct range weight_range(const struct weight *w);

/* The x that r = 1 / sqrt(sum(x x) / n + eps) belongs to, or NULL; *n: its length. */
struct value *norm_factor_of(const struct value *r, int64_t *n);

#endif

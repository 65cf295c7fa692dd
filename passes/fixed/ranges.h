/* ranges.h: between which real numbers each value of a float `step` lies, whatever the tokens.
 *
 * Interval arithmetic over the spec's operators after `ternarize`, one rule an operator (range_rules.c) or
 * the rules of what it is made of (ir/composites.h), with the relations that intervals alone lose
 * (range_relations.c):
 *
 *   a / (a + b), e / sum(e), x / (1 + |x|)               the divisor is at least the dividend: within 0 .. 1
 *   x * r, r = 1 / sqrt(sum(x x) / n + eps)              |x r| <= sqrt(n); so for any norm written by hand
 *   absmax(x w) r                                        <= sqrt(n) max|w|
 *   sum(t q) absmax / (Q s_w) of a normed vector         Cauchy-Schwarz: |y| <= n max|w| / s_w, and the
 *                                                        codes' rounding
 *   f a + g b, f + g <= 1                                lies between a, b and 0 (without 0 where f + g = 1):
 *   h + f (b - h), 0 <= f <= 1                           between h and b; a gated recurrence stays bounded
 *   a - max(a, b), s - amax(s)                           at most 0, so that its exp is at most 1
 *
 * A repeat is followed iteration by iteration; a state until it no longer grows, then with ever wider guesses
 * until one of them holds for all tokens. What does not settle is unbounded (infinite), and whoever needs a
 * bound has to choose one. Weights lie within their `lo .. hi` (weight_ranges), and within LARGEST_WEIGHT
 * where those are not known. Where a calibration has seen a value (struct value: most), it lies within
 * HEADROOM times what was seen: the one bound that is not proved. */
#ifndef TERN_PASSES_RANGES_H
#define TERN_PASSES_RANGES_H

#include "ir/ir.h"

struct range {
  double lo, hi;
  bool mask;    /* may hold a constant of MASK or more that the spec puts in place of other values */
  bool whole;   /* whole numbers only */
  bool seen;    /* a calibration saw it: the bounds are not absurd, however wide */
  double tried; /* about what a trial reached; 0: not known. No bound, but a help to guess one */
};

#define LARGEST_WEIGHT  8.0 /* of a float weight that is not at hand */
#define SMALLEST_WSCALE 1.0 /* of a ternary weight that is not at hand: mean|W| <= 1 */
#define LARGEST_WSCALE  (1 / (float)TERN_LEAST_MAGNITUDE) /* mean|W| is at least that by definition */
#define HEADROOM        4.0                               /* over what a calibration saw */
#define MASK            65536.0                           /* no value that a mask covers is as large */

/* By value id: numbers the function's values 0 .. n - 1, in order of definition. In the module's arena. */
struct ranges {
  struct range *at;
  int n;
  VEC(struct range) states;  /* in the module's order: what is read, the initial number included */
  VEC(struct range) written; /* likewise: what tokens write */
};

/* NULL after a diagnostic: an operator has no rule. */
struct ranges *ranges_of(struct module *m, struct func *f);
double range_most(struct range r); /* max|x| */
/* Range of a float weight's numbers, or of a ternary weight's scales 1 / mean|W|. */
struct range weight_range(const struct weight *w);
/* The largest magnitude of its codes. */
double most_code(enum elem e);

/* Whether the range of the operator is known by a rule, its own or those of its body; a test asks for all. */
bool range_rule_known(enum opcode code);

#endif

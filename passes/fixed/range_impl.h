/* range_impl.h: what the files of ranges.h share.
 *
 *   ranges.c           the walk: blocks, repeats, states, weights
 *   range_rules.c      one rule an operator
 *   range_relations.c  what operands have to do with each other */
#ifndef TERN_PASSES_RANGE_IMPL_H
#define TERN_PASSES_RANGE_IMPL_H

#include "passes/fixed/ranges.h"
#include <math.h>

/* A composite without a rule of its own: its body, whose operators work on the operands of `op` themselves.
 */
struct range_body {
  const struct op *op;
  struct block *block; /* ends with a yield of what stands for the result */
};

struct analysis {
  struct module *m;
  struct ranges *r;
  struct range *grown; /* by state: what the token at hand has written */
  VEC(struct range_body) bodies;
  const struct block **body_of; /* by id of a result; NULL: its operator has a rule */
  bool ok;
};

static inline struct range range_between(double lo, double hi) {
  return (struct range){.lo = lo, .hi = hi};
}
static inline struct range range_hull(struct range a, struct range b) {
  return (struct range){fmin(a.lo, b.lo), fmax(a.hi, b.hi),
                        a.mask || b.mask, a.whole && b.whole,
                        a.seen && b.seen, a.tried > 0 && b.tried > 0 ? fmax(a.tried, b.tried) : 0};
}
static inline struct range range_of(const struct analysis *x, const struct value *v) {
  return x->r->at[v->id];
}

/* ---- range_rules.c ---- */
/* The range of the operator's one result from those of its operands; false after a diagnostic. */
bool range_of_op(struct analysis *x, const struct op *op, struct range *out);
/* Whether the operator itself has a rule. A composite need not: its body's operators do. */
bool range_rule_named(enum opcode code);

/* ---- range_relations.c ---- */
/* a / d: the least k that is known with |a| <= k d and d >= 0 at every place; 0: none is. */
double range_quotient(const struct analysis *x, const struct value *a, const struct value *d);
/* The same for a product a * b, one of them a reciprocal or a reciprocal root of what bounds the other. */
double range_product(const struct analysis *x, const struct value *a, const struct value *b);
/* b >= a at every place. */
bool range_at_least(const struct analysis *x, const struct value *b, const struct value *a);
/* A sum (or difference) that lies between its parts, as f a + (1 - f) b does. */
bool range_convex(const struct analysis *x, const struct op *op, struct range *out);
/* convert(ternary_sum(W, codes)) / (s * wscale(W)) of a normed vector. */
bool range_ternary_product(const struct analysis *x, const struct op *div, struct range *out);

#endif

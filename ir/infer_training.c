/* infer_training.c: type rules of the operators of a training step. */
#include "ir/infer.h"

/* As the others along an axis, which may also be that of a call's tokens. */
bool infer_sum(struct rule *r) {
  struct type x = rule_in_type(r, 0);
  bool tokens = r->op->attr.axis == 0 && x.rank > 0 && x.dim[0] < 0;
  if (!tokens)
    return infer_reduce(r);
  *r->out = x;
  r->out->dim[0] = 1;
  return rule_want_elem(r, 0, ELEM_F32);
}

bool infer_define(struct rule *r) {
  struct declaration s;
  if (r->op->n_in < 1)
    return rule_fail(r, "has no value to define");
  if (!rule_find_symbol(r, &s) || !rule_want_indices(r, &s, 1))
    return false;
  struct type t = s.type;
  t.elem = t.elem == ELEM_TERNARY ? ELEM_F32 : t.elem;
  return type_equal(rule_in_type(r, 0), t) ||
         rule_fail(r, "'%s' is %s, the new value %s", r->op->attr.symbol, rule_text(r, s.type),
                   rule_text(r, rule_in_type(r, 0)));
}

/* What is added to a state: the operator's two operands, and the type that the state should have. */
static bool adds_to_state(struct rule *r, struct type *state) {
  struct declaration s;
  if (r->op->n_in < 2)
    return rule_fail(r, "takes two values to add, not %d", r->op->n_in);
  if (!rule_want_elem(r, 0, ELEM_F32) || !rule_find_symbol(r, &s) || !rule_want_indices(r, &s, 2))
    return false;
  *state = s.type;
  return true;
}

/* a[T, m] and b[T, n]: [m, n] */
bool infer_outer(struct rule *r) {
  struct type state;
  if (!adds_to_state(r, &state))
    return false;
  struct type a = rule_in_type(r, 0), b = rule_in_type(r, 1);
  bool codes = b.elem == ELEM_I8 || b.elem == ELEM_I16 || rule_quantised(b.elem);
  if (!codes && !rule_want_elem(r, 1, ELEM_F32))
    return false;
  if (a.rank != 2 || b.rank != 2 || a.dim[0] >= 0 || a.dim[0] != b.dim[0])
    return rule_fail(r, "takes [T, m] and [T, n], not %s and %s", rule_text(r, a), rule_text(r, b));
  struct type sum = type_make(ELEM_F32, 2, (int64_t[]){a.dim[1], b.dim[1]});
  return type_equal(sum, state) ||
         rule_fail(r, "'%s' is %s, the sum %s", r->op->attr.symbol, rule_text(r, state), rule_text(r, sum));
}

/* d[T, rest...] to the rows i[T] of [N, rest...] */
bool infer_scatter(struct rule *r) {
  struct type t;
  if (!adds_to_state(r, &t))
    return false;
  struct type d = rule_in_type(r, 0), i = rule_in_type(r, 1);
  bool fits = rule_want_elem(r, 1, ELEM_U32) && i.rank == 1 && i.dim[0] < 0 && d.rank == t.rank &&
              d.rank > 0 && d.dim[0] == i.dim[0] && t.elem == ELEM_F32;
  for (int k = 1; fits && k < t.rank; k++)
    fits = t.dim[k] == d.dim[k];
  return fits || rule_fail(r, "rows %s with the numbers %s do not add to %s", rule_text(r, d),
                           rule_text(r, i), rule_text(r, t));
}

/* W[m, n] against d[..., m]: gives [..., n]. groups: numbers for each of the m, along an axis behind it; 0:
 * one, and no axis. */
static bool times_columns(struct rule *r, int64_t groups) {
  struct type w = rule_in_type(r, 0), d = rule_in_type(r, 1);
  int last = d.rank - 1 - (groups > 0);
  if (w.rank != 2)
    return rule_fail(r, "the matrix is %s; it needs two axes", rule_text(r, w));
  if (!rule_want_elem(r, 1, ELEM_F32) || !rule_want_axes(r, 1, groups ? 2 : 1))
    return false;
  if (groups && d.dim[last + 1] != groups)
    return rule_fail(r, "%s has %lld numbers a row of %s, not %lld", rule_text(r, d),
                     (long long)d.dim[last + 1], rule_text(r, w), (long long)groups);
  if (d.dim[last] != w.dim[0])
    return rule_fail(r, "the matrix %s has %lld rows, the vector %s has %lld elements", rule_text(r, w),
                     (long long)w.dim[0], rule_text(r, d), (long long)d.dim[last]);
  *r->out = d;
  r->out->rank = last + 1;
  r->out->dim[last] = w.dim[1];
  for (int k = last + 1; k < MAX_RANK; k++)
    r->out->dim[k] = 0;
  return true;
}

bool infer_matmul_back(struct rule *r) {
  struct type w = rule_in_type(r, 0);
  if (w.elem != ELEM_F32 && w.elem != ELEM_TERNARY)
    return rule_fail(r, "the matrix is %s; a training takes f32 and ternary ones only", rule_text(r, w));
  return times_columns(r, 0);
}

bool infer_ternary_back(struct rule *r) {
  int64_t group = r->op->attr.group;
  if (!rule_want_elem(r, 0, ELEM_TERNARY))
    return false;
  if (group < 0 || (rule_in_type(r, 0).rank == 2 && group > rule_in_type(r, 0).dim[1]))
    return rule_fail(r, "groups of %lld columns in %s", (long long)group, rule_text(r, rule_in_type(r, 0)));
  return times_columns(r, group ? (rule_in_type(r, 0).dim[1] + group - 1) / group : 0);
}

bool infer_nth(struct rule *r) {
  *r->out = type_scalar(ELEM_U32);
  for (int i = 0; i < 2; i++)
    if (!rule_want_elem(r, i, ELEM_U32) || rule_in_type(r, i).rank > 0)
      return rule_fail(r, "takes two single numbers, u32");
  return r->op->attr.group > 0 || rule_fail(r, "has no group");
}

bool rule_fits_parts(struct rule *r) {
  const struct attrs *a = &r->op->attr;
  int64_t dims = r->m->dims.n;
  if (a->group >= 0 || a->group < -dims || !dim_of(r->m, a->group)->parts)
    return rule_fail(r, "goes through the parts of nothing");
  const struct dim *d = dim_of(r->m, a->group);
  if ((r->op->block->parent && d->most > 1) || a->reverse)
    return rule_fail(r, "goes through parts, which it can outside other regions, the first part first");
  int64_t all = dim_of(r->m, d->parts)->most;
  return (all + d->most - 1) / d->most <= a->count ||
         rule_fail(r, "goes through %lld parts of %lld, and a call can have %lld of %s", (long long)a->count,
                   (long long)d->most, (long long)all, dim_of(r->m, d->parts)->name);
}

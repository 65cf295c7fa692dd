/* reduce.c: sums, norms and products by matrices on fixed-point values; contracts in fixed.h. */
#include "passes/fixed/fixed.h"

#include "passes/rewrite.h"
#include <math.h>

enum { DIGITS = 15, SUM_BITS = 31 }; /* of a vector whose largest element sets the point; of a sum */

/* least k with 2^k >= n */
static int log2_up(int64_t n) {
  int k = 0;
  while (((int64_t)1 << k) < n)
    k++;
  return k;
}

/* A vector in block floating point: integers of DIGITS bits and a sign, real value v * 2^-e, e one number a
 * vector. */
struct block_float {
  struct value *v, *e;
};

static struct block_float block_float(struct fixing *x, struct number n, int axis) {
  if (n.bits <= DIGITS + 1)
    return (struct block_float){n.v, int_const(x, n.frac)};
  struct value *top = build_axis(&x->b, OP_ABSMAX, n.v, axis);
  struct value *drop = int_sub(x, int_op(x, OP_ILOG2, 1, &top, 8), int_const(x, DIGITS - 1), 8);
  return (struct block_float){int_mulshift(x, n.v, int_const(x, 1), drop, DIGITS + 1),
                              int_sub(x, int_const(x, n.frac), drop, 16)};
}

/* sum of a[i] * b[i] along the axis with as many bits as a sum of n holds; *drop: bits taken from each
 * product. */
static struct value *sum_products(struct fixing *x, struct value *a, struct value *b, int product_bits,
                                  int axis, int64_t n, int *drop) {
  int over = product_bits + log2_up(n) - SUM_BITS;
  *drop = over > 0 ? over : 0;
  struct value *products = int_mulshift(x, a, b, int_const(x, *drop), product_bits - *drop + 1);
  return build_axis(&x->b, OP_SUM, products, axis);
}

static struct scalar *sum_of_squares(struct fixing *x, const struct value *old, int axis) {
  struct block_float f = block_float(x, as_fixed(x, old), axis);
  int drop;
  struct value *sum = sum_products(x, f.v, f.v, 2 * DIGITS, axis, old->type.dim[axis], &drop);
  struct value *twice = int_add(x, f.e, f.e, 16);
  return scalar_atom(x, normalise(x, sum, int_sub(x, twice, int_const(x, drop), 16)));
}

/* Numbers with exponents of their own: all on that of the largest, then added. */
static struct scalar *sum_of_scalars(struct fixing *x, struct scalar *s, const struct op *op) {
  struct atom a = materialise(x, s);
  int axis = op->attr.axis;
  int spare = SUM_BITS - MANTISSA - 2 - log2_up(op->in[0]->type.dim[axis]); /* bits beside a mantissa of 18 */
  struct value *m = shaped(x, a.m, op->in[0]->type), *e = shaped(x, a.e, op->in[0]->type);
  struct value *minus = int_sub(x, int_const(x, 0), e, 32);
  struct value *last = int_sub(x, int_const(x, spare), build_axis(&x->b, OP_AMAX, minus, axis), 32);
  struct value *terms = int_mulshift(x, m, int_const(x, 1), int_sub(x, e, last, 16), 32);
  return scalar_atom(x, normalise(x, build_axis(&x->b, OP_SUM, terms, axis), last));
}

/* A sum of n has no room for all digits of the terms: as many are dropped as the largest term asks for. */
static struct number wide_sum(struct fixing *x, const struct op *op, struct number e, int64_t n) {
  int axis = op->attr.axis;
  struct value *top = build_axis(&x->b, OP_ABSMAX, e.v, axis);
  struct value *over =
      int_sub(x, int_op(x, OP_ILOG2, 1, &top, 8), int_const(x, SUM_BITS - 1 - log2_up(n)), 8);
  struct value *drop = int_op(x, OP_IMAX, 2, (struct value *[]){over, int_const(x, 0)}, 8);
  struct value *terms = int_mulshift(x, e.v, int_const(x, 1), drop, 32);
  struct value *sum = build_axis(&x->b, OP_SUM, terms, axis);
  struct format f = format_of(x, op->out[0]);
  f.frac = f.frac < e.frac ? f.frac : e.frac;
  return from_shift(x, sum, int_sub(x, int_const(x, e.frac), drop, 16), 0, f);
}

static struct number sum_op(struct fixing *x, const struct op *op) {
  enum { FINE = 16 }; /* digits that may go whatever the terms are */
  const struct op *square = op->in[0]->def;
  int axis = op->attr.axis;
  int64_t n = op->in[0]->type.dim[axis];
  const struct number *in = number_of(x, op->in[0]);
  if (op_is(square, OP_MUL) && square->in[0] == square->in[1])
    return scalar_number(sum_of_squares(x, square->in[0], axis));
  if (in->kind == NUMBER_SCALAR)
    return scalar_number(sum_of_scalars(x, in->s, op));
  struct number e = as_fixed(x, op->in[0]);
  int over = e.bits - 1 + log2_up(n) - SUM_BITS, drop = over > 0 ? over : 0;
  if (drop > 0 && e.frac - drop < FINE)
    return wide_sum(x, op, e, n);
  struct value *v = reformat(x, e.v, e.frac, e.bits, (struct format){e.frac - drop, e.bits - drop});
  struct number sum = fixed(build_axis(&x->b, OP_SUM, v, axis), e.frac - drop, 32);
  struct format f = format_of(x, op->out[0]);
  if (f.frac >= sum.frac)
    f.frac = sum.frac;
  return fixed(reformat(x, sum.v, sum.frac, sum.bits, f), f.frac, f.bits);
}

/* y[i] = x[0] + ... + x[i]: added to itself moved on by 1, 2, 4, ... places. */
struct number cumsum_op(struct fixing *x, const struct op *op) {
  int axis = op->attr.axis;
  struct format f = format_of(x, op->out[0]);
  struct value *v = to_shaped(x, op->in[0], f);
  int64_t n = op->in[0]->type.dim[axis];
  for (int64_t by = 1; by < n; by *= 2) {
    struct type t = v->type;
    t.dim[axis] = by;
    struct value *in[] = {build_const(&x->b, 0, t), build_slice(&x->b, v, axis, 0, n - by)};
    in[1] = build(&x->b, OP_CONCAT, 2, in, &(struct attrs){.axis = axis}, NULL)->out[0];
    in[0] = v;
    v = int_op(x, OP_IADD, 2, in, f.bits);
  }
  return fixed(v, f.frac, f.bits);
}

struct number reduce_op(struct fixing *x, const struct op *op) {
  if (op->code == OP_SUM)
    return sum_op(x, op);
  struct number e = as_fixed(x, op->in[0]);
  return fixed(build_axis(&x->b, op->code, e.v, op->attr.axis), e.frac, 32);
}

struct number rmsnorm_op(struct fixing *x, const struct op *op) {
  const struct value *v = op->in[0];
  int last = type_last(v->type);
  if (!(op->attr.eps > 0))
    warn_of_pole(x, op, v);
  struct scalar *n = scalar_new(x, 1 / (double)v->type.dim[last]);
  struct scalar *mean = scalar_product(x, sum_of_squares(x, v, last), n, 1);
  struct scalar *r = scalar_root(x, scalar_add(x, mean, scalar_new(x, op->attr.eps)), true);
  return scale_by(x, as_fixed(x, v), r, format_of(x, op->out[0]));
}

/* e = exp(a - amax(a)); e / sum(e) */
struct number softmax_op(struct fixing *x, const struct op *op) {
  enum { POINT = 16 };
  struct number a = as_fixed(x, op->in[0]);
  int axis = op->attr.axis;
  int64_t n = op->in[0]->type.dim[axis];
  struct value *top = build_axis(&x->b, OP_AMAX, a.v, axis);
  struct value *below = int_sub(x, a.v, top, 32);
  struct atom log2e = atom_const(x, 1.4426950408889634);
  struct value *t =
      int_mulshift(x, below, log2e.m, int_add(x, log2e.e, int_const(x, a.frac - POINT), 16), 32);
  struct number e = power_of_two_of(x, t, POINT, (struct format){POINT, POINT + 2});
  int over = POINT + 1 + log2_up(n) - SUM_BITS, drop = over > 0 ? over : 0;
  struct value *terms = reformat(x, e.v, POINT, POINT + 2, (struct format){POINT - drop, POINT + 2 - drop});
  struct value *sum = build_axis(&x->b, OP_SUM, terms, axis);
  struct scalar *all = scalar_atom(x, normalise(x, sum, int_const(x, POINT - drop)));
  return scale_by(x, e, scalar_product(x, scalar_new(x, 1), all, -1), format_of(x, op->out[0]));
}

static struct type with_row_axis(struct type t) {
  t.dim[t.rank] = t.dim[t.rank - 1];
  t.dim[t.rank - 1] = 1;
  t.rank++;
  return t;
}

/* W[m, n] x[..., n] of a float matrix: x in block floating point, products summed in int32. */
struct number matmul_op(struct fixing *x, const struct op *op) {
  struct number w = as_fixed(x, op->in[0]);
  struct type t = op->in[1]->type;
  if (t.rank == MAX_RANK) {
    fix_error(x, op, "%s against a matrix would need more than %d axes", type_text(x->m->arena, x->m, t),
              MAX_RANK);
    return (struct number){.kind = NUMBER_CONST};
  }
  int last = type_last(t), drop;
  struct block_float f = block_float(x, as_fixed(x, op->in[1]), last);
  struct type row = with_row_axis(f.v->type);
  struct value *xs = build_reshape(&x->b, f.v, row);
  struct value *sums = sum_products(x, w.v, xs, w.bits - 1 + DIGITS, last + 1, t.dim[last], &drop);
  struct type flat = sums->type;
  flat.rank--;
  struct value *y = build_reshape(&x->b, sums, flat);
  return from_shift(x, y, f.e, w.frac - drop, format_of(x, op->out[0]));
}

/* Floats by codes: as 16-bit codes whose point the largest one sets. */
struct number float_sum_op(struct fixing *x, const struct op *op) {
  const struct value *w = op->in[0], *v = op->in[1];
  int64_t n = op->attr.group ? op->attr.group : w->type.dim[1];
  int bits = elem_code_bits(w->type.elem);
  if (log2_up(n) + DIGITS + (bits ? bits - 1 : 0) > SUM_BITS) {
    fix_error(x, op, "a sum of %lld fixed-point numbers does not fit 32 bits; quantise the activations",
              (long long)n);
    return (struct number){.kind = NUMBER_CONST};
  }
  struct block_float f = block_float(x, as_fixed(x, v), type_last(v->type));
  struct value *in[] = {number_of(x, w)->v, f.v};
  struct value *sum = build(&x->b, OP_TERNARY_SUM, 2, in, &op->attr, NULL)->out[0];
  struct value *e = f.e;
  if (op->attr.group && e->type.rank) {
    struct type t = e->type;
    t.dim[t.rank++] = 1;
    e = build_reshape(&x->b, e, t);
  }
  return from_shift(x, sum, e, 0, format_of(x, op->out[0]));
}

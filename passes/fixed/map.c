/* map.c: element-wise operators and quantisers on fixed-point values; contracts in fixed.h. */
#include "passes/fixed/fixed.h"

#include "passes/rewrite.h"
#include <math.h>

static int least(int a, int b) {
  return a < b ? a : b;
}

static int most(int a, int b) {
  return a > b ? a : b;
}

struct number fixed(struct value *v, int frac, int bits) {
  v->frac = frac;
  return (struct number){.kind = NUMBER_FIXED, .v = v, .frac = frac, .bits = bits};
}

/* ---- integers ---------------------------------------------------------------------------------------- */

struct value *int_const(struct fixing *x, double value) {
  return build_const(&x->b, saturated(value, 32), type_scalar(ELEM_I32));
}

bool int_known(const struct value *v, int64_t *value) {
  double c;
  bool known = value_const(v, &c);
  if (known)
    *value = (int64_t)c;
  return known;
}

struct value *int_op(struct fixing *x, enum opcode code, int n, struct value *const *in, int bits) {
  struct attrs attr = {.bits = bits};
  struct op *op = build(&x->b, code, n, in, &attr, NULL);
  return op->out[0];
}

/* c ? a : b; both become 32 bits wide where they differ. */
struct value *int_select(struct fixing *x, struct value *c, struct value *a, struct value *b) {
  if (a->type.elem != b->type.elem) {
    struct value *zero = int_const(x, 0);
    a = int_op(x, OP_IADD, 2, (struct value *[]){a, zero}, 32);
    b = int_op(x, OP_IADD, 2, (struct value *[]){b, zero}, 32);
  }
  return build3(&x->b, OP_SELECT, c, a, b);
}

struct value *int_add(struct fixing *x, struct value *a, struct value *b, int bits) {
  int64_t p, q;
  if (int_known(a, &p) && int_known(b, &q))
    return int_const(x, (double)(p + q));
  return int_op(x, OP_IADD, 2, (struct value *[]){a, b}, bits);
}

struct value *int_sub(struct fixing *x, struct value *a, struct value *b, int bits) {
  int64_t p, q;
  if (int_known(a, &p) && int_known(b, &q))
    return int_const(x, (double)(p - q));
  return int_op(x, OP_ISUB, 2, (struct value *[]){a, b}, bits);
}

struct value *int_mulshift(struct fixing *x, struct value *a, struct value *b, struct value *e, int bits) {
  return int_op(x, OP_MULSHIFT, 3, (struct value *[]){a, b, e}, bits);
}

static enum elem elem_for(int bits) {
  return bits <= 8 ? ELEM_I8 : bits <= 16 ? ELEM_I16 : ELEM_I32;
}

struct value *reformat(struct fixing *x, struct value *v, int frac, int bits, struct format to) {
  if (frac == to.frac && bits <= to.bits && v->type.elem == elem_for(to.bits))
    return v;
  struct value *y = int_mulshift(x, v, int_const(x, 1), int_const(x, frac - to.frac), to.bits);
  y->name = v->name;
  y->frac = to.frac;
  return y;
}

struct number from_shift(struct fixing *x, struct value *v, struct value *e, int add, struct format to) {
  struct value *shift = int_add(x, e, int_const(x, add - to.frac), 16);
  return fixed(int_mulshift(x, v, int_const(x, 1), shift, to.bits), to.frac, to.bits);
}

/* Any f32 value as integers of its own format. */
struct number as_fixed(struct fixing *x, const struct value *old) {
  struct number *n = number_of(x, old);
  if (n->kind == NUMBER_FIXED || n->kind == NUMBER_PLAIN)
    return *n;
  struct format f = format_of(x, old);
  return fixed(shaped(x, scalar_fixed(x, scalar_of(x, old), f), old->type), f.frac, f.bits);
}

struct value *shaped(struct fixing *x, struct value *v, struct type t) {
  double c;
  t.elem = v->type.elem;
  if (type_same_shape(v->type, t))
    return v;
  if (value_const(v, &c))
    return build_const(&x->b, c, t);
  bool same = type_count(v->type, NULL) == type_count(t, NULL);
  struct op *op = build(&x->b, same ? OP_RESHAPE : OP_BROADCAST, 1, &v, NULL, &t);
  op->out[0]->frac = v->frac;
  return op->out[0];
}

struct value *to_shaped(struct fixing *x, const struct value *old, struct format to) {
  return shaped(x, to_format(x, old, to), old->type);
}

struct value *to_format(struct fixing *x, const struct value *old, struct format to) {
  struct number *n = number_of(x, old);
  if (is_scalar(n)) {
    struct value *v = scalar_fixed(x, scalar_of(x, old), to);
    return reformat(x, v, to.frac, 32, to);
  }
  return reformat(x, n->v, n->frac, n->bits, to);
}

/* ---- two operands ------------------------------------------------------------------------------------ */

/* No finer than both operands are: what is not there need not be carried. A constant is as fine as need be.
 */
static struct format format_of_two(struct fixing *x, const struct op *op, struct format f) {
  int finest = -1000;
  for (int i = 0; i < op->n_in; i++) {
    const struct number *n = number_of(x, op->in[i]);
    if (n->kind == NUMBER_FIXED && op->in[i]->type.elem == ELEM_F32)
      finest = most(finest, n->frac);
    else if (n->kind == NUMBER_SCALAR)
      finest = f.frac;
  }
  int less = finest > -1000 && finest < f.frac ? f.frac - finest : 0;
  return (struct format){f.frac - less, most(2, f.bits - less)};
}

/* An operand aligned for a sum: its own range may be wider than the result's format. */
static struct value *aligned(struct fixing *x, const struct value *old, int frac) {
  struct number *n = number_of(x, old);
  if (n->kind == NUMBER_FIXED && n->frac == frac)
    return n->v;
  return to_format(x, old, (struct format){frac, x->word});
}

static struct number aligned_op(struct fixing *x, const struct op *op, enum opcode code) {
  struct format f = format_of_two(x, op, format_of(x, op->out[0]));
  struct value *in[] = {aligned(x, op->in[0], f.frac), aligned(x, op->in[1], f.frac)};
  return fixed(int_op(x, code, 2, in, f.bits), f.frac, f.bits);
}

/* Both are rounded to the coarser one's digits: what was one number before its format differed still is.
 * Whole numbers have all digits, and of a constant eight decide. */
static int compared_frac(struct fixing *x, const struct op *op) {
  int coarse = 1000, whole = -1000;
  for (int i = 0; i < 2; i++) {
    const struct number *n = number_of(x, op->in[i]);
    double c;
    if (value_const(op->in[i], &c) || n->kind == NUMBER_CONST)
      c = n->kind == NUMBER_CONST ? n->c : c,
      whole = most(whole, c == 0 ? -1000 : least(31, 8 - floor_log2(c)));
    else if (range_at(x, op->in[i]).whole)
      whole = most(whole, 0);
    else
      coarse = least(coarse, n->kind == NUMBER_FIXED ? n->frac : format_of(x, op->in[i]).frac);
  }
  return coarse < 1000 ? most(coarse, whole) : most(whole, 0);
}

static struct number compare_op(struct fixing *x, const struct op *op, enum opcode code) {
  struct format f = {compared_frac(x, op), 32};
  struct value *in[] = {to_format(x, op->in[0], f), to_format(x, op->in[1], f)};
  return (struct number){.kind = NUMBER_PLAIN, .v = int_op(x, code, 2, in, 0)};
}

static struct number negative(struct fixing *x, struct number n) {
  struct value *in[] = {int_const(x, 0), n.v};
  return fixed(int_op(x, OP_ISUB, 2, in, least(n.bits + 1, 32)), n.frac, least(n.bits + 1, 32));
}

/* a * c: powers of two only move the point. */
static struct number times_const(struct fixing *x, const struct op *op, const struct value *a, double c) {
  struct number n = as_fixed(x, a);
  struct format f = format_of(x, op->out[0]);
  int e;
  if (c == 0)
    return (struct number){.kind = NUMBER_CONST};
  if (c > 0 && power_of_two(c, &e))
    return (struct number){.kind = NUMBER_FIXED, .v = n.v, .frac = n.frac - e, .bits = n.bits};
  if (c < 0 && power_of_two(c, &e)) {
    n = negative(x, n);
    return (struct number){.kind = NUMBER_FIXED, .v = n.v, .frac = n.frac - e, .bits = n.bits};
  }
  return scale_by(x, n, scalar_new(x, c), f);
}

static struct number times(struct fixing *x, const struct op *op) {
  const struct number *a = number_of(x, op->in[0]), *b = number_of(x, op->in[1]);
  struct format f = format_of(x, op->out[0]);
  if (a->kind == NUMBER_CONST && b->kind == NUMBER_CONST)
    return (struct number){.kind = NUMBER_CONST, .c = a->c * b->c};
  for (int i = 0; i < 2; i++) {
    const struct number *p = i ? b : a, *q = i ? a : b;
    const struct value *other = op->in[1 - i];
    bool one = type_count(other->type, NULL) == 1;
    if (p->kind == NUMBER_SCALAR && (one || is_scalar(q)))
      return scalar_number(scalar_product(x, p->s, scalar_of(x, other), 1));
    if (p->kind == NUMBER_SCALAR)
      return scale_by(x, *q, p->s, f);
    if (p->kind == NUMBER_CONST)
      return times_const(x, op, other, p->c);
  }
  struct value *shift = int_const(x, a->frac + b->frac - f.frac);
  return fixed(int_mulshift(x, a->v, b->v, shift, f.bits), f.frac, f.bits);
}

/* |v|, and whether v < 0. */
static struct value *magnitude_of(struct fixing *x, struct number n, struct value **negative_v) {
  struct value *zero = int_const(x, 0), *minus[] = {zero, n.v};
  struct value *opposite = int_op(x, OP_ISUB, 2, minus, 32);
  if (negative_v)
    *negative_v = int_op(x, OP_ILT, 2, (struct value *[]){n.v, zero}, 0);
  return int_op(x, OP_IMAX, 2, (struct value *[]){n.v, opposite}, 32);
}

/* a / b, element by element: b's magnitude as an atom, its sign apart. */
static struct number divide_elements(struct fixing *x, const struct op *op) {
  struct format f = format_of(x, op->out[0]);
  struct number b = as_fixed(x, op->in[1]);
  struct range r = range_at(x, op->in[1]);
  struct value *minus = NULL, *size = r.lo >= 0 ? b.v : magnitude_of(x, b, &minus);
  struct scalar *inverse =
      scalar_product(x, scalar_new(x, 1), scalar_atom(x, normalise(x, size, int_const(x, b.frac))), -1);
  const struct number *a = number_of(x, op->in[0]);
  struct scalar *quotient = is_scalar(a) ? scalar_product(x, scalar_of(x, op->in[0]), inverse, 1) : NULL;
  if (!minus && !is_narrow(x, range_at(x, op->out[0]))) /* an exponent of its own */
    return scalar_number(scalar_product(x, scalar_of(x, op->in[0]), inverse, 1));
  struct number y =
      quotient ? fixed(scalar_fixed(x, quotient, f), f.frac, f.bits) : scale_by(x, *a, inverse, f);
  if (!minus)
    return y;
  return fixed(int_select(x, minus, reformat(x, negative(x, y).v, f.frac, 32, f), y.v), f.frac, f.bits);
}

static struct number divide(struct fixing *x, const struct op *op) {
  const struct number *a = number_of(x, op->in[0]), *b = number_of(x, op->in[1]);
  bool one = type_count(op->in[1]->type, NULL) == 1 && range_at(x, op->in[1]).lo >= 0;
  if (op_is(op->in[1]->def, OP_SQRT))
    warn_of_pole(x, op, op->in[1]);
  if (a->kind == NUMBER_CONST && a->c == 0)
    return *a;
  if (b->kind == NUMBER_CONST)
    return a->kind == NUMBER_FIXED
               ? times_const(x, op, op->in[0], 1 / b->c)
               : scalar_number(scalar_product(x, scalar_of(x, op->in[0]), scalar_new(x, b->c), -1));
  if (b->kind != NUMBER_SCALAR && !one)
    return divide_elements(x, op);
  struct scalar *divisor = scalar_of(x, op->in[1]);
  if (is_scalar(a) || (one && type_count(op->in[0]->type, NULL) == 1 && range_at(x, op->in[0]).lo >= 0))
    return scalar_number(scalar_product(x, scalar_of(x, op->in[0]), divisor, -1));
  struct scalar *inverse = scalar_product(x, scalar_new(x, 1), divisor, -1);
  return scale_by(x, *a, inverse, format_of(x, op->out[0]));
}

static struct number extreme(struct fixing *x, const struct op *op, bool largest) {
  const struct number *a = number_of(x, op->in[0]), *b = number_of(x, op->in[1]);
  if (a->kind != NUMBER_SCALAR && b->kind != NUMBER_SCALAR) {
    struct format f = format_of_two(x, op, format_of_any(x, op, 0));
    struct value *in[] = {aligned(x, op->in[0], f.frac), aligned(x, op->in[1], f.frac)};
    return fixed(int_op(x, largest ? OP_IMAX : OP_IMIN, 2, in, f.bits), f.frac, f.bits);
  }
  struct value *less = compare_op(x, op, OP_ILT).v; /* a < b */
  struct scalar *p = scalar_of(x, op->in[0]), *q = scalar_of(x, op->in[1]);
  return scalar_number(largest ? scalar_select(x, less, q, p) : scalar_select(x, less, p, q));
}

static struct number select_op(struct fixing *x, const struct op *op) {
  struct value *c = number_of(x, op->in[0])->v;
  const struct number *a = number_of(x, op->in[1]), *b = number_of(x, op->in[2]);
  if (a->kind == NUMBER_SCALAR || b->kind == NUMBER_SCALAR)
    return scalar_number(scalar_select(x, c, scalar_of(x, op->in[1]), scalar_of(x, op->in[2])));
  struct format f = format_of_any(x, op, 1);
  struct value *y = int_select(x, c, to_format(x, op->in[1], f), to_format(x, op->in[2], f));
  return fixed(y, f.frac, y->type.elem == ELEM_I32 ? 32 : f.bits);
}

/* ---- functions --------------------------------------------------------------------------------------- */

/* `out`: digits of the result. */
static struct number fine_curve(struct fixing *x, struct number n, enum curve kind, int whole, int out) {
  enum { CURVE_FRAC = 30 }; /* of a curve's operand */
  if (n.frac < 0 || n.frac > CURVE_FRAC) {
    struct format f = {n.frac < 0 ? 0 : CURVE_FRAC, n.frac < 0 ? 32 : n.bits};
    n = fixed(reformat(x, n.v, n.frac, n.bits, f), f.frac, f.bits);
  }
  struct attrs attr = {
      .curve = kind, .frac = n.frac, .out_frac = out, .segments = x->segments, .bits = out + whole + 1};
  return fixed(build(&x->b, OP_CURVE, 1, &n.v, &attr, NULL)->out[0], out, out + whole + 1);
}

static struct number curve(struct fixing *x, struct number n, enum curve kind, int whole) {
  return fine_curve(x, n, kind, whole, least(16, x->word - 2));
}

static struct number sigmoid(struct fixing *x, struct number n) {
  return curve(x, n, CURVE_SIGMOID, 1);
}

static struct number silu(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]), s = sigmoid(x, n);
  struct format f = format_of(x, op->out[0]);
  struct value *shift = int_const(x, n.frac + s.frac - f.frac);
  return fixed(int_mulshift(x, n.v, s.v, shift, f.bits), f.frac, f.bits);
}

/* tanh(a) = 2 sigmoid(2 a) - 1 */
static struct number hyperbolic(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]);
  struct number s =
      sigmoid(x, (struct number){.kind = NUMBER_FIXED, .v = n.v, .frac = n.frac - 1, .bits = n.bits});
  int frac = s.frac - 1; /* of 2 sigmoid */
  return fixed(int_sub(x, s.v, int_const(x, ldexp(1, frac)), frac + 2), frac, frac + 2);
}

/* floor(n) as an integer */
static struct value *whole_part(struct fixing *x, struct value *v, int frac) {
  if (frac <= 0)
    return int_mulshift(x, v, int_const(x, 1), int_const(x, frac), 32);
  struct value *below = int_sub(x, v, int_const(x, ldexp(1, frac - 1)), 32);
  return int_mulshift(x, below, int_const(x, 1), int_const(x, frac), 32);
}

/* 2^t = 2^floor(t) * 2^(t - floor(t)); t has `frac` digits. *whole: floor(t); the other factor. */
static struct number exp2_parts(struct fixing *x, struct value *t, int frac, struct value **whole) {
  *whole = whole_part(x, t, frac);
  struct value *back = int_mulshift(x, *whole, int_const(x, 1), int_const(x, -frac), 32);
  struct number part = fixed(int_sub(x, t, back, frac + 2), frac, frac + 2);
  return fine_curve(x, part, CURVE_EXP2, 2, least(frac, x->word - 2));
}

struct number power_of_two_of(struct fixing *x, struct value *t, int frac, struct format f) {
  struct value *whole;
  struct number p = exp2_parts(x, t, frac, &whole);
  struct value *shift = int_sub(x, int_const(x, p.frac - f.frac), whole, 32);
  return fixed(int_mulshift(x, p.v, int_const(x, 1), shift, f.bits), f.frac, f.bits);
}

/* Of a power's exponent and mantissa: a decay is raised to a power by every token. */
static int power_digits(const struct fixing *x) {
  return x->word > 24 ? 20 : 16;
}

/* v 2^-frac log2(e), with power_digits */
static struct value *times_log2e(struct fixing *x, struct value *v, int frac) {
  double log2e = 1.4426950408889634;
  struct value *by = int_const(x, rint(ldexp(log2e, 30)));
  struct atom a = power_digits(x) > 16 ? (struct atom){by, int_const(x, 30), false} : atom_const(x, log2e);
  return int_mulshift(x, v, a.m, int_add(x, a.e, int_const(x, frac - power_digits(x)), 16), 32);
}

/* Without a useful bound it keeps its exponent. */
static struct number exponential(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]);
  struct value *t = times_log2e(x, n.v, n.frac);
  if (is_narrow(x, range_at(x, op->out[0])))
    return power_of_two_of(x, t, power_digits(x), format_of(x, op->out[0]));
  struct value *whole;
  struct number p = exp2_parts(x, t, power_digits(x), &whole);
  return scalar_number(
      scalar_atom(x, (struct atom){p.v, int_sub(x, int_const(x, p.frac), whole, 32), false}));
}

/* log(1 + e), e = exp(-|n|), with all digits where it is small: e (1 - e (1/2 - e (1/3 - e / 4))) below 1/8.
 */
static struct number log_of_one_and(struct fixing *x, struct number n) {
  enum { FRAC = 30, ONE = 1 << FRAC };
  struct value *less = int_sub(x, int_const(x, 0), magnitude_of(x, n, NULL), 32);
  struct value *e =
      power_of_two_of(x, times_log2e(x, less, n.frac), power_digits(x), (struct format){FRAC, 32}).v;
  struct value *h = int_const(x, ONE / 4.0), *by = int_const(x, FRAC);
  for (int k = 3; k > 0; k--)
    h = int_sub(x, int_const(x, rint((double)ONE / k)), int_mulshift(x, e, h, by, 32), 32);
  struct value *small = int_mulshift(x, e, h, by, 32);
  struct number l = curve(x, fixed(e, FRAC, 32), CURVE_LOG2, 1);
  struct number large = scale_by(x, l, scalar_new(x, 0.6931471805599453), (struct format){FRAC, 32});
  struct value *is_small = int_op(x, OP_ILT, 2, (struct value *[]){e, int_const(x, ONE / 8)}, 0);
  return fixed(int_select(x, is_small, small, large.v), FRAC, 32);
}

/* max(n, 0) + log(1 + exp(-|n|)) in a format */
static struct number soft_plus(struct fixing *x, struct number n, struct format f) {
  enum { COARSE = 16 }; /* digits that one curve has */
  struct number tail =
      f.frac > COARSE ? log_of_one_and(x, n)
                      : curve(x, fixed(magnitude_of(x, n, NULL), n.frac, n.bits), CURVE_SOFTPLUS_TAIL, 0);
  struct value *above = int_op(x, OP_IMAX, 2, (struct value *[]){n.v, int_const(x, 0)}, 32);
  struct value *in[] = {reformat(x, above, n.frac, 32, (struct format){f.frac, 32}),
                        reformat(x, tail.v, tail.frac, tail.bits, (struct format){f.frac, 32})};
  return fixed(int_op(x, OP_IADD, 2, in, f.bits), f.frac, f.bits);
}

/* log(sigmoid(a)) = -softplus(-a): a sigmoid of 16 digits has lost its logarithm where it is small. */
static struct number log_sigmoid(struct fixing *x, const struct op *op) {
  struct number n = negative(x, as_fixed(x, op->in[0]->def->in[0]));
  return negative(x, soft_plus(x, n, format_of(x, op->out[0])));
}

/* log(v 2^-e) = ln 2 (top - e + log2(1 + rest)), v = 2^top (1 + rest) */
static struct number logarithm(struct fixing *x, const struct op *op) {
  enum { DIGITS = 16 };
  if (op_is(op->in[0]->def, OP_SIGMOID))
    return log_sigmoid(x, op);
  struct number *old = number_of(x, op->in[0]);
  struct atom n = old->kind == NUMBER_SCALAR ? materialise(x, old->s) : (struct atom){0};
  if (!n.m) {
    struct number v = as_fixed(x, op->in[0]);
    n = (struct atom){v.v, int_const(x, v.frac), false};
  }
  struct value *top = int_op(x, OP_ILOG2, 1, &n.m, 8);
  struct value *m = int_mulshift(x, n.m, int_const(x, 1), int_sub(x, top, int_const(x, DIGITS), 8), 32);
  struct number rest = fixed(int_sub(x, m, int_const(x, ldexp(1, DIGITS)), DIGITS + 2), DIGITS, DIGITS + 2);
  struct number l = curve(x, rest, CURVE_LOG2, 1);
  struct value *whole = int_sub(x, top, n.e, 16);
  struct value *sum = int_add(x, int_mulshift(x, whole, int_const(x, 1), int_const(x, -l.frac), 32), l.v, 32);
  return scale_by(x, fixed(sum, l.frac, 32), scalar_new(x, 0.6931471805599453), format_of(x, op->out[0]));
}

static struct number root_op(struct fixing *x, const struct op *op, bool inverse) {
  bool own = number_of(x, op->in[0])->kind == NUMBER_SCALAR || type_count(op->out[0]->type, NULL) == 1 ||
             !is_narrow(x, range_at(x, op->out[0]));
  if (inverse)
    warn_of_pole(x, op, op->in[0]);
  struct scalar *s = scalar_root(x, scalar_of(x, op->in[0]), inverse);
  if (own)
    return scalar_number(s);
  struct format f = format_of(x, op->out[0]);
  return fixed(scalar_fixed(x, s, f), f.frac, f.bits);
}

/* ---- rounding ---------------------------------------------------------------------------------------- */

/* v * 2^-drop, drop > 0, in a named rounding mode. `mulshift` rounds half up. */
static struct value *round_shift(struct fixing *x, struct value *v, int drop, enum rounding mode, int bits) {
  struct value *one = int_const(x, 1), *shift = int_const(x, drop), *zero = int_const(x, 0);
  double half = ldexp(1, drop - 1);
  struct value *up = int_mulshift(x, v, one, shift, bits);
  struct value *negative_v = mode == ROUND_HALF_EVEN || mode == ROUND_FLOOR
                                 ? NULL
                                 : int_op(x, OP_ILT, 2, (struct value *[]){v, zero}, 0);
  struct value *floored = int_mulshift(x, int_sub(x, v, int_const(x, half), 32), one, shift, bits);
  switch (mode) {
  case ROUND_FLOOR: return floored;
  case ROUND_TRUNCATE: { /* below zero: the ceiling */
    struct value *ceiling = int_mulshift(x, int_add(x, v, int_const(x, half - 1), 32), one, shift, bits);
    return int_select(x, negative_v, ceiling, floored);
  }
  case ROUND_HALF_AWAY: { /* below zero: half down */
    struct value *down = int_mulshift(x, int_sub(x, v, one, 32), one, shift, bits);
    return int_select(x, negative_v, down, up);
  }
  default: break;
  }
  /* Half to even: `up` is one too far where the rest is half a step and `up` is odd. */
  struct value *wide = int_mulshift(x, v, one, shift, 32);
  struct value *over = int_sub(x, int_mulshift(x, wide, one, int_const(x, -drop), 32), v, 32);
  struct value *tie = int_op(x, OP_IEQ, 2, (struct value *[]){over, int_const(x, half)}, 0);
  struct value *half_down = int_mulshift(x, int_sub(x, wide, one, 32), one, one, 32); /* floor(wide / 2) */
  struct value *even = int_mulshift(x, half_down, int_const(x, 2), zero, 32);
  struct value *chosen = int_select(x, tie, even, wide);
  return int_mulshift(x, chosen, one, zero, bits);
}

struct number codes_op(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]);
  const struct number *s = number_of(x, op->in[1]);
  int e, bits = op->attr.bits;
  struct value *q;
  if (s->kind == NUMBER_CONST && s->c > 0 && power_of_two(s->c, &e)) {
    int drop = n.frac - e;
    q = drop > 0 ? round_shift(x, n.v, drop, op->attr.round, bits)
                 : int_mulshift(x, n.v, int_const(x, 1), int_const(x, drop), bits);
  } else {
    struct atom a = materialise(x, scalar_of(x, op->in[1]));
    q = int_mulshift(x, n.v, a.m, int_add(x, a.e, int_const(x, n.frac), 16), bits);
  }
  return (struct number){.kind = NUMBER_PLAIN, .v = q};
}

static struct number rounded(struct fixing *x, const struct op *op, enum rounding mode) {
  struct number n = as_fixed(x, op->in[0]);
  if (n.frac <= 0)
    return n;
  return fixed(round_shift(x, n.v, n.frac, mode, n.bits), 0, n.bits);
}

/* ---- all --------------------------------------------------------------------------------------------- */

static struct number convert_op(struct fixing *x, const struct op *op) {
  const struct number *n = number_of(x, op->in[0]);
  switch (op->in[0]->type.elem) {
  case ELEM_I8: return fixed(n->v, 0, 8);
  case ELEM_I16: return fixed(n->v, 0, 16);
  case ELEM_I32: return fixed(n->v, 0, 32);
  case ELEM_BOOL: return fixed(int_select(x, n->v, int_const(x, 1), int_const(x, 0)), 0, 2);
  case ELEM_F32: return *n;
  default:
    fix_error(x, op, "a %s cannot become a fixed-point number", elem_name(op->in[0]->type.elem));
    return (struct number){.kind = NUMBER_CONST};
  }
}

static struct number refused(struct fixing *x, const struct op *op) {
  fix_error(x, op, "has no form on integers; what is computed from weights and numbers alone can have it");
  return (struct number){.kind = NUMBER_CONST};
}

#define RULE(name, result)                                                                                   \
  static struct number name(struct fixing *x, const struct op *op) {                                         \
    return result;                                                                                           \
  }
RULE(neg_op, negative(x, as_fixed(x, op->in[0])))
RULE(sqrt_op, root_op(x, op, false))
RULE(rsqrt_op, root_op(x, op, true))
RULE(sigmoid_op, sigmoid(x, as_fixed(x, op->in[0])))
RULE(softplus_op, soft_plus(x, as_fixed(x, op->in[0]), format_of(x, op->out[0])))
RULE(floor_op, rounded(x, op, ROUND_FLOOR))
RULE(round_op, rounded(x, op, op->attr.round))
RULE(sub_op, aligned_op(x, op, OP_ISUB))
RULE(min_op, extreme(x, op, false))
RULE(max_op, extreme(x, op, true))
RULE(lt_op, compare_op(x, op, OP_ILT))
RULE(le_op, compare_op(x, op, OP_ILE))
RULE(eq_op, compare_op(x, op, OP_IEQ))

static struct number abs_op(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]);
  return fixed(magnitude_of(x, n, NULL), n.frac, 32);
}

static struct number relu_op(struct fixing *x, const struct op *op) {
  struct number n = as_fixed(x, op->in[0]);
  return fixed(int_op(x, OP_IMAX, 2, (struct value *[]){n.v, int_const(x, 0)}, n.bits), n.frac, n.bits);
}

static struct number add_op(struct fixing *x, const struct op *op) {
  const struct number *a = number_of(x, op->in[0]), *b = number_of(x, op->in[1]);
  bool scalars = a->kind == NUMBER_SCALAR || b->kind == NUMBER_SCALAR;
  bool one = type_count(op->out[0]->type, NULL) == 1 || (is_scalar(a) && is_scalar(b));
  if (scalars && one && range_at(x, op->in[0]).lo >= 0 && range_at(x, op->in[1]).lo >= 0)
    return scalar_number(scalar_add(x, scalar_of(x, op->in[0]), scalar_of(x, op->in[1])));
  return aligned_op(x, op, OP_IADD);
}

number_function *const fixed_map[OP_COUNT] = {
    [OP_NEG] = neg_op,       [OP_ABS] = abs_op,         [OP_EXP] = exponential,
    [OP_ORDINAL] = refused,  [OP_SIN] = refused,        [OP_COS] = refused,
    [OP_POW] = refused,      [OP_LOG] = logarithm,      [OP_SQRT] = sqrt_op,
    [OP_RSQRT] = rsqrt_op,   [OP_SIGMOID] = sigmoid_op, [OP_SILU] = silu,
    [OP_TANH] = hyperbolic,  [OP_RELU] = relu_op,       [OP_SOFTPLUS] = softplus_op,
    [OP_FLOOR] = floor_op,   [OP_ROUND] = round_op,     [OP_CONVERT] = convert_op,
    [OP_ADD] = add_op,       [OP_SUB] = sub_op,         [OP_MUL] = times,
    [OP_DIV] = divide,       [OP_MIN] = min_op,         [OP_MAX] = max_op,
    [OP_LT] = lt_op,         [OP_LE] = le_op,           [OP_EQ] = eq_op,
    [OP_SELECT] = select_op, [OP_CODES] = codes_op,
};

/* composites.c: the bodies of the operators that are made of others, one function each; see composites.h.
 *
 * The order of operands and operators in a body is the order of roundings on every engine: to change it is to
 * change the bits of every model that uses the operator. A statement makes its operands one after another, so
 * that every C compiler numbers them alike. */
#include "ir/composites.h"

#include <math.h>

struct composite_body {
  struct builder *b;
  const struct attrs *attr;
  bool by_step; /* composites that the body names stay operators */
};

typedef struct composite body_function(struct composite_body *f, struct value *x);
static body_function *const bodies[OP_COUNT];

/* ---- what bodies are written in ---------------------------------------------------------------------- */

static struct value *number(struct composite_body *f, double value) {
  return build_const(f->b, value, type_scalar(ELEM_F32));
}

static struct value *add(struct composite_body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_ADD, x, y);
}

static struct value *sub(struct composite_body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_SUB, x, y);
}

static struct value *mul(struct composite_body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_MUL, x, y);
}

static struct value *over(struct composite_body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_DIV, x, y);
}

static struct value *largest(struct composite_body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_MAX, x, y);
}

/* Of an operator without attributes. */
static struct value *of(struct composite_body *f, enum opcode code, struct value *x) {
  return bodies[code] && !f->by_step ? bodies[code](f, x).value : build1(f->b, code, x);
}

static int last_axis(const struct value *x) {
  return x->type.rank - 1;
}

/* Along the last axis. */
static struct value *sum(struct composite_body *f, struct value *x) {
  return build_axis(f->b, OP_SUM, x, last_axis(x));
}

static struct value *mean(struct composite_body *f, struct value *x) {
  struct value *all = sum(f, x);
  return over(f, all, number(f, (double)x->type.dim[last_axis(x)]));
}

/* 1 / sqrt(square + eps) */
static struct value *norm_factor(struct composite_body *f, struct value *square) {
  return of(f, OP_RSQRT, add(f, square, number(f, f->attr->eps)));
}

static struct composite only(struct value *value) {
  return (struct composite){.value = value};
}

/* ---- element by element ------------------------------------------------------------------------------ */

/* 1 / (1 + exp(-x)) */
static struct composite sigmoid(struct composite_body *f, struct value *x) {
  struct value *e = of(f, OP_EXP, of(f, OP_NEG, x)), *one = number(f, 1);
  return only(over(f, one, add(f, one, e)));
}

/* x * sigmoid(x) */
static struct composite silu(struct composite_body *f, struct value *x) {
  return only(mul(f, x, of(f, OP_SIGMOID, x)));
}

/* 2 * sigmoid(2 * x) - 1 */
static struct composite hyperbolic_tangent(struct composite_body *f, struct value *x) {
  struct value *two = number(f, 2), *one = number(f, 1);
  return only(sub(f, mul(f, two, of(f, OP_SIGMOID, mul(f, two, x))), one));
}

/* x * sigmoid(x * (a + b * (x * x))), a = 2 sqrt(2 / pi), b = 0.044715 a: as 0.5 x (1 + tanh(...)), but a
 * large x gives x, and a large -x 0. */
static struct composite gelu(struct composite_body *f, struct value *x) {
  const double a = 1.5957691216057308;
  struct value *one = number(f, a), *three = number(f, 0.044715 * a);
  struct value *slope = add(f, one, mul(f, three, mul(f, x, x)));
  return only(mul(f, x, of(f, OP_SIGMOID, mul(f, x, slope))));
}

/* max(x, 0) + log(1 + exp(-|x|)) */
static struct composite softplus(struct composite_body *f, struct value *x) {
  struct value *positive = largest(f, x, number(f, 0));
  struct value *e = of(f, OP_EXP, of(f, OP_NEG, of(f, OP_ABS, x)));
  return only(add(f, positive, of(f, OP_LOG, add(f, number(f, 1), e))));
}

/* c[0] x^(n-1) + ... + c[n-1], by Horner's rule */
static struct value *polynomial(struct composite_body *f, struct value *x, const double *c, int n) {
  struct value *y = number(f, c[0]);
  for (int i = 1; i < n; i++)
    y = add(f, mul(f, y, x), number(f, c[i]));
  return y;
}

/* 1 - t exp(q(t) - a^2), t = 1 / (1 + a / 2): Numerical Recipes' erfc, whose error is 1.2e-7 of erfc. */
static struct value *erf_from_one(struct composite_body *f, struct value *a) {
  static const double q[] = {0.17087277,  -0.82215223, 1.48851587, -1.13520398, 0.27886807,
                             -0.18628806, 0.09678418,  0.37409196, 1.00002368,  -1.26551223};
  struct value *one = number(f, 1), *half = number(f, 0.5);
  struct value *t = over(f, one, add(f, one, mul(f, a, half)));
  struct value *power = sub(f, polynomial(f, t, q, 10), mul(f, a, a));
  return sub(f, one, mul(f, t, of(f, OP_EXP, power)));
}

/* x p(x^2) below 1 (Cephes), from there on as above with the sign of x. */
static struct composite error_function(struct composite_body *f, struct value *x) {
  static const double p[] = {7.853861353153693e-5,  -8.010193625184903e-4, 5.188327685732524e-3,
                             -2.685381193529856e-2, 1.128358514861418e-1,  -3.761262582423300e-1,
                             1.128379165726710};
  struct value *a = of(f, OP_ABS, x), *one = number(f, 1), *least = build2(f->b, OP_MIN, a, one);
  struct value *small = mul(f, x, polynomial(f, mul(f, least, least), p, 7));
  struct value *large = erf_from_one(f, a), *minus = of(f, OP_NEG, large);
  struct value *below = build2(f->b, OP_LT, x, number(f, 0));
  struct value *outside = build3(f->b, OP_SELECT, below, minus, large);
  return only(build3(f->b, OP_SELECT, build2(f->b, OP_LT, a, one), small, outside));
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

/* x * rsqrt(sum(x * x) / n + eps) */
static struct composite rmsnorm(struct composite_body *f, struct value *x) {
  return only(mul(f, x, norm_factor(f, mean(f, mul(f, x, x)))));
}

/* d = x - sum(x) / n; d * rsqrt(sum(d * d) / n + eps) */
static struct composite layernorm(struct composite_body *f, struct value *x) {
  struct value *d = sub(f, x, mean(f, x));
  return only(mul(f, d, norm_factor(f, mean(f, mul(f, d, d)))));
}

/* x * rsqrt(sum(x * x) + eps) */
static struct composite l2norm(struct composite_body *f, struct value *x) {
  return only(mul(f, x, norm_factor(f, sum(f, mul(f, x, x)))));
}

/* e = exp(x - amax(x)); e / sum(e) */
static struct composite softmax(struct composite_body *f, struct value *x) {
  struct value *top = build_axis(f->b, OP_AMAX, x, f->attr->axis);
  struct value *e = of(f, OP_EXP, sub(f, x, top));
  return only(over(f, e, build_axis(f->b, OP_SUM, e, f->attr->axis)));
}

/* Pairs of elements `distance` apart become sum and difference. x: f32[..., blocks, 2, distance] */
static struct value *butterfly(struct composite_body *f, struct value *x) {
  int axis = last_axis(x) - 1;
  struct value *a = build_slice(f->b, x, axis, 0, 1), *b = build_slice(f->b, x, axis, 1, 2);
  struct value *both[] = {add(f, a, b), sub(f, a, b)};
  return build(f->b, OP_CONCAT, 2, both, &(struct attrs){.axis = axis}, NULL)->out[0];
}

/* Distances 1, 2, 4, ..., then over sqrt(block). */
static struct composite hadamard(struct composite_body *f, struct value *x) {
  struct type given = x->type, t = {.elem = ELEM_F32};
  int64_t all = 1, block = f->attr->group;
  for (int i = 0; i < given.rank; i++)
    all *= given.dim[i] < 0 ? 1 : given.dim[i];
  if (given.dim[0] < 0)
    t.dim[t.rank++] = given.dim[0];
  t.rank += 3;
  t.dim[t.rank - 2] = 2;
  for (int64_t distance = 1; distance < block; distance *= 2) {
    t.dim[t.rank - 3] = all / (2 * distance);
    t.dim[t.rank - 1] = distance;
    x = butterfly(f, build_reshape(f->b, x, t));
  }
  x = build_reshape(f->b, x, given);
  return only(mul(f, x, number(f, 1 / sqrt((double)block))));
}

/* ---- quantisers -------------------------------------------------------------------------------------- */

/* (2^(bits-1) - 1) / max(absmax(x), 1e-5) of each vector along the last axis, or 2^frac */
static struct value *quantiser_scale(struct composite_body *f, struct value *x) {
  if (f->attr->frac != FRAC_DYNAMIC)
    return number(f, ldexp(1, f->attr->frac));
  struct value *top = build_axis(f->b, OP_ABSMAX, x, last_axis(x));
  struct value *bounded = largest(f, top, number(f, TERN_LEAST_MAGNITUDE));
  return over(f, number(f, ldexp(1, f->attr->bits - 1) - 1), bounded);
}

/* codes(x, s), s */
static struct composite quantize(struct composite_body *f, struct value *x) {
  struct value *scale = quantiser_scale(f, x);
  struct attrs attr = {.bits = f->attr->bits, .round = f->attr->round};
  struct value *codes = build(f->b, OP_CODES, 2, (struct value *[]){x, scale}, &attr, NULL)->out[0];
  return (struct composite){codes, scale};
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static body_function *const bodies[OP_COUNT] = {
    [OP_SIGMOID] = sigmoid,     [OP_SILU] = silu,          [OP_TANH] = hyperbolic_tangent,
    [OP_SOFTPLUS] = softplus,   [OP_GELU] = gelu,          [OP_RMSNORM] = rmsnorm,
    [OP_LAYERNORM] = layernorm, [OP_L2NORM] = l2norm,      [OP_SOFTMAX] = softmax,
    [OP_QUANTIZE] = quantize,   [OP_ERF] = error_function, [OP_HADAMARD] = hadamard,
};

bool composite_known(enum opcode code) {
  return bodies[code] != NULL;
}

struct composite composite_build(struct builder *b, const struct op *op, struct value *const *in) {
  return bodies[op->code](&(struct composite_body){b, &op->attr, false}, in[0]);
}

struct composite composite_step(struct builder *b, const struct op *op, struct value *const *in) {
  return bodies[op->code](&(struct composite_body){b, &op->attr, true}, in[0]);
}

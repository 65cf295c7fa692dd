/* composites.c: the bodies of the operators that are made of others, one function each; see composites.h.
 *
 * The order of operands and operators in a body is the order of roundings on every engine: to change it is to
 * change the bits of every model that uses the operator. A statement makes its operands one after another, so
 * that every C compiler numbers them alike. */
#include "ir/composites.h"

#include <math.h>

struct body {
  struct builder *b;
  const struct attrs *attr;
};

typedef struct composite body_function(struct body *f, struct value *x);

/* ---- what bodies are written in ---------------------------------------------------------------------- */

static struct value *number(struct body *f, double value) {
  return build_const(f->b, value, type_scalar(ELEM_F32));
}

static struct value *add(struct body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_ADD, x, y);
}

static struct value *sub(struct body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_SUB, x, y);
}

static struct value *mul(struct body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_MUL, x, y);
}

static struct value *over(struct body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_DIV, x, y);
}

static struct value *largest(struct body *f, struct value *x, struct value *y) {
  return build2(f->b, OP_MAX, x, y);
}

static struct value *of(struct body *f, enum opcode code, struct value *x) {
  return build1(f->b, code, x);
}

static int last_axis(const struct value *x) {
  return x->type.rank - 1;
}

/* Of the last axis: the sum, over its length. */
static struct value *mean(struct body *f, struct value *x) {
  struct value *sum = build_axis(f->b, OP_SUM, x, last_axis(x));
  return over(f, sum, number(f, (double)x->type.dim[last_axis(x)]));
}

static struct composite only(struct value *value) {
  return (struct composite){.value = value};
}

/* ---- element by element ------------------------------------------------------------------------------ */

/* 1 / (1 + exp(-x)) */
static struct value *logistic(struct body *f, struct value *x) {
  struct value *e = of(f, OP_EXP, of(f, OP_NEG, x)), *one = number(f, 1);
  return over(f, one, add(f, one, e));
}

static struct composite sigmoid(struct body *f, struct value *x) {
  return only(logistic(f, x));
}

/* x * sigmoid(x) */
static struct composite silu(struct body *f, struct value *x) {
  return only(mul(f, x, logistic(f, x)));
}

/* 2 * sigmoid(2 * x) - 1 */
static struct composite hyperbolic_tangent(struct body *f, struct value *x) {
  struct value *two = number(f, 2), *one = number(f, 1);
  return only(sub(f, mul(f, two, logistic(f, mul(f, two, x))), one));
}

/* max(x, 0) + log(1 + exp(-|x|)) */
static struct composite softplus(struct body *f, struct value *x) {
  struct value *positive = largest(f, x, number(f, 0));
  struct value *e = of(f, OP_EXP, of(f, OP_NEG, of(f, OP_ABS, x)));
  return only(add(f, positive, of(f, OP_LOG, add(f, number(f, 1), e))));
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

/* x * rsqrt(sum(x * x) / n + eps) */
static struct composite rmsnorm(struct body *f, struct value *x) {
  struct value *squares = mean(f, mul(f, x, x));
  return only(mul(f, x, of(f, OP_RSQRT, add(f, squares, number(f, f->attr->eps)))));
}

/* e = exp(x - amax(x)); e / sum(e) */
static struct composite softmax(struct body *f, struct value *x) {
  struct value *top = build_axis(f->b, OP_AMAX, x, f->attr->axis);
  struct value *e = of(f, OP_EXP, sub(f, x, top));
  return only(over(f, e, build_axis(f->b, OP_SUM, e, f->attr->axis)));
}

/* ---- quantisers -------------------------------------------------------------------------------------- */

#define LEAST_MAGNITUDE 1e-5 /* below it a vector's largest element does not set the scale */

/* (2^(bits-1) - 1) / max(absmax(x), 1e-5) of each vector along the last axis, or 2^frac */
static struct value *quantiser_scale(struct body *f, struct value *x) {
  if (f->attr->frac != FRAC_DYNAMIC)
    return number(f, ldexp(1, f->attr->frac));
  struct value *top = build_axis(f->b, OP_ABSMAX, x, last_axis(x));
  struct value *bounded = largest(f, top, number(f, LEAST_MAGNITUDE));
  return over(f, number(f, ldexp(1, f->attr->bits - 1) - 1), bounded);
}

/* codes(x, s), s */
static struct composite quantize(struct body *f, struct value *x) {
  struct value *scale = quantiser_scale(f, x);
  struct attrs attr = {.bits = f->attr->bits, .round = f->attr->round};
  struct value *codes = build(f->b, OP_CODES, 2, (struct value *[]){x, scale}, &attr, NULL)->out[0];
  return (struct composite){codes, scale};
}

/* ---- all of them ------------------------------------------------------------------------------------- */

static body_function *const bodies[OP_COUNT] = {
    [OP_SIGMOID] = sigmoid, [OP_SILU] = silu,       [OP_TANH] = hyperbolic_tangent, [OP_SOFTPLUS] = softplus,
    [OP_RMSNORM] = rmsnorm, [OP_SOFTMAX] = softmax, [OP_QUANTIZE] = quantize,
};

bool composite_known(enum opcode code) {
  return bodies[code] != NULL;
}

struct composite composite_build(struct builder *b, const struct op *op, struct value *const *in) {
  struct body f = {b, &op->attr};
  return bodies[op->code](&f, in[0]);
}

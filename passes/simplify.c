/* simplify.c: algebraic identities and constant folding.
 *
 * requires   nothing (not planned memory).
 * maintains  every value, bit for bit (a NaN may change its payload). Not here, because they are not exact in
 *            floats: x + 0 and 0 + x (-0 + 0 is 0), x * 0 (NaN, infinity, -0), x - x, 0 - x (its sign at 0).
 * breaks     nothing; leaves operators that are no longer used to dce.
 *
 * One function a rule, one row an equation in the table below; a rule gives the value that stands for the
 * operator's result, or NULL. Rules run until none applies. */
#include "passes/pass.h"

#include "ir/composites.h"
#include "ir/integer_ops.h"
#include "ir/real.h"
#include "passes/rewrite.h"
#include "support/whole.h"
#include <math.h>
#include <string.h>

/* ---- what rules ask and make ------------------------------------------------------------------------- */

/* x with the shape of op's result: what an element-wise operator gives when its other operands only stretch
 * it. */
static struct value *stretched(struct builder *b, const struct op *op, struct value *x) {
  const struct type *t = &op->out[0]->type;
  return type_equal(x->type, *t) ? x : build(b, OP_BROADCAST, 1, &x, NULL, t)->out[0];
}

static bool const_is(const struct value *v, double x) {
  double c;
  return value_const(v, &c) && c == x && signbit(c) == signbit(x);
}

/* The operand beside a constant x in a product or sum; NULL when there is none. */
static struct value *beside(const struct op *op, double x) {
  return const_is(op->in[1], x) ? op->in[0] : const_is(op->in[0], x) ? op->in[1] : NULL;
}

/* The operand of v's operator when that has this code. */
static struct value *operand_of(const struct value *v, enum opcode code) {
  return op_is(v->def, code) ? v->def->in[0] : NULL;
}

/* ---- element-wise ------------------------------------------------------------------------------------ */

static struct value *times_one(struct builder *b, struct op *op) {
  struct value *x = beside(op, 1);
  return x ? stretched(b, op, x) : NULL;
}

static struct value *times_minus_one(struct builder *b, struct op *op) {
  struct value *x = beside(op, -1);
  return x ? build1(b, OP_NEG, stretched(b, op, x)) : NULL;
}

static struct value *plus_minus_zero(struct builder *b, struct op *op) {
  struct value *x = beside(op, -0.0);
  return x ? stretched(b, op, x) : NULL;
}

static struct value *minus_zero(struct builder *b, struct op *op) {
  return const_is(op->in[1], 0) ? stretched(b, op, op->in[0]) : NULL;
}

static struct value *plus_negated(struct builder *b, struct op *op) {
  struct value *y = operand_of(op->in[1], OP_NEG), *x = operand_of(op->in[0], OP_NEG);
  return y ? build2(b, OP_SUB, op->in[0], y) : x ? build2(b, OP_SUB, op->in[1], x) : NULL;
}

static struct value *minus_negated(struct builder *b, struct op *op) {
  struct value *y = operand_of(op->in[1], OP_NEG);
  return y ? build2(b, OP_ADD, op->in[0], y) : NULL;
}

static struct value *over_one(struct builder *b, struct op *op) {
  return const_is(op->in[1], 1) ? stretched(b, op, op->in[0]) : NULL;
}

/* 1 / c is exact and normal, so x / c and x * (1 / c) round the same real number. */
static struct value *over_power_of_two(struct builder *b, struct op *op) {
  double c;
  int e;
  if (!value_const(op->in[1], &c) || fabs(frexp(c, &e)) != 0.5 || e < -120 || e > 120)
    return NULL;
  return build2(b, OP_MUL, op->in[0], build_const(b, 1 / c, op->in[1]->type));
}

static struct value *twice_negated(struct builder *b, struct op *op) {
  (void)b;
  return operand_of(op->in[0], OP_NEG);
}

static struct value *abs_of_negated(struct builder *b, struct op *op) {
  struct value *x = operand_of(op->in[0], OP_NEG);
  return x ? build1(b, OP_ABS, x) : NULL;
}

/* f(f(x)) = f(x) */
static struct value *once_is_enough(struct builder *b, struct op *op) {
  (void)b;
  return op_is(op->in[0]->def, op->code) ? op->in[0] : NULL;
}

static struct value *both_same(struct builder *b, struct op *op) {
  (void)b;
  return op->in[0] == op->in[1] ? op->in[0] : NULL;
}

/* x for an integer operator whose exact result is x, where clamping changes nothing either. */
static struct value *exactly(struct builder *b, const struct op *op, struct value *x) {
  bool holds = x->type.elem == op->out[0]->type.elem && op->attr.bits >= 8 * elem_bytes(x->type.elem);
  return holds ? stretched(b, op, x) : NULL;
}

static struct value *plus_zero(struct builder *b, struct op *op) {
  struct value *x = beside(op, 0);
  return x ? exactly(b, op, x) : NULL;
}

static struct value *less_zero(struct builder *b, struct op *op) {
  return const_is(op->in[1], 0) ? exactly(b, op, op->in[0]) : NULL;
}

static struct value *times_one_unshifted(struct builder *b, struct op *op) {
  struct value *x = beside(op, 1);
  return x && const_is(op->in[2], 0) ? exactly(b, op, x) : NULL;
}

static struct value *both_same_integers(struct builder *b, struct op *op) {
  return op->in[0] == op->in[1] ? exactly(b, op, op->in[0]) : NULL;
}

static struct value *choice_known(struct builder *b, struct op *op) {
  double c;
  if (op->in[1] == op->in[2])
    return stretched(b, op, op->in[1]);
  return value_const(op->in[0], &c) ? stretched(b, op, op->in[c != 0 ? 1 : 2]) : NULL;
}

/* An element-wise operator stretches its operands itself. */
static struct value *without_broadcast(struct builder *b, struct op *op) {
  struct value *in[3];
  bool any = false;
  for (int i = 0; i < op->n_in; i++) {
    struct value *narrow = operand_of(op->in[i], OP_BROADCAST);
    in[i] = narrow ? narrow : op->in[i];
    any |= narrow != NULL;
  }
  struct type t = type_scalar(ELEM_F32);
  for (int i = 0; i < op->n_in; i++)
    if (!type_broadcast(t, in[i]->type, &t))
      return NULL;
  return any && type_same_shape(t, op->out[0]->type)
             ? build(b, op->code, op->n_in, in, &op->attr, NULL)->out[0]
             : NULL;
}

/* Every operand a constant: the interpreter's own function of one element, on integers or in float32. */
static struct value *of_constants(struct builder *b, struct op *op) {
  double c[3] = {0}, y;
  bool floats = op->out[0]->type.elem == ELEM_F32;
  for (int i = 0; i < op->n_in; i++) {
    if (!value_const(op->in[i], &c[i]))
      return NULL;
    floats |= op->in[i]->type.elem == ELEM_F32;
  }
  if (op_info[op->code].flags & COMPOSITE)
    return composite_build(b, op, op->in).value; /* whose operators have constants too */
  if (!(floats ? real32[op->code] != NULL : integer_ops[op->code] != NULL))
    return NULL;
  if (!floats)
    y = (double)integer_ops[op->code]((int64_t)c[0], (int64_t)c[1], (int64_t)c[2], &op->attr);
  else
    y = (double)real32[op->code]((float)c[0], (float)c[1], (float)c[2], &op->attr);
  if (op->code == OP_CODES)
    y = (double)integer_saturate(whole_within(y, INT64_MIN, INT64_MAX), op->attr.bits);
  return build_const(b, y, op->out[0]->type);
}

static struct value *convert_nothing(struct builder *b, struct op *op) {
  (void)b;
  return type_equal(op->in[0]->type, op->out[0]->type) ? op->in[0] : NULL;
}

static struct value *convert_constant(struct builder *b, struct op *op) {
  double c;
  bool to_float = op->out[0]->type.elem == ELEM_F32;
  return value_const(op->in[0], &c) ? build_const(b, to_float ? (double)(float)c : c, op->out[0]->type)
                                    : NULL;
}

/* ---- moving ------------------------------------------------------------------------------------------ */

/* Elements that are all equal stay so wherever they go. */
static struct value *move_constant(struct builder *b, struct op *op) {
  double c;
  return value_const(op->in[0], &c) ? build_const(b, c, op->out[0]->type) : NULL;
}

static struct value *to_same_shape(struct builder *b, struct op *op) {
  return convert_nothing(b, op);
}

/* reshape of reshape, broadcast of broadcast: the last shape counts. */
static struct value *twice_shaped(struct builder *b, struct op *op) {
  struct value *x = operand_of(op->in[0], op->code);
  return x ? build(b, op->code, 1, &x, NULL, &op->out[0]->type)->out[0] : NULL;
}

static struct value *slice_of_slice(struct builder *b, struct op *op) {
  const struct op *inner = op->in[0]->def;
  if (!op_is(inner, OP_SLICE) || inner->attr.axis != op->attr.axis)
    return NULL;
  int64_t begin = inner->attr.begin;
  return build_slice(b, inner->in[0], op->attr.axis, begin + op->attr.begin, begin + op->attr.end);
}

static struct value *slice_of_concat(struct builder *b, struct op *op) {
  const struct op *inner = op->in[0]->def;
  int axis = op->attr.axis;
  if (!op_is(inner, OP_CONCAT) || inner->attr.axis != axis)
    return NULL;
  int64_t begin = 0;
  for (int i = 0; i < inner->n_in; i++) {
    int64_t end = begin + inner->in[i]->type.dim[axis];
    if (op->attr.begin >= begin && op->attr.end <= end)
      return build_slice(b, inner->in[i], axis, op->attr.begin - begin, op->attr.end - begin);
    begin = end;
  }
  return NULL;
}

static struct value *concat_of_one(struct builder *b, struct op *op) {
  (void)b;
  return op->n_in == 1 ? op->in[0] : NULL;
}

static struct value *transpose_nothing(struct builder *b, struct op *op) {
  (void)b;
  for (int k = 0; k < op->in[0]->type.rank; k++)
    if (op->attr.perm[k] != k)
      return NULL;
  return op->in[0];
}

static struct value *transpose_of_transpose(struct builder *b, struct op *op) {
  const struct op *inner = op->in[0]->def;
  struct attrs attr = {0};
  if (!op_is(inner, OP_TRANSPOSE))
    return NULL;
  for (int k = 0; k < op->in[0]->type.rank; k++)
    attr.perm[k] = inner->attr.perm[op->attr.perm[k]];
  return build(b, OP_TRANSPOSE, 1, inner->in, &attr, NULL)->out[0];
}

/* ---- the rules --------------------------------------------------------------------------------------- */

static const struct {
  enum opcode code;
  struct value *(*apply)(struct builder *b, struct op *op);
} rules[] = {
    {OP_MUL, times_one},                    /* x * 1 = x */
    {OP_MUL, times_minus_one},              /* x * -1 = -x */
    {OP_ADD, plus_minus_zero},              /* x + -0 = x */
    {OP_ADD, plus_negated},                 /* x + -y = x - y */
    {OP_SUB, minus_zero},                   /* x - 0 = x */
    {OP_SUB, minus_negated},                /* x - -y = x + y */
    {OP_DIV, over_one},                     /* x / 1 = x */
    {OP_DIV, over_power_of_two},            /* x / 2^k = x * 2^-k */
    {OP_NEG, twice_negated},                /* -(-x) = x */
    {OP_ABS, abs_of_negated},               /* |-x| = |x| */
    {OP_ABS, once_is_enough},               /* ||x|| = |x| */
    {OP_RELU, once_is_enough},              /* relu(relu(x)) = relu(x) */
    {OP_FLOOR, once_is_enough},             /* floor(floor(x)) = floor(x) */
    {OP_ROUND, once_is_enough},             /* round(round(x)) = round(x), in any modes */
    {OP_MIN, both_same},                    /* min(x, x) = x */
    {OP_MAX, both_same},                    /* max(x, x) = x */
    {OP_IADD, plus_zero},                   /* sat(x + 0) = x, where x has no more than `bits` bits */
    {OP_ISUB, less_zero},                   /* sat(x - 0) = x */
    {OP_MULSHIFT, times_one_unshifted},     /* sat(x * 1 * 2^0) = x */
    {OP_IMIN, both_same_integers},          /* sat(min(x, x)) = x */
    {OP_IMAX, both_same_integers},          /* */
    {OP_SELECT, choice_known},              /* true ? a : b = a, c ? x : x = x */
    {OP_CONVERT, convert_nothing},          /* x to its own type = x */
    {OP_CONVERT, convert_constant},         /* a constant to a type = a constant */
    {OP_RESHAPE, to_same_shape},            /* x in its own shape = x */
    {OP_RESHAPE, twice_shaped},             /* (x in shape s) in shape t = x in shape t */
    {OP_RESHAPE, move_constant},            /* a constant in a shape = a constant */
    {OP_BROADCAST, to_same_shape},          /* as for reshape */
    {OP_BROADCAST, twice_shaped},           /* */
    {OP_BROADCAST, move_constant},          /* */
    {OP_SLICE, to_same_shape},              /* the whole of x = x */
    {OP_SLICE, slice_of_slice},             /* x[a..b][c..d] = x[a+c..a+d] */
    {OP_SLICE, slice_of_concat},            /* a slice within one part of (x, y) = a slice of that part */
    {OP_SLICE, move_constant},              /* as for reshape */
    {OP_CONCAT, concat_of_one},             /* (x) = x */
    {OP_TRANSPOSE, transpose_nothing},      /* x in its own order of axes = x */
    {OP_TRANSPOSE, transpose_of_transpose}, /* (x by p) by q = x by p[q] */
    {OP_TRANSPOSE, move_constant},          /* as for reshape */
    {OP_INDEX, move_constant},              /* */
};
enum { RULES = sizeof rules / sizeof *rules };

struct simplify {
  struct module *m;
  bool changed;
};

static struct value *apply_rules(struct builder *b, struct op *op) {
  struct value *v = NULL;
  for (int i = 0; i < RULES && !v; i++)
    if (rules[i].code == op->code)
      v = rules[i].apply(b, op);
  if (!v && op_info[op->code].flags & MAP)
    v = of_constants(b, op);
  if (!v && op_info[op->code].flags & MAP && op->code != OP_CONVERT)
    v = without_broadcast(b, op);
  return v;
}

static void visit(struct op *op, void *data) {
  struct simplify *s = data;
  use_forwarded(op);
  if (op->n_out != 1 || op->body)
    return;
  struct builder b = builder_before(s->m, op);
  struct value *v = apply_rules(&b, op);
  if (!v)
    return;
  forward_op(op, v);
  s->changed = true;
}

/* Every rule takes an operator away or brings in one that no rule turns back, so this ends. */
bool pass_simplify(struct module *m, const struct pass_context *c) {
  (void)c;
  int errors = m->diag->errors; /* rules that made something poisoned may go on for ever */
  for (struct func *f = m->funcs; f; f = f->next) {
    struct simplify s = {.m = m, .changed = true};
    while (s.changed && m->diag->errors == errors) {
      s.changed = false;
      walk(f->body, visit, &s);
      settle_forwarded(f->body);
    }
  }
  return true;
}

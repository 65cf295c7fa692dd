/* adjoints.c: one rule an operator. With y the result, d its cotangent, each operand x gains d * dy/dx.
 *
 * Composites have no rules: their bodies are gone through (ir/composites.h), but for those whose rule is much
 * shorter. Straight-through (Bengio et al. 2013, arXiv 1308.3432): the derivative of `quantize` and of a
 * ternary weight by its master is that of the identity. Of steps (floor, round, comparisons) it is 0. */
#include "passes/training/derivative.h"

#include "ir/composites.h"
#include "passes/rewrite.h"

typedef void rule(struct frame *f, struct op *op, struct value *d);

/* ---- what rules are written in ----------------------------------------------------------------------- */

static struct value *number(struct frame *f, double value) {
  return build_const(&f->b, value, type_scalar(ELEM_F32));
}

static struct value *mul(struct frame *f, struct value *x, struct value *y) {
  return build2(&f->b, OP_MUL, x, y);
}

static struct value *over(struct frame *f, struct value *x, struct value *y) {
  return build2(&f->b, OP_DIV, x, y);
}

static struct value *negative(struct frame *f, struct value *x) {
  return build1(&f->b, OP_NEG, x);
}

static struct value *choose(struct frame *f, struct value *condition, struct value *yes, struct value *no) {
  return build3(&f->b, OP_SELECT, condition, yes, no);
}

static void give(struct frame *f, struct op *op, int i, struct value *d) {
  cotangent_add(f, op->in[i], d);
}

/* ---- element by element ------------------------------------------------------------------------------ */

static void of_neg(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, negative(f, d));
}

/* d, or -d where x < 0 */
static struct value *signed_by(struct frame *f, struct value *x, struct value *d) {
  return choose(f, build2(&f->b, OP_LT, x, number(f, 0)), negative(f, d), d);
}

static void of_abs(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, signed_by(f, op->in[0], d));
}

static void of_exp(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, mul(f, d, op->out[0]));
}

static void of_log(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, over(f, d, op->in[0]));
}

static void of_sin(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, mul(f, d, build1(&f->b, OP_COS, op->in[0])));
}

static void of_cos(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, negative(f, mul(f, d, build1(&f->b, OP_SIN, op->in[0]))));
}

/* d / (2 y) */
static void of_sqrt(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, over(f, mul(f, d, number(f, 0.5)), op->out[0]));
}

/* -d y^3 / 2 */
static void of_rsqrt(struct frame *f, struct op *op, struct value *d) {
  struct value *y = op->out[0], *cube = mul(f, mul(f, y, y), y);
  give(f, op, 0, mul(f, d, mul(f, cube, number(f, -0.5))));
}

/* d y (1 - y) */
static void of_sigmoid(struct frame *f, struct op *op, struct value *d) {
  struct value *y = op->out[0], *rest = build2(&f->b, OP_SUB, number(f, 1), y);
  give(f, op, 0, mul(f, d, mul(f, y, rest)));
}

static void of_relu(struct frame *f, struct op *op, struct value *d) {
  struct value *zero = number(f, 0);
  give(f, op, 0, choose(f, build2(&f->b, OP_LT, zero, op->in[0]), d, zero));
}

static void of_add(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, d);
  give(f, op, 1, d);
}

static void of_sub(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, d);
  give(f, op, 1, negative(f, d));
}

static void of_mul(struct frame *f, struct op *op, struct value *d) {
  struct value *a = op->in[0], *b = op->in[1];
  give(f, op, 0, mul(f, d, b));
  give(f, op, 1, mul(f, d, a));
}

/* d / b, and -d y / b */
static void of_div(struct frame *f, struct op *op, struct value *d) {
  struct value *a = over(f, d, op->in[1]);
  give(f, op, 0, a);
  give(f, op, 1, negative(f, mul(f, a, op->out[0])));
}

/* d b a^(b - 1), 0 where b is 0; and d y log(a), 0 where a is not above 0. */
static void of_pow(struct frame *f, struct op *op, struct value *d) {
  struct value *a = op->in[0], *b = op->in[1], *zero = number(f, 0), *one = number(f, 1);
  struct value *slope = mul(f, b, build2(&f->b, OP_POW, a, build2(&f->b, OP_SUB, b, one)));
  give(f, op, 0, mul(f, d, choose(f, build2(&f->b, OP_EQ, b, zero), zero, slope)));
  struct value *positive = build2(&f->b, OP_LT, zero, a);
  struct value *log = build1(&f->b, OP_LOG, choose(f, positive, a, one));
  give(f, op, 1, mul(f, d, choose(f, positive, mul(f, op->out[0], log), zero)));
}

/* To operand `yes` where the condition holds, to the other where it does not. */
static void give_chosen(struct frame *f, struct op *op, struct value *condition, int yes, int no,
                        struct value *d) {
  struct value *zero = number(f, 0);
  give(f, op, yes, choose(f, condition, d, zero));
  give(f, op, no, choose(f, condition, zero, d));
}

static void of_min(struct frame *f, struct op *op, struct value *d) {
  give_chosen(f, op, build2(&f->b, OP_LT, op->in[1], op->in[0]), 1, 0, d);
}

static void of_max(struct frame *f, struct op *op, struct value *d) {
  give_chosen(f, op, build2(&f->b, OP_LT, op->in[0], op->in[1]), 1, 0, d);
}

static void of_select(struct frame *f, struct op *op, struct value *d) {
  give_chosen(f, op, op->in[0], 1, 2, d);
}

/* f32 to f32; of other types nothing is kept */
static void of_identity(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, d);
}

/* A step has no slope, and a leaf no operands. */
static void of_nothing(struct frame *f, struct op *op, struct value *d) {
  (void)f, (void)op, (void)d;
}

/* ---- along an axis ----------------------------------------------------------------------------------- */

static struct value *stretched(struct frame *f, struct value *d, struct type t) {
  return build(&f->b, OP_BROADCAST, 1, &d, NULL, &t)->out[0];
}

static void of_sum(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, stretched(f, d, op->in[0]->type));
}

/* To the elements that equal the largest, in equal shares. */
static struct value *shares(struct frame *f, struct op *op, struct value *x, struct value *d) {
  struct value *largest = build2(&f->b, OP_EQ, x, op->out[0]);
  struct value *ones = choose(f, largest, number(f, 1), number(f, 0));
  return mul(f, ones, over(f, d, build_axis(&f->b, OP_SUM, ones, op->attr.axis)));
}

static void of_amax(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, shares(f, op, op->in[0], d));
}

static void of_absmax(struct frame *f, struct op *op, struct value *d) {
  struct value *x = op->in[0];
  give(f, op, 0, signed_by(f, x, shares(f, op, build1(&f->b, OP_ABS, x), d)));
}

/* The sum from each element on: all, less what came before. */
static void of_cumsum(struct frame *f, struct op *op, struct value *d) {
  struct value *all = build_axis(&f->b, OP_SUM, d, op->attr.axis);
  struct value *so_far = build2(&f->b, OP_SUB, build_axis(&f->b, OP_CUMSUM, d, op->attr.axis), d);
  give(f, op, 0, build2(&f->b, OP_SUB, all, so_far));
}

/* y (d - sum(d y)) */
static void of_softmax(struct frame *f, struct op *op, struct value *d) {
  struct value *y = op->out[0], *sum = build_axis(&f->b, OP_SUM, mul(f, d, y), op->attr.axis);
  give(f, op, 0, mul(f, y, build2(&f->b, OP_SUB, d, sum)));
}

/* H is symmetric. */
static void of_hadamard(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, build(&f->b, OP_HADAMARD, 1, &d, &op->attr, NULL)->out[0]);
}

/* ---- products ---------------------------------------------------------------------------------------- */

static struct value *as_float(struct frame *f, struct value *x) {
  bool quantised = x->type.elem == ELEM_Q8 || x->type.elem == ELEM_Q16;
  return quantised ? build1(&f->b, OP_DEQUANTIZE, x) : x;
}

/* The same elements with an axis of length 1 at the end, or before the last one. */
static struct value *with_one(struct frame *f, struct value *x, bool at_end) {
  struct type t = x->type;
  t.dim[t.rank] = at_end ? 1 : t.dim[t.rank - 1];
  if (!at_end)
    t.dim[t.rank - 1] = 1;
  t.rank++;
  return build_reshape(&f->b, x, t);
}

/* d[..., m] and x[..., n] without a dimension of the call: the sum over the leading axes of d x. */
static struct value *matrix_from_rows(struct frame *f, struct value *d, struct value *x) {
  return mul(f, with_one(f, d, true), with_one(f, as_float(f, x), false));
}

/* Row k of the second axis: [T, k, n] -> [T, n] */
static struct value *part_of_token(struct frame *f, struct value *x, int64_t k) {
  struct type t = x->type;
  t.dim[1] = t.dim[2];
  t.rank = 2;
  return build_reshape(&f->b, build_slice(&f->b, x, 1, k, k + 1), t);
}

/* [T, k..., n] -> [T, K, n] */
static struct value *three_axes(struct frame *f, struct value *x) {
  struct type t = x->type;
  int64_t k = 1, n = t.dim[t.rank - 1];
  for (int i = 1; i + 1 < t.rank; i++)
    k *= t.dim[i];
  t.rank = 3;
  t.dim[1] = k;
  t.dim[2] = n;
  return build_reshape(&f->b, x, t);
}

/* An operator that changes a state by `n` values, at the indices of `like` (NULL: it has none). */
static void change(struct frame *f, enum opcode code, int n, struct value *const *values, const char *state,
                   const struct op *like) {
  int indices = like ? like->n_in : 0;
  struct value **in = arena_array(f->d->m->arena, struct value *, n + indices);
  for (int i = 0; i < n + indices; i++)
    in[i] = i < n ? values[i] : like->in[i - n];
  build(&f->b, code, n + indices, in, &(struct attrs){.symbol = state}, NULL);
}

static void add_outer(struct frame *f, struct value *d, struct value *x, const char *state,
                      const struct op *like) {
  change(f, OP_OUTER, 2, (struct value *[]){d, x}, state, like);
}

static void add_rows(struct frame *f, struct value *d, struct value *i, const char *state,
                     const struct op *like) {
  change(f, OP_SCATTER, 2, (struct value *[]){d, i}, state, like);
}

/* Adds the sum over tokens of d x to the state. A token may have several of both. */
static void add_outers(struct frame *f, struct value *d, struct value *x, const char *state,
                       const struct op *like) {
  if (x->type.rank == 2) {
    add_outer(f, d, x, state, like);
    return;
  }
  d = three_axes(f, d);
  x = three_axes(f, as_float(f, x));
  for (int64_t k = 0; k < d->type.dim[1]; k++)
    add_outer(f, part_of_token(f, d, k), part_of_token(f, x, k), state, like);
}

/* Adds to a state, as add_outers and add_rows do. */
typedef void adder(struct frame *f, struct value *d, struct value *x, const char *state,
                   const struct op *like);

/* To what is no weight: the sum has a state of its own, which begins with 0. */
static void give_sum(struct frame *f, struct op *op, adder *add, struct value *d, struct value *x) {
  struct module *m = f->d->m;
  struct type t = cotangent_type(op->in[0]->type);
  const char *sum = arena_printf(m->arena, "sum.%d", f->d->sums++);
  struct value *zero = build_const(&f->b, 0, t);
  state_like(m, sum, t, 0, NULL, op->at);
  change(f, OP_WRITE, 1, &zero, sum, NULL);
  add(f, d, x, sum, NULL);
  give(f, op, 0, build(&f->b, OP_READ, 0, NULL, &(struct attrs){.symbol = sum}, NULL)->out[0]);
}

/* To operand 0, a matrix or a table: what `add` makes of d and x. */
static void give_added(struct frame *f, struct op *op, adder *add, struct value *d, struct value *x) {
  struct op *weight = op->in[0]->def;
  if (op_is(weight, OP_WEIGHT))
    add(f, d, x, gradient_of(f, weight), weight);
  else
    give_sum(f, op, add, d, x);
}

static void of_matmul(struct frame *f, struct op *op, struct value *d) {
  struct value *w = op->in[0], *x = op->in[1];
  give(f, op, 1, build2(&f->b, OP_MATMUL_BACK, w, d));
  if (x->type.dim[0] < 0)
    give_added(f, op, add_outers, d, x);
  else
    give(f, op, 0, matrix_from_rows(f, d, x));
}

/* ---- moving ------------------------------------------------------------------------------------------ */

static void of_reshape(struct frame *f, struct op *op, struct value *d) {
  give(f, op, 0, build_reshape(&f->b, d, cotangent_type(op->in[0]->type)));
}

static void of_transpose(struct frame *f, struct op *op, struct value *d) {
  struct attrs back = {0};
  for (int k = 0; k < op->in[0]->type.rank; k++)
    back.perm[op->attr.perm[k]] = k;
  give(f, op, 0, build(&f->b, OP_TRANSPOSE, 1, &d, &back, NULL)->out[0]);
}

static struct value *zeros(struct frame *f, struct type t, int axis, int64_t length) {
  t.dim[axis] = length;
  return build_const(&f->b, 0, t);
}

/* Zeros stand where nothing was taken. */
static void of_slice(struct frame *f, struct op *op, struct value *d) {
  int axis = op->attr.axis, n = 0;
  int64_t begin = op->attr.begin, end = op->attr.end, length = op->in[0]->type.dim[axis];
  struct value *parts[3];
  if (begin > 0)
    parts[n++] = zeros(f, d->type, axis, begin);
  parts[n++] = d;
  if (end < length)
    parts[n++] = zeros(f, d->type, axis, length - end);
  give(f, op, 0, build(&f->b, OP_CONCAT, n, parts, &(struct attrs){.axis = axis}, NULL)->out[0]);
}

static void of_concat(struct frame *f, struct op *op, struct value *d) {
  int64_t at = 0;
  for (int i = 0; i < op->n_in; i++) {
    int64_t n = op->in[i]->type.dim[op->attr.axis];
    give(f, op, i, build_slice(&f->b, d, op->attr.axis, at, at + n));
    at += n;
  }
}

/* d where the row is the one that was taken, 0 elsewhere. */
static struct value *row_alone(struct frame *f, struct op *op, struct value *d) {
  struct type t = op->in[0]->type, scalar = type_scalar(ELEM_F32);
  struct value *i = build(&f->b, OP_CONVERT, 1, &op->in[1], NULL, &scalar)->out[0];
  return choose(f, build2(&f->b, OP_EQ, count_up(&f->b, t.dim[0], t.rank), i), d, number(f, 0));
}

static void of_index(struct frame *f, struct op *op, struct value *d) {
  if (op->in[1]->type.rank == 0)
    give(f, op, 0, row_alone(f, op, d));
  else
    give_added(f, op, add_rows, d, op->in[1]);
}

/* ---- symbols ----------------------------------------------------------------------------------------- */

const char *gradient_of(struct frame *f, const struct op *weight) {
  struct module *m = f->d->m;
  const struct weight *w = weight_find(m, weight->attr.symbol);
  const char *name = arena_printf(m->arena, "grad.%s", w->name);
  return state_like(m, name, cotangent_type(w->type), w->n_counts, w->counts, w->at)->name;
}

/* The gradient of an instance is summed over all that uses it. */
static void of_weight(struct frame *f, struct op *op, struct value *d) {
  const char *gradient = gradient_of(f, op);
  struct attrs attr = {.symbol = gradient};
  struct value *so_far = build(&f->b, OP_READ, op->n_in, op->in, &attr, NULL)->out[0];
  struct value *sum = build2(&f->b, OP_ADD, so_far, d);
  change(f, OP_WRITE, 1, &sum, gradient, op);
}

/* ---- what tokens see ----------------------------------------------------------------------------------- */

/* The state @back.NAME sums the cotangents of a past's rows, over all tokens that see them. */
static const char *back_of(struct frame *f, const struct op *op) {
  struct module *m = f->d->m;
  const struct state *s = state_find(m, op->attr.symbol);
  const char *name = arena_printf(m->arena, "back.%s", s->name);
  return state_like(m, name, cotangent_type(s->type), s->n_counts, s->counts, s->at)->name;
}

static void of_seen(struct frame *f, struct op *op, struct value *d) {
  struct value **in = arena_array(f->d->m->arena, struct value *, op->n_in + 1);
  in[0] = d;
  memcpy(in + 1, op->in, sizeof *in * (size_t)op->n_in);
  build(&f->b, OP_SEEN_BACK, op->n_in + 1, in, &(struct attrs){.symbol = back_of(f, op)}, NULL);
}

/* All tokens that see the rows of this call's have been gone back through. Their rows are 0 again then: of a
 * window an earlier token's takes the place. */
void go_back_append(struct frame *f, struct op *op) {
  struct value *row = op->in[0];
  if (row->type.elem != ELEM_F32)
    return;
  struct attrs attr = {.symbol = back_of(f, op)};
  f->b.at = op->at;
  struct value *d = build(&f->b, OP_APPEND_BACK, op->n_in - 1, op->in + 1, &attr, NULL)->out[0];
  cotangent_add(f, row, d);
  struct value **in = arena_array(f->d->m->arena, struct value *, op->n_in);
  memcpy(in, op->in, sizeof *in * (size_t)op->n_in);
  in[0] = build_const(&f->b, 0, row->type);
  build(&f->b, OP_APPEND, op->n_in, in, &attr, NULL);
}

/* ---- the table --------------------------------------------------------------------------------------- */

static rule *const rules[OP_COUNT] = {
    [OP_CONST] = of_nothing,
    [OP_POSITION] = of_nothing,
    [OP_AGE] = of_nothing,
    [OP_SEEN] = of_seen,
    [OP_WEIGHT] = of_weight,
    [OP_WSCALE] = of_nothing, /* a ternary weight's master gets it all */
    [OP_READ] = of_nothing,   /* what nothing writes; the others are in scans (scans.c) */
    [OP_NEG] = of_neg,
    [OP_ABS] = of_abs,
    [OP_EXP] = of_exp,
    [OP_LOG] = of_log,
    [OP_SIN] = of_sin,
    [OP_COS] = of_cos,
    [OP_SQRT] = of_sqrt,
    [OP_RSQRT] = of_rsqrt,
    [OP_SIGMOID] = of_sigmoid,
    [OP_RELU] = of_relu,
    [OP_FLOOR] = of_nothing,
    [OP_ROUND] = of_nothing,
    [OP_CONVERT] = of_identity,
    [OP_ADD] = of_add,
    [OP_SUB] = of_sub,
    [OP_MUL] = of_mul,
    [OP_DIV] = of_div,
    [OP_POW] = of_pow,
    [OP_MIN] = of_min,
    [OP_MAX] = of_max,
    [OP_LT] = of_nothing,
    [OP_LE] = of_nothing,
    [OP_EQ] = of_nothing,
    [OP_SELECT] = of_select,
    [OP_SUM] = of_sum,
    [OP_AMAX] = of_amax,
    [OP_ABSMAX] = of_absmax,
    [OP_SOFTMAX] = of_softmax,
    [OP_CUMSUM] = of_cumsum,
    [OP_HADAMARD] = of_hadamard,
    [OP_MATMUL] = of_matmul,
    [OP_QUANTIZE] = of_identity,
    [OP_DEQUANTIZE] = of_identity,
    [OP_RESHAPE] = of_reshape,
    [OP_BROADCAST] = of_identity, /* what was stretched is summed where it is added */
    [OP_TRANSPOSE] = of_transpose,
    [OP_SLICE] = of_slice,
    [OP_CONCAT] = of_concat,
    [OP_INDEX] = of_index,
};

/* Those that have no cotangent, or none where differentiate works, and why. */
static const char *const without[OP_COUNT] = {
    [OP_WRITE] = "an effect; scans.c goes through it with its scan",
    [OP_DEFINE] = "an effect",
    [OP_APPEND] = "an effect; go_back_append goes back through it",
    [OP_SEEN_BACK] = "differentiate makes it",
    [OP_APPEND_BACK] = "differentiate makes it",
    [OP_CODES] = "ternarize comes after",
    [OP_IADD] = "its result is an integer",
    [OP_ISUB] = "its result is an integer",
    [OP_IMIN] = "its result is an integer",
    [OP_IMAX] = "its result is an integer",
    [OP_MULSHIFT] = "its result is an integer",
    [OP_IDIV] = "its result is an integer",
    [OP_ISQRT] = "its result is an integer",
    [OP_ILOG2] = "its result is an integer",
    [OP_ILT] = "its result is a condition",
    [OP_ILE] = "its result is a condition",
    [OP_IEQ] = "its result is a condition",
    [OP_CURVE] = "its result is an integer",
    [OP_TERNARY_SUM] = "ternarize comes after",
    [OP_OUTER] = "differentiate makes it",
    [OP_MATMUL_BACK] = "differentiate makes it",
    [OP_TERNARY_BACK] = "ternarize comes after",
    [OP_SCATTER] = "differentiate makes it",
    [OP_NTH] = "its result is an integer",
    [OP_ORDINAL] = "its result is an integer",
    [OP_DITHER] = "optimise comes after",
    [OP_TAIL] = "the training form has none",
    [OP_REPEAT] = "repeats.c",
    [OP_SCAN] = "scans.c",
    [OP_KERNEL] = "fuse comes after",
    [OP_YIELD] = "scans.c, repeats.c",
    [OP_RETURN] = "the loss stands in its place",
};

bool adjoint_known(enum opcode code) {
  return rules[code] || without[code] || composite_known(code);
}

/* Through the body of a composite. Those that it names keep rules of their own: exp(-x) in a sigmoid may be
 * infinite, and the body's derivative NaN where that of the whole is 0. */
static void through_body(struct frame *f, struct op *op, struct value *d) {
  struct op *before = f->b.block->last;
  struct composite body = composite_step(&f->b, op, op->in);
  cotangent_add(f, body.value, d);
  struct op *last = f->b.block->last;
  for (struct op *at = last; at != before;) {
    struct op *prev = at->prev;
    struct value *of = at->n_out ? cotangent_of(f, at->out[0]) : NULL;
    if (of)
      adjoint(f, at, of);
    at = prev;
  }
}

bool adjoint(struct frame *f, struct op *op, struct value *d) {
  f->b.at = op->at;
  if (rules[op->code])
    rules[op->code](f, op, d);
  else if (op_info[op->code].flags & COMPOSITE)
    through_body(f, op, d);
  else
    return false;
  return true;
}

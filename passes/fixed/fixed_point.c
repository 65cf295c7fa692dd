/* fixed_point.c: float -> integers only, one stated format a value.
 *
 * requires   ternarize (norm-scale for codes that do not depend on a norm's rounding); the one-token form
 *            only, before merge-sums, batch-time and fuse. Ranges of weights where a checkpoint is at hand
 *            (struct weight: known).
 * maintains  int8 codes and exact int32 sums as the spec has them; every f32 value within the rounding of
 *            its format (format.c chooses it by ranges.h; docs/numerics.md states what it costs).
 * breaks     f32: step has integers only, and returns integers. `fold` computes them from the checkpoint's
 *            floats.
 *
 * A value's format is static: word bits, so many behind the point that its range fits. What has no static
 * range, the scales and norm factors of which there is one a vector, is a mantissa and an exponent, two
 * integers (scalar.c). Everything saturates. fixed.h has the kinds of numbers that values become, and which
 * file makes what. */
#include "passes/fixed/fixed.h"

#include "ir/composites.h"
#include "passes/fixed/range_impl.h"
#include "passes/pass.h"
#include "passes/rewrite.h"
#include <math.h>
#include <stdarg.h>

struct number *number_of(struct fixing *x, const struct value *old) {
  return &x->at[old->id];
}

struct range range_at(const struct fixing *x, const struct value *old) {
  return x->ranges->at[old->id];
}

void fix_error(struct fixing *x, const struct op *op, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  const char *text = arena_vprintf(x->m->arena, format, ap);
  va_end(ap);
  diag_at(x->m->diag, SEVERITY_ERROR, op->at, "fixed-point: %s: %s", op_info[op->code].text, text);
  x->ok = false;
}

/* ---- what only moves elements ------------------------------------------------------------------------ */

static struct value *moved(struct fixing *x, const struct op *op, struct value *v) {
  struct value *in[2] = {v, op->n_in > 1 ? number_of(x, op->in[1])->v : NULL};
  struct type t = op->out[0]->type;
  t.elem = v->type.elem;
  struct value *y = build(&x->b, op->code, op->n_in, in, &op->attr, &t)->out[0];
  y->frac = v->frac;
  return y;
}

static struct number concat_op(struct fixing *x, const struct op *op) {
  struct format f = format_of_any(x, op, 0);
  struct value **in = arena_array(x->m->arena, struct value *, op->n_in);
  bool same = true;
  for (int i = 0; i < op->n_in; i++) {
    in[i] = to_shaped(x, op->in[i], f);
    same &= in[i]->type.elem == in[0]->type.elem;
  }
  for (int i = 0; !same && i < op->n_in; i++)
    in[i] = reformat(x, in[i], f.frac, f.bits, (struct format){f.frac, 32});
  return fixed(build(&x->b, OP_CONCAT, op->n_in, in, &op->attr, NULL)->out[0], f.frac, same ? f.bits : 32);
}

static struct number move_op(struct fixing *x, const struct op *op) {
  struct number *n = number_of(x, op->in[0]);
  switch (n->kind) {
  case NUMBER_CONST: return *n;
  case NUMBER_SCALAR: {
    struct atom a = materialise(x, n->s);
    a.m = shaped(x, a.m, op->in[0]->type);
    a.e = a.e->type.rank ? shaped(x, a.e, op->in[0]->type) : a.e;
    return scalar_number(
        scalar_atom(x, (struct atom){moved(x, op, a.m), a.e->type.rank ? moved(x, op, a.e) : a.e, a.normal}));
  }
  case NUMBER_PLAIN: return (struct number){.kind = NUMBER_PLAIN, .v = moved(x, op, n->v)};
  default: return fixed(moved(x, op, n->v), n->frac, n->bits);
  }
}

/* ---- leaves and sums --------------------------------------------------------------------------------- */

static struct number const_op(struct fixing *x, const struct op *op) {
  if (op->out[0]->type.elem != ELEM_F32)
    return (struct number){.kind = NUMBER_PLAIN, .v = op->out[0]};
  if (op->out[0]->type.rank == 0)
    return (struct number){.kind = NUMBER_CONST, .c = op->attr.value};
  struct format f = format_of(x, op->out[0]);
  struct type t = op->out[0]->type;
  t.elem = ELEM_I32;
  return fixed(build_const(&x->b, saturated(rint(ldexp(op->attr.value, f.frac)), f.bits), t), f.frac, f.bits);
}

static struct number read_op(struct fixing *x, const struct op *op) {
  struct format f = state_format(x, state_find(x->m, op->attr.symbol));
  return fixed(build(&x->b, OP_READ, op->n_in, op->in, &op->attr, NULL)->out[0], f.frac, f.bits);
}

static void write_op(struct fixing *x, const struct op *op) {
  struct format f = state_format(x, state_find(x->m, op->attr.symbol));
  struct value *in[MAX_REPEATS + 1] = {to_shaped(x, op->in[0], f)};
  for (int i = 1; i < op->n_in; i++)
    in[i] = op->in[i];
  build(&x->b, OP_WRITE, op->n_in, in, &op->attr, NULL);
}

static struct number wscale_op(struct fixing *x, const struct op *op) {
  struct scalar *s = scalar_new(x, 1);
  vec_push(x->m->arena, s->factors, (struct factor){.wscale = op, .power = 1});
  return scalar_number(s);
}

static struct number ternary_sum_op(struct fixing *x, const struct op *op) {
  if (op->out[0]->type.elem == ELEM_F32) /* the operand may be an integer by now: what a repeat carries */
    return float_sum_op(x, op);
  struct value *in[] = {number_of(x, op->in[0])->v, number_of(x, op->in[1])->v};
  return (struct number){.kind = NUMBER_PLAIN,
                         .v = build(&x->b, OP_TERNARY_SUM, 2, in, &op->attr, NULL)->out[0]};
}

/* The rules by name; element-wise operators are in map.c. */
static number_function *const rules[OP_COUNT] = {
    [OP_CONST] = const_op,    [OP_WEIGHT] = weight_op,   [OP_WSCALE] = wscale_op,
    [OP_READ] = read_op,      [OP_SUM] = reduce_op,      [OP_AMAX] = reduce_op,
    [OP_ABSMAX] = reduce_op,  [OP_RMSNORM] = rmsnorm_op, [OP_SOFTMAX] = softmax_op,
    [OP_CUMSUM] = cumsum_op,  [OP_MATMUL] = matmul_op,   [OP_TERNARY_SUM] = ternary_sum_op,
    [OP_CONCAT] = concat_op,  [OP_RESHAPE] = move_op,    [OP_BROADCAST] = move_op,
    [OP_TRANSPOSE] = move_op, [OP_SLICE] = move_op,      [OP_INDEX] = move_op,
};

/* Why no rule is needed: pass_ready refuses modules that have such operators, or the walk treats them itself.
 */
static const char *const ruleless[OP_COUNT] = {
    [OP_QUANTIZE] = "ternarize comes before",   [OP_DEQUANTIZE] = "ternarize comes before",
    [OP_APPEND] = "refused with its place",     [OP_SEEN] = "refused with its place",
    [OP_POSITION] = "refused with its place",   [OP_AGE] = "refused with its place",
    [OP_WRITE] = "written by the walk",         [OP_DEFINE] = "stands in `fold`, which stays as it is",
    [OP_MATMUL_BACK] = "training keeps floats", [OP_TERNARY_BACK] = "training keeps floats",
    [OP_OUTER] = "training keeps floats",       [OP_SCATTER] = "training keeps floats",
    [OP_DITHER] = "optimise makes it",          [OP_SEEN_BACK] = "training keeps floats",
    [OP_APPEND_BACK] = "training keeps floats", [OP_NTH] = "differentiate makes it",
    [OP_TAIL] = "batch-time comes after",       [OP_SCAN] = "batch-time comes after",
    [OP_KERNEL] = "fuse comes after",           [OP_REPEAT] = "followed by the walk",
    [OP_YIELD] = "followed by the walk",        [OP_RETURN] = "followed by the walk",
};

static number_function *rule_of(enum opcode code) {
  return rules[code] ? rules[code] : fixed_map[code];
}

bool fixed_rule_named(enum opcode code) {
  return rule_of(code) != NULL;
}

bool fixed_rule_known(enum opcode code) {
  return fixed_rule_named(code) || ruleless[code] || composite_known(code) ||
         op_info[code].flags & INTEGER; /* the pass takes models of floats */
}

static struct number op_number(struct fixing *x, const struct op *op) {
  number_function *rule = rule_of(op->code);
  if (rule)
    return rule(x, op);
  fix_error(x, op, "has no fixed-point rule");
  return (struct number){.kind = NUMBER_CONST};
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

static bool is_real(const struct value *v) {
  return v->type.elem == ELEM_F32;
}

static void fix_block(struct fixing *x, struct block *b);

/* The format that a carried value keeps through all iterations. */
static struct format carried_format(const struct fixing *x, const struct op *op, int i) {
  struct range a = range_at(x, op->body->args[i + 1]), b = range_at(x, op->out[i]);
  return format_for(x, range_hull(a, b));
}

static enum elem elem_of(struct format f) {
  return f.bits <= 8 ? ELEM_I8 : f.bits <= 16 ? ELEM_I16 : ELEM_I32;
}

/* Integers throughout: the repeat keeps its place, its operands, arguments, yields and results change type.
 */
static void fix_repeat(struct fixing *x, struct op *op) {
  struct format *f = arena_array(x->m->arena, struct format, op->n_in + 1);
  bool *real = arena_array(x->m->arena, bool, op->n_in + 1);
  number_of(x, op->body->args[0])->kind = NUMBER_PLAIN;
  number_of(x, op->body->args[0])->v = op->body->args[0];
  for (int i = 0; i < op->n_in; i++) {
    struct value *arg = op->body->args[i + 1];
    real[i] = is_real(arg);
    f[i] = carried_format(x, op, i);
    op->in[i] = real[i] ? to_shaped(x, op->in[i], f[i]) : number_of(x, op->in[i])->v;
    arg->type.elem = real[i] ? elem_of(f[i]) : arg->type.elem;
    *number_of(x, arg) =
        real[i] ? fixed(arg, f[i].frac, f[i].bits) : (struct number){.kind = NUMBER_PLAIN, .v = arg};
  }
  fix_block(x, op->body);
  if (!x->ok)
    return;
  struct op *yield = op->body->last;
  x->b = builder_before(x->m, yield);
  for (int i = 0; i < op->n_out; i++) {
    yield->in[i] = real[i] ? to_shaped(x, yield->in[i], f[i]) : number_of(x, yield->in[i])->v;
    op->out[i]->type.elem = op->body->args[i + 1]->type.elem;
    *number_of(x, op->out[i]) = real[i] ? fixed(op->out[i], f[i].frac, f[i].bits)
                                        : (struct number){.kind = NUMBER_PLAIN, .v = op->out[i]};
  }
}

/* Logits are 32-bit integers of at most LOGIT_BITS: a float32 holds each exactly, so that the best one is the
 * same for whoever compares floats. */
static void fix_return(struct fixing *x, struct op *op) {
  for (int i = 0; i < op->n_in; i++) {
    if (!is_real(op->in[i])) {
      op->in[i] = number_of(x, op->in[i])->v;
      continue;
    }
    struct number n = as_fixed(x, op->in[i]);
    int drop = n.bits > LOGIT_BITS ? n.bits - LOGIT_BITS : 0;
    op->in[i] = reformat(x, n.v, n.frac, n.bits - drop, (struct format){n.frac - drop, 32});
    op->in[i]->frac = n.frac - drop;
  }
}

/* What the spec calls it, else what made it. */
static void name_number(struct number *n, const struct op *op) {
  const char *name = op->out[0]->name;
  if (!name && op->code != OP_WEIGHT && op->code != OP_CONST)
    name = op_info[op->code].text;
  if (n->v && n->v != op->out[0] && !n->v->name && n->v->def)
    n->v->name = name;
}

static void fix_op(struct fixing *x, struct op *op) {
  x->b = builder_before(x->m, op);
  switch (op->code) {
  case OP_REPEAT: fix_repeat(x, op); return;
  case OP_YIELD: return;
  case OP_RETURN: fix_return(x, op); return;
  case OP_WRITE: write_op(x, op); return;
  default: break;
  }
  if (op->n_out != 1 || op->body) {
    fix_error(x, op, "stands too late in the pipeline; the pass goes before batch-time and fuse");
    return;
  }
  struct number n = op_number(x, op);
  if (n.v) /* of numbers of the spec alone: they have no shape */
    n.v = shaped(x, n.v, op->out[0]->type);
  name_number(&n, op);
  note_guess(x, op, &n);
  *number_of(x, op->out[0]) = n;
}

/* What stood there before, but for what is kept. */
static bool kept(const struct fixing *x, const struct op *op) {
  return op->code == OP_REPEAT || op_info[op->code].flags & END ||
         (op->n_out == 1 && x->at[op->out[0]->id].v == op->out[0]);
}

static void fix_block(struct fixing *x, struct block *b) {
  VEC(struct op *) old = {0};
  for (struct op *op = b->first; op; op = op->next)
    vec_push(x->m->arena, old, op);
  for (int i = 0; x->ok && i < old.n; i++)
    fix_op(x, old.at[i]);
  for (int i = old.n; x->ok && i-- > 0;)
    if (!kept(x, old.at[i]))
      op_unlink(old.at[i]);
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

/* Segments of a curve: its error, step^2 / 8 of the second derivative, stays below the word's digits. */
static int segments_for(int word) {
  int s = word / 2;
  return s < 5 ? 5 : s > 9 ? 9 : s;
}

bool pass_fixed_point(struct module *m, const struct pass_context *c) {
  struct func *step = func_find(m, "step");
  struct fixing x = {.m = m, .word = c->word ? c->word : WORD_MOST, .ok = true};
  x.segments = segments_for(x.word);
  pass_composites(m, c);
  x.ranges = ranges_of(m, step);
  if (!x.ranges)
    return false;
  x.at = arena_array(m->arena, struct number, x.ranges->n);
  for (int i = 0; i < step->body->n_args; i++)
    *number_of(&x, step->body->args[i]) = (struct number){.kind = NUMBER_PLAIN, .v = step->body->args[i]};
  fix_states(&x);
  fix_block(&x, step->body);
  if (x.ok)
    warn_of_guesses(&x);
  return x.ok;
}

/* ternarize.c: products by weights of codes, ternary or wider, become ternary sums.
 *
 * requires   the spec's own operators: matmul, quantize, dequantize.
 * maintains  types and the meaning of every value, bit for bit: each replacement is the definition of what it
 *            replaces (docs/numerics.md).
 * breaks     nothing. Afterwards there is no quantised value, and no matmul but by f32 weights.
 *
 * The rewriting, for a quantised q = quantize(x), x f32[..., n]:
 *
 *   s = (2^(bits-1) - 1) / max(absmax(x), 1e-5)     f32[..., 1]; with frac: the constant 2^frac
 *   c = codes(x, s)                                 i8 or i16 [..., n]
 *
 *   matmul(W ternary, q) -> convert(ternary_sum(W, c)) / (s * wscale(W))        int32 inside the sum
 *   matmul(W ternary, x) -> ternary_sum(W, x) / wscale(W)                       f32: still only additions
 *   and so of W of wider codes, which floats are multiplied by
 *   matmul(W f32, q)     -> matmul(W, convert(c) / s)
 *   dequantize(q)        -> convert(c) / s
 *   matmul(W computed f32[m, n], x) -> sum(W * x) over the last axis            (a state's read-out, say)
 *   matmul_back(W ternary, d)       -> ternary_back(W, d / wscale(W))           (of a backward pass)
 *   matmul_back(W computed, d)      -> sum(W * d) over the axis before the last
 *   outer(a, q)                     -> outer(a / s, c)
 *   write q, @s; read @s            -> write c, @s; write s, @s.scale; and reads of both
 *
 * Scales a group of columns: the sum keeps a group axis, [..., m, g], each group is divided by its own scale,
 * and a float sum over g follows. All products of one quantised value share its codes. */
#include "passes/pass.h"

#include "ir/composites.h"
#include "passes/rewrite.h"

#include <string.h>

/* A quantised value and the two plain ones that it becomes. */
struct quantised {
  const struct value *q;
  struct value *codes, *scale;
};

struct ternarize {
  struct module *m;
  enum products products;
  VEC(struct quantised) done;
  bool ok;
};

/* ---- quantisers -------------------------------------------------------------------------------------- */

static void note_quantised(struct ternarize *t, struct value *q, struct value *codes, struct value *scale) {
  codes->name = q->name;
  q->id = t->done.n;
  vec_push(t->m->arena, t->done, (struct quantised){q, codes, scale});
}

static void split_quantize(struct ternarize *t, struct op *op) {
  struct builder b = builder_before(t->m, op);
  struct composite made = composite_build(&b, op, op->in);
  note_quantised(t, op->out[0], made.value, made.scale);
}

/* NULL: v is not quantised. A quantised value's id is its place in `done`. */
static const struct quantised *find_quantised(const struct ternarize *t, const struct value *v) {
  bool quantised = v->type.elem == ELEM_Q8 || v->type.elem == ELEM_Q16;
  return quantised ? &t->done.at[v->id] : NULL;
}

static struct value *to_float(struct builder *b, struct value *x) {
  struct type t = x->type;
  t.elem = ELEM_F32;
  return build(b, OP_CONVERT, 1, &x, NULL, &t)->out[0];
}

static struct value *dequantised(struct builder *b, const struct quantised *q) {
  return build2(b, OP_DIV, to_float(b, q->codes), q->scale);
}

/* ---- products ---------------------------------------------------------------------------------------- */

/* wscale of the instance that the operator `weight` names. */
static struct value *weight_scale(struct builder *b, const struct op *weight) {
  struct attrs attr = {.symbol = weight->attr.symbol};
  return build(b, OP_WSCALE, weight->n_in, weight->in, &attr, NULL)->out[0];
}

/* [..., m] -> [..., m, 1], to meet what has a group axis. */
static struct value *over_groups(struct builder *b, struct value *s) {
  struct type t = s->type;
  if (t.rank == 0)
    return s;
  t.dim[t.rank++] = 1;
  return build_reshape(b, s, t);
}

/* [..., m, g] -> [..., m] */
static struct value *sum_groups(struct builder *b, struct value *y) {
  struct value *sum = build_axis(b, OP_SUM, y, type_last(y->type));
  struct type t = sum->type;
  t.rank--;
  return build_reshape(b, sum, t);
}

static bool room_for_groups(struct ternarize *t, const struct op *matmul) {
  struct type x = matmul->in[1]->type;
  if (x.rank < MAX_RANK)
    return true;
  diag_at(t->m->diag, SEVERITY_ERROR, matmul->at,
          "%s: grouped scales against %s would need more than %d axes", op_info[matmul->code].text,
          type_text(t->m->arena, t->m, x), MAX_RANK);
  return false;
}

/* The product by the weight of codes that `weight` names. q: its quantised operand; NULL: the operand is f32.
 */
static struct value *ternary_product(struct ternarize *t, struct builder *b, struct op *matmul,
                                     const struct quantised *q) {
  const struct op *weight = matmul->in[0]->def;
  const struct weight *w = weight_find(t->m, weight->attr.symbol);
  bool grouped = w->scale == WSCALE_GROUP;
  if (grouped && !room_for_groups(t, matmul))
    return NULL;
  struct attrs attr = {0};
  if (grouped)
    attr.group = w->group < w->type.dim[1] ? w->group : w->type.dim[1];
  struct value *in[] = {matmul->in[0], q ? q->codes : matmul->in[1]};
  struct value *sum = build(b, OP_TERNARY_SUM, 2, in, &attr, NULL)->out[0];
  struct value *scale = weight_scale(b, weight);
  if (q)
    scale = build2(b, OP_MUL, grouped ? over_groups(b, q->scale) : q->scale, scale);
  struct value *y = build2(b, OP_DIV, q ? to_float(b, sum) : sum, scale);
  return grouped ? sum_groups(b, y) : y;
}

static struct value *product(struct ternarize *t, struct builder *b, struct op *op) {
  const struct quantised *q = find_quantised(t, op->in[1]);
  struct value *w = op->in[0], *x = op->in[1];
  if (elem_codes(w->type.elem))
    return ternary_product(t, b, op, q);
  if (q)
    x = dequantised(b, q);
  if (!op_is(w->def, OP_WEIGHT))
    return expand_product(b, w, x);
  return q ? build2(b, OP_MATMUL, w, x) : op->out[0];
}

/* ---- products of a backward pass --------------------------------------------------------------------- */

/* One division a scale instead of one a number. */
static struct value *reciprocal(struct builder *b, struct value *scale) {
  return build2(b, OP_DIV, build_const(b, 1, scale->type), scale);
}

static struct value *ternary_back(struct ternarize *t, struct builder *b, struct op *op) {
  const struct op *weight = op->in[0]->def;
  const struct weight *w = weight_find(t->m, weight->attr.symbol);
  struct value *d = op->in[1];
  struct attrs attr = {0};
  if (w->scale == WSCALE_GROUP) {
    if (!room_for_groups(t, op))
      return NULL;
    attr.group = w->group < w->type.dim[1] ? w->group : w->type.dim[1];
    d = over_groups(b, d);
  }
  d = build2(b, OP_MUL, d, reciprocal(b, weight_scale(b, weight)));
  attr.products = t->products;
  return build(b, OP_TERNARY_BACK, 2, (struct value *[]){op->in[0], d}, &attr, NULL)->out[0];
}

/* W[m, n], d[..., m] -> [..., n], for a matrix that is computed. */
static struct value *expand_back(struct builder *b, struct value *w, struct value *d) {
  struct type column = d->type, t = d->type;
  if (d->type.rank == MAX_RANK)
    return build_poison(b, t);
  column.dim[column.rank++] = 1;
  struct value *product = build2(b, OP_MUL, w, build_reshape(b, d, column));
  t.dim[t.rank - 1] = w->type.dim[1];
  return build_reshape(b, build_axis(b, OP_SUM, product, d->type.rank - 1), t);
}

static struct value *product_back(struct ternarize *t, struct builder *b, struct op *op) {
  struct value *w = op->in[0];
  if (w->type.elem == ELEM_TERNARY)
    return ternary_back(t, b, op);
  return op_is(w->def, OP_WEIGHT) ? op->out[0] : expand_back(b, w, op->in[1]);
}

/* In its place: codes, and what they are multiplied with over their scale. */
static void rewrite_outer(struct ternarize *t, struct op *op) {
  const struct quantised *q = find_quantised(t, op->in[1]);
  struct builder b = builder_before(t->m, op);
  if (!q)
    return;
  op->in[0] = build2(&b, OP_MUL, op->in[0], reciprocal(&b, q->scale));
  op->in[1] = q->codes;
  if (q->codes->type.elem == ELEM_I8)
    op->attr.products = t->products;
}

/* ---- quantised states: codes, and their scales in a state beside them --------------------------------- */

static struct state *scales_of(struct ternarize *t, const struct state *s) {
  const char *name = arena_printf(t->m->arena, "%s.scale", s->name);
  struct state *scales = state_find(t->m, name);
  if (scales)
    return scales;
  struct type type = s->type;
  type.elem = ELEM_F32;
  type.dim[type.rank - 1] = 1;
  scales = state_add(t->m, name, type);
  scales->n_counts = s->n_counts;
  memcpy(scales->counts, s->counts, sizeof s->counts);
  scales->at = s->at;
  return scales;
}

static struct state *quantised_state(const struct ternarize *t, const struct op *op) {
  struct state *s = state_find(t->m, op->attr.symbol);
  return s->type.elem == ELEM_Q8 || s->type.elem == ELEM_Q16 ? s : NULL;
}

static struct type codes_type(struct type t) {
  t.elem = t.elem == ELEM_Q8 ? ELEM_I8 : ELEM_I16;
  return t;
}

/* The states become codes at the end (become_codes); until then what is made here is not looked at again. */
static void rewrite_write(struct ternarize *t, struct op *op) {
  const struct state *s = quantised_state(t, op);
  if (!s)
    return;
  const struct quantised *q = find_quantised(t, op->in[0]);
  struct builder b = builder_before(t->m, op);
  struct value **in = arena_array(t->m->arena, struct value *, op->n_in);
  memcpy(in, op->in, sizeof *in * (size_t)op->n_in);
  in[0] = q->scale;
  build(&b, OP_WRITE, op->n_in, in, &(struct attrs){.symbol = scales_of(t, s)->name}, NULL);
  op->in[0] = q->codes;
}

static void rewrite_read(struct ternarize *t, struct op *op) {
  const struct state *s = quantised_state(t, op);
  if (!s || op->out[0]->type.elem == codes_type(s->type).elem)
    return;
  struct builder b = builder_before(t->m, op);
  struct op *codes = build(&b, OP_READ, op->n_in, op->in, &op->attr, NULL);
  codes->out[0]->type = codes_type(s->type);
  struct op *scale =
      build(&b, OP_READ, op->n_in, op->in, &(struct attrs){.symbol = scales_of(t, s)->name}, NULL);
  note_quantised(t, op->out[0], codes->out[0], scale->out[0]);
}

static void become_codes(struct module *m) {
  for (struct state *s = m->states; s; s = s->next)
    if (s->type.elem == ELEM_Q8 || s->type.elem == ELEM_Q16)
      s->type = codes_type(s->type);
}

/* ---- operators in their order ------------------------------------------------------------------------ */

static void rewrite(struct ternarize *t, struct op *op,
                    struct value *(*made)(struct ternarize *t, struct builder *b, struct op *op)) {
  struct builder b = builder_before(t->m, op);
  struct value *y = made(t, &b, op);
  if (!y)
    t->ok = false;
  else if (y != op->out[0])
    forward_op(op, y);
}

static void rewrite_dequantize(struct ternarize *t, struct op *op) {
  struct builder b = builder_before(t->m, op);
  forward_op(op, dequantised(&b, find_quantised(t, op->in[0])));
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

static void visit(struct op *op, void *data) {
  struct ternarize *t = data;
  use_forwarded(op);
  switch (op->code) {
  case OP_QUANTIZE: split_quantize(t, op); break;
  case OP_MATMUL: rewrite(t, op, product); break;
  case OP_MATMUL_BACK: rewrite(t, op, product_back); break;
  case OP_OUTER: rewrite_outer(t, op); break;
  case OP_DEQUANTIZE: rewrite_dequantize(t, op); break;
  case OP_WRITE: rewrite_write(t, op); break;
  case OP_READ: rewrite_read(t, op); break;
  default: break;
  }
}

/* Their users are gone. */
static void drop_quantizers(struct op *op, void *data) {
  (void)data;
  bool read = op->code == OP_READ && (op->out[0]->type.elem == ELEM_Q8 || op->out[0]->type.elem == ELEM_Q16);
  if (op->code == OP_QUANTIZE || read)
    op_unlink(op);
}

bool pass_ternarize(struct module *m, const struct pass_context *c) {
  struct ternarize t = {.m = m, .products = c->products, .ok = true};
  for (struct func *f = m->funcs; f; f = f->next) {
    walk(f->body, visit, &t);
    settle_forwarded(f->body);
    if (t.ok)
      walk(f->body, drop_quantizers, NULL);
  }
  become_codes(m);
  return t.ok;
}

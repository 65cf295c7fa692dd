/* hoist.c: what does not change from one iteration of a repeat to the next is computed before it.
 *
 * requires   no kernels.
 * maintains  every value, bit for bit.
 * breaks     nothing.
 *
 * An operator moves in front of the repeat when all that it is made of is there: weights, numbers, what the
 * token or its position gave before the layers. It does so only where that saves work: where a function, a
 * quotient, a sum or a product is among what it is computed of, and not for weights and numbers alone, which
 * fold-weights has taken. Example, the angles of rotary positions, whose sines every layer wants:
 *
 *   repeat 24 (%l, ...) {                         %c = cos(mul(convert(position), weight @fold.0))
 *     %c = cos(mul(convert(position), ...))  ->   repeat 24 (%l, ...) {
 *     ... mul(%q, %c) }                             ... mul(%q, %c) } */
#include "passes/pass.h"

#include "passes/rewrite.h"

/* What is known of an operator of the body; the place in facts is its result's id. */
struct invariance {
  struct op *op;
  bool same;   /* in all iterations */
  bool varies; /* from token to token */
  bool costs;  /* something dear is computed for it */
  bool moves;
};

struct hoisting {
  struct arena scratch;
  const struct op *repeat;
  VEC(struct invariance) facts;
};

static bool is_cheap(const struct op *op) {
  switch (op->code) {
  case OP_CONST:
  case OP_WEIGHT:
  case OP_WSCALE:
  case OP_POSITION:
  case OP_NEG:
  case OP_ABS:
  case OP_CONVERT:
  case OP_ADD:
  case OP_SUB:
  case OP_MUL:
  case OP_MIN:
  case OP_MAX:
  case OP_LT:
  case OP_LE:
  case OP_EQ:
  case OP_SELECT: return true;
  default: return op_info[op->code].flags & MOVE;
  }
}

/* Of an operator of the body itself; NULL: the value comes from elsewhere. */
static struct invariance *fact_of(const struct hoisting *h, const struct value *v) {
  return v->def && v->block == h->repeat->body ? &h->facts.at[v->id] : NULL;
}

/* Whether a value from outside the repeat changes from token to token. */
static bool varies_outside(const struct value *v) {
  return !v->def || (v->def->code != OP_CONST && v->def->code != OP_WEIGHT && v->def->code != OP_WSCALE);
}

static bool from_outside(const struct hoisting *h, const struct value *v) {
  return !value_defined_inside(v, h->repeat->body);
}

static struct invariance look_at(const struct hoisting *h, struct op *op) {
  struct invariance f = {.op = op, .varies = op->code == OP_POSITION, .costs = !is_cheap(op)};
  f.same = op->n_out == 1 && !op->body && ((op_info[op->code].flags & PURE) || op->code == OP_POSITION);
  for (int i = 0; i < op->n_in; i++) {
    const struct invariance *in = fact_of(h, op->in[i]);
    f.same &= in ? in->same : from_outside(h, op->in[i]);
    f.varies |= in ? in->varies : varies_outside(op->in[i]);
    f.costs |= in && in->costs;
  }
  return f;
}

/* Those that pay, and what they are made of. */
static void choose(struct hoisting *h) {
  for (int k = h->facts.n - 1; k >= 0; k--) {
    struct invariance *f = &h->facts.at[k];
    f->moves |= f->same && f->varies && f->costs;
    for (int i = 0; f->moves && i < f->op->n_in; i++) {
      struct invariance *in = fact_of(h, f->op->in[i]);
      if (in)
        in->moves = true;
    }
  }
}

static void hoist_repeat(struct op *repeat) {
  struct hoisting h = {.repeat = repeat};
  for (struct op *op = repeat->body->first; op; op = op->next) {
    struct invariance f = look_at(&h, op);
    for (int i = 0; i < op->n_out; i++)
      op->out[i]->id = h.facts.n;
    vec_push(&h.scratch, h.facts, f);
  }
  choose(&h);
  for (int k = 0; k < h.facts.n; k++)
    if (h.facts.at[k].moves)
      op_move_before(h.facts.at[k].op, repeat);
  arena_free(&h.scratch);
}

/* Inner repeats first: what leaves one may leave the next. */
static void hoist_block(struct block *b) {
  for (struct op *op = b->first; op; op = op->next) {
    if (op->body)
      hoist_block(op->body);
    if (op->code == OP_REPEAT)
      hoist_repeat(op);
  }
}

bool pass_hoist(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next)
    if (!func_is_fold(f))
      hoist_block(f->body);
  return true;
}

/* differentiate.c: `train` becomes a training step: the loss of a call's tokens, and what it adds to
 * gradients.
 *
 * requires   `train` (tokens u32[T]) -> f32[T, vocab], as training-form makes it, of operators of the spec.
 * maintains  all other functions but `loss`, where there is one like it: it becomes
 *
 *              loss(tokens u32[T], targets u32[T], share f32[T]) -> loss f32[1]
 *
 *            the same loss, which adds to no gradient: for what is held out.
 * breaks     `train`, which is now
 *
 *              train(tokens u32[T], targets u32[T], share f32[T]) -> loss f32[1]
 *
 *            loss = sum over t of share[t] * -log softmax(logits[t])[targets[t]]. A token that does not
 *            count has share 0; a mean over N tokens has 1 / N. The derivative of the loss by each weight
 *            @w is added to the state @grad.w, so that calls add up; of a ternary weight it is that by its
 *            master, straight through.
 *
 * States. A call begins with the states of its sequence and leaves those after its last token. Beside each
 * written state @s stands @back.s: before the call the derivative of the loss of all later tokens by the
 * state that the call leaves, afterwards the derivative by the state that it began with. So a sequence can
 * be gone back through in calls of as many tokens as memory allows, last call first, each begun with the
 * state that it had going forward: the derivative is exact, whatever the calls' lengths.
 *
 * Repeats. On the way back, what is wanted of their bodies is read, where it was kept, or computed again.
 * What an iteration began with is always kept, other values as is chosen (recompute.h), in states that are as
 * long as a call (@tape.K). */
#include "passes/training/derivative.h"

#include "passes/pass.h"
#include "passes/rewrite.h"
#include <string.h>

/* ---- cotangents -------------------------------------------------------------------------------------- */

/* The table lives in the pass's arena. */
#undef uthash_malloc
#undef uthash_free
#define uthash_malloc(bytes)      arena_alloc(&f->d->scratch, (bytes))
#define uthash_free(memory, size) ((void)(memory))

static struct cotangent *find(struct frame *f, const struct value *v) {
  struct cotangent *c = NULL;
  HASH_FIND_PTR(f->cotangents, &v, c);
  return c;
}

struct value *cotangent_of(struct frame *f, const struct value *v) {
  struct cotangent *c = find(f, v);
  return c ? c->value : NULL;
}

struct type cotangent_type(struct type t) {
  t.elem = ELEM_F32;
  return t;
}

struct value *cotangent_or_zeros(struct frame *f, const struct value *v) {
  struct value *c = cotangent_of(f, v);
  return c ? c : build_const(&f->b, 0, cotangent_type(v->type));
}

/* The sum of `by` along the axes that t lacks or has with length 1, of shape t. */
static struct value *summed_to(struct frame *f, struct value *by, struct type t) {
  int missing = by->type.rank - t.rank;
  for (int k = by->type.rank - 1; k >= 0; k--) {
    bool stretched = k < missing || (t.dim[k - missing] == 1 && by->type.dim[k] != 1);
    if (stretched && by->type.dim[k] != 1)
      by = build_axis(&f->b, OP_SUM, by, k);
  }
  return missing ? build_reshape(&f->b, by, t) : by;
}

void cotangent_add(struct frame *f, struct value *v, struct value *by) {
  if (!elem_real(v->type.elem))
    return;
  struct type t = cotangent_type(v->type);
  struct type both = t;
  if (type_broadcast(by->type, t, &both) && !type_same_shape(both, by->type))
    by = build(&f->b, OP_BROADCAST, 1, &by, NULL, &both)->out[0];
  by = summed_to(f, by, t);
  struct cotangent *c = find(f, v);
  if (c) {
    c->value = build2(&f->b, OP_ADD, c->value, by);
    return;
  }
  c = arena_new(&f->d->scratch, struct cotangent);
  *c = (struct cotangent){.of = v, .value = by};
  HASH_ADD_PTR(f->cotangents, of, c);
}

/* ---- blocks ------------------------------------------------------------------------------------------ */

struct state *state_like(struct module *m, const char *name, struct type t, int n_counts,
                         const int64_t *counts, struct loc at) {
  struct state *s = state_find(m, name);
  if (s)
    return s;
  s = state_add(m, name, t);
  s->n_counts = n_counts;
  if (n_counts)
    memcpy(s->counts, counts, sizeof *counts * (size_t)n_counts);
  s->at = at;
  return s;
}

static void refuse(struct frame *f, const struct op *op) {
  diag_at(f->d->m->diag, SEVERITY_ERROR, op->at,
          "the derivative of '%s' is not known, so a model with it cannot be trained",
          op_info[op->code].text);
  f->d->ok = false;
}

static void go_back_through(struct frame *f, struct op *op) {
  if (op->code == OP_SCAN)
    go_back_scan(f, op);
  else if (op->code == OP_REPEAT)
    go_back_repeat(f, op);
  else if (op->n_out == 1) {
    struct value *d = cotangent_of(f, op->out[0]);
    if (d && !adjoint(f, op, d))
      refuse(f, op);
  }
}

void go_back(struct frame *f, struct op *last) {
  for (struct op *op = last; op && f->d->ok;) {
    struct op *before = op->prev;
    go_back_through(f, op);
    op = before;
  }
}

/* ---- the loss ---------------------------------------------------------------------------------------- */

/* What each token's loss is made of, [T, 1] or [T, V]. */
struct cross_entropy {
  struct value *e, *sum;  /* exp(logits - their largest), and its sum */
  struct value *hit;      /* bool: the target's place */
  struct value *of_token; /* the loss */
};

struct value *count_up(struct builder *b, int64_t n, int rank) {
  struct type t = {.elem = ELEM_F32, .rank = rank, .dim = {n}};
  for (int k = 1; k < rank; k++)
    t.dim[k] = 1;
  struct value *ones = build_const(b, 1, t);
  struct value *one = build_const(b, 1, type_scalar(ELEM_F32));
  return build2(b, OP_SUB, build_axis(b, OP_CUMSUM, ones, 0), one);
}

static struct value *as_column(struct builder *b, struct value *x, enum elem e) {
  struct type t = x->type;
  t.elem = e;
  if (x->type.elem != e)
    x = build(b, OP_CONVERT, 1, &x, NULL, &t)->out[0];
  t.rank = 2;
  t.dim[1] = 1;
  return build_reshape(b, x, t);
}

static struct cross_entropy cross_entropy(struct builder *b, struct value *logits, struct value *targets) {
  struct cross_entropy c;
  struct value *zero = build_const(b, 0, type_scalar(ELEM_F32));
  struct value *most = build_axis(b, OP_AMAX, logits, 1);
  c.e = build1(b, OP_EXP, build2(b, OP_SUB, logits, most));
  c.sum = build_axis(b, OP_SUM, c.e, 1);
  c.hit = build2(b, OP_EQ, count_up(b, logits->type.dim[1], 1), as_column(b, targets, ELEM_F32));
  struct value *picked = build_axis(b, OP_SUM, build3(b, OP_SELECT, c.hit, logits, zero), 1);
  c.of_token = build2(b, OP_ADD, build2(b, OP_SUB, most, picked), build1(b, OP_LOG, c.sum));
  return c;
}

/* softmax(logits) - 1 at the target, times the token's share */
static struct value *logits_cotangent(struct builder *b, const struct cross_entropy *c, struct value *share) {
  struct value *one = build_const(b, 1, type_scalar(ELEM_F32)),
               *zero = build_const(b, 0, type_scalar(ELEM_F32));
  struct value *target = build3(b, OP_SELECT, c->hit, one, zero);
  return build2(b, OP_MUL, build2(b, OP_SUB, build2(b, OP_DIV, c->e, c->sum), target), share);
}

/* The sum of the tokens' losses, each times its share. */
static struct value *total_loss(struct builder *b, struct value *of_token, struct value *share) {
  struct value *sum = build_axis(b, OP_SUM, build2(b, OP_MUL, of_token, share), 0);
  return build_reshape(b, sum, type_make(ELEM_F32, 1, (int64_t[]){1}));
}

/* What stands in the place of the logits that a function returned. */
struct head {
  struct op *last; /* the last operator before it */
  struct loc at;
  struct value *logits, *share; /* share f32[T, 1] */
  struct cross_entropy c;
  struct value *loss; /* f32[1] */
};

static struct head make_loss(struct module *m, struct func *f) {
  struct op *end = f->body->last;
  int64_t tokens = DIM_T;
  struct head h = {.last = end->prev, .at = end->at, .logits = end->in[0]};
  struct value *targets = block_arg(m, f->body, type_make(ELEM_U32, 1, &tokens), "targets");
  struct value *share = block_arg(m, f->body, type_make(ELEM_F32, 1, &tokens), "share");
  struct builder b = builder_end(m, f->body);
  b.at = end->at;
  op_unlink(end);
  h.c = cross_entropy(&b, h.logits, targets);
  h.share = as_column(&b, share, ELEM_F32);
  h.loss = total_loss(&b, h.c.of_token, h.share);
  return h;
}

static void return_loss(struct module *m, struct func *f, const struct head *h) {
  struct builder b = builder_end(m, f->body);
  struct value *loss = h->loss;
  b.at = h->at;
  build(&b, OP_RETURN, 1, &loss, NULL, NULL);
  f->results.n = 0;
  vec_push(m->arena, f->results, (struct result){.name = "loss", .updates = -1});
}

/* ---- the pass ---------------------------------------------------------------------------------------- */

static bool is_training_form(const struct func *f) {
  const struct block *b = f->body;
  const struct op *end = b->last;
  if (b->n_args != 1 || b->args[0]->type.elem != ELEM_U32 || !end || end->n_in != 1)
    return false;
  struct type logits = end->in[0]->type;
  return logits.elem == ELEM_F32 && logits.rank == 2 && logits.dim[0] == DIM_T && logits.dim[1] > 0;
}

static bool differentiate(struct derivative *d, struct func *f) {
  struct head h = make_loss(d->m, f);
  struct frame frame = {.d = d, .b = builder_end(d->m, f->body)};
  frame.b.at = h.at;
  cotangent_add(&frame, h.logits, logits_cotangent(&frame.b, &h.c, h.share));
  go_back(&frame, h.last);
  return_loss(d->m, f, &h);
  return d->ok;
}

static void note_trained(struct op *op, void *module) {
  struct weight *w = op->code == OP_WEIGHT ? weight_find(module, op->attr.symbol) : NULL;
  if (w && w->origin == WEIGHT_LOADED)
    w->trained = true;
}

bool pass_differentiate(struct module *m, const struct pass_context *c) {
  struct func *f = func_find(m, "train");
  if (!f || !is_training_form(f)) {
    diag_error(
        m->diag,
        "differentiate: there is no function 'train' from tokens u32[T] to f32[T, vocab]; training-form "
        "makes it");
    return false;
  }
  struct derivative d = {.m = m, .recompute = c->recompute, .ok = true};
  struct func *loss = func_find(m, "loss");
  walk(f->body, note_trained, m);
  if (loss && is_training_form(loss)) {
    struct head h = make_loss(m, loss);
    return_loss(m, loss, &h);
  }
  group_repeats(&d, f->body);
  bool ok = differentiate(&d, f);
  arena_free(&d.scratch);
  return ok;
}

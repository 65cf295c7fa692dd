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
 *            master, straight through. Of long calls the logits are made part by part (head.c).
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
  else if (op->code == OP_APPEND)
    go_back_append(f, op);
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

/* ---- the pass ---------------------------------------------------------------------------------------- */

static bool is_training_form(const struct func *f) {
  const struct block *b = f->body;
  const struct op *end = b->last;
  if (b->n_args != 1 || b->args[0]->type.elem != ELEM_U32 || !end || end->n_in != 1)
    return false;
  struct type logits = end->in[0]->type;
  return logits.elem == ELEM_F32 && logits.rank == 2 && logits.dim[0] == DIM_T && logits.dim[1] > 0;
}

/* The function returns the loss in the place of its logits; `back`: and goes back through what makes it. */
static void return_loss(struct derivative *d, struct func *f, bool back) {
  struct op *end = f->body->last;
  struct frame frame = {.d = d, .b = builder_end(d->m, f->body)};
  frame.b.at = end->at;
  op_unlink(end);
  d->parts = 0; /* functions of a module have the same */
  struct head h = head_loss(&frame, f, end->in[0], back);
  if (back)
    go_back(&frame, h.before);
  frame.b.at = end->at;
  build(&frame.b, OP_RETURN, 1, &h.loss, NULL, NULL);
  f->results.n = 0;
  vec_push(d->m->arena, f->results, (struct result){.name = "loss", .updates = -1});
}

static void note_trained(struct op *op, void *data) {
  struct derivative *d = data;
  struct weight *w = op->code == OP_WEIGHT ? weight_find(d->m, op->attr.symbol) : NULL;
  if (!w || w->origin != WEIGHT_LOADED || w->trained)
    return;
  w->trained = true;
  w->source = STORE_NONE; /* it is no longer what the checkpoint has */
  if (!elem_code_bits(w->type.elem))
    return;
  diag_at(d->m->diag, SEVERITY_ERROR, w->at,
          "'%s' is i%d, and a training has no codes but ternary ones; train it as f32 or ternary", w->name,
          elem_code_bits(w->type.elem));
  d->ok = false;
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
  struct derivative d = {.m = m, .recompute = c->recompute, .logits = c->logits, .ok = true};
  struct func *loss = func_find(m, "loss");
  walk(f->body, note_trained, &d);
  if (!d.ok)
    return false;
  if (loss && is_training_form(loss))
    return_loss(&d, loss, false);
  group_repeats(&d, f->body);
  return_loss(&d, f, true);
  arena_free(&d.scratch);
  return d.ok;
}

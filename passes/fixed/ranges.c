/* ranges.c: interval arithmetic over a float step: weights, blocks, repeats, states; contract in ranges.h. */
#include "passes/fixed/range_impl.h"

#include "ir/composites.h"

enum {
  MOST_TOKENS = 12, /* followed one by one; then the bounds of states that still grow are guessed */
  MOST_GUESSES = 64
};
#define GUESS      16.0 /* each guess is the next power of this */
#define LAST_GUESS 0x1p24
#define SOMETHING  1e-30 /* not 0 */

static const struct range everything = {.lo = -INFINITY, .hi = INFINITY};

double range_most(struct range r) {
  return fmax(fabs(r.lo), fabs(r.hi));
}

double most_code(enum elem e) {
  int bits = elem_code_bits(e);
  return bits ? ldexp(1, bits - 1) : 1;
}

struct range weight_range(const struct weight *w) {
  if (w->known)
    return range_between(w->lo, w->hi);
  if (elem_codes(w->type.elem))
    return range_between(SMALLEST_WSCALE, LARGEST_WSCALE * most_code(w->type.elem));
  return range_between(-LARGEST_WEIGHT, LARGEST_WEIGHT);
}

/* ---- values ------------------------------------------------------------------------------------------ */

/* What a calibration saw narrows it, but not to a mask, which says nothing of the other values. */
static struct range seen(const struct value *v, struct range r) {
  double most = HEADROOM * v->most;
  if (v->most > 0 && !(r.mask && v->most >= MASK)) {
    r.lo = fmax(r.lo, -most);
    r.hi = fmin(r.hi, most);
    r.seen = true;
  }
  return r;
}

static void put(struct analysis *x, const struct value *v, struct range r) {
  if (isnan(r.lo) || isnan(r.hi))
    r = everything;
  r = seen(v, r);
  r.tried = v->tried > 0 ? v->tried : r.tried;
  struct range *at = &x->r->at[v->id];
  *at = at->lo > at->hi ? r : range_hull(*at, r);
}

static void write_state(struct analysis *x, const struct op *write) {
  struct range *s = &x->grown[state_find(x->m, write->attr.symbol)->id], r = range_of(x, write->in[0]);
  *s = s->lo > s->hi ? r : range_hull(*s, r);
}

/* ---- walking ----------------------------------------------------------------------------------------- */

static void run_block(struct analysis *x, const struct block *b);

static void run_repeat(struct analysis *x, const struct op *op) {
  const struct block *body = op->body;
  put(x, body->args[0], (struct range){.lo = 0, .hi = (double)op->attr.count - 1, .whole = true});
  for (int i = 0; i < op->n_in; i++)
    put(x, body->args[i + 1], range_of(x, op->in[i]));
  for (int64_t n = 0; x->ok && n < op->attr.count; n++) {
    run_block(x, body);
    for (int i = 0; i < op->n_in && n + 1 < op->attr.count; i++)
      put(x, body->args[i + 1], range_of(x, body->last->in[i]));
  }
  for (int i = 0; i < op->n_out; i++)
    put(x, op->out[i], range_of(x, body->last->in[i]));
}

static void run_body(struct analysis *x, const struct op *op, const struct block *body) {
  run_block(x, body);
  put(x, op->out[0], range_of(x, body->last->in[0]));
}

static void run_op(struct analysis *x, const struct op *op) {
  struct range r;
  const struct block *body = op->n_out ? x->body_of[op->out[0]->id] : NULL;
  if (body)
    run_body(x, op, body);
  else if (op->code == OP_REPEAT)
    run_repeat(x, op);
  else if (op->code == OP_WRITE)
    write_state(x, op);
  else if (!(op_info[op->code].flags & END) && range_of_op(x, op, &r))
    put(x, op->out[0], r);
}

static void run_block(struct analysis *x, const struct block *b) {
  for (const struct op *op = b->first; x->ok && op; op = op->next)
    run_op(x, op);
}

static void number_block(struct analysis *x, struct block *b);

static void number_body(struct analysis *x, struct op *op) {
  struct range_body body = {op, block_new(x->m, NULL)};
  struct builder b = builder_end(x->m, body.block);
  b.at = op->at;
  struct value *made = composite_step(&b, op, op->in).value;
  build(&b, OP_YIELD, 1, &made, NULL, NULL);
  number_block(x, body.block);
  vec_push(x->m->arena, x->bodies, body);
}

static void number_block(struct analysis *x, struct block *b) {
  for (int i = 0; i < b->n_args; i++)
    b->args[i]->id = x->r->n++;
  for (struct op *op = b->first; op; op = op->next) {
    if (op->body)
      number_block(x, op->body);
    else if (op_info[op->code].flags & COMPOSITE && !range_rule_named(op->code))
      number_body(x, op);
    for (int i = 0; i < op->n_out; i++)
      op->out[i]->id = x->r->n++;
  }
}

static void number_all(struct analysis *x, struct func *f) {
  number_block(x, f->body);
  x->body_of = arena_array(x->m->arena, const struct block *, x->r->n + 1);
  for (int i = 0; i < x->bodies.n; i++)
    x->body_of[x->bodies.at[i].op->out[0]->id] = x->bodies.at[i].block;
}

static void run_token(struct analysis *x, const struct func *f) {
  const struct range nothing = {.lo = INFINITY, .hi = -INFINITY};
  for (int i = 0; i < x->r->n; i++)
    x->r->at[i] = nothing;
  for (int i = 0; i < x->r->states.n; i++)
    x->grown[i] = nothing;
  for (int i = 0; i < f->body->n_args; i++)
    put(x, f->body->args[i], (struct range){.lo = 0, .hi = INFINITY, .whole = true});
  run_block(x, f->body);
}

/* ---- states ------------------------------------------------------------------------------------------ */

/* The next bound to try beyond one that did not hold. */
static double guess_beyond(double most) {
  double g = GUESS;
  while (g <= most)
    g *= GUESS;
  return g > LAST_GUESS ? INFINITY : g;
}

/* The state with what a token wrote; `guess`: its bounds are moved further than that where they moved. */
static bool grow_state(struct range *s, struct range now, bool guess) {
  struct range all = now.lo > now.hi ? *s : range_hull(*s, now);
  double slack = 1e-9 * fmax(1, range_most(*s));
  bool down = s->lo - slack > all.lo, up = all.hi > s->hi + slack;
  bool changed = down || up || all.mask != s->mask || all.whole != s->whole || all.seen != s->seen;
  if (guess && down)
    all.lo = -guess_beyond(fmax(-all.lo, 1));
  if (guess && up)
    all.hi = guess_beyond(fmax(all.hi, 1));
  *s = all;
  return changed;
}

static bool grow_states(struct analysis *x, int token) {
  bool changed = false;
  for (int i = 0; i < x->r->states.n; i++) {
    bool grew = grow_state(&x->r->states.at[i], x->grown[i], token >= MOST_TOKENS);
    if (grew && token >= MOST_TOKENS + MOST_GUESSES)
      x->r->states.at[i] = everything;
    changed |= grew;
  }
  return changed;
}

static void start_states(struct analysis *x) {
  for (struct state *s = x->m->states; s; s = s->next) {
    s->id = x->r->states.n;
    struct range r = {s->init,
                      s->init,
                      fabs(s->init) >= MASK,
                      s->init == rint(s->init),
                      true,
                      fmax(fabs(s->init), SOMETHING)};
    vec_push(x->m->arena, x->r->states, r);
  }
  x->grown = arena_array(x->m->arena, struct range, x->r->states.n + 1);
}

struct ranges *ranges_of(struct module *m, struct func *f) {
  struct analysis x = {.m = m, .r = arena_new(m->arena, struct ranges), .ok = true};
  number_all(&x, f);
  x.r->at = arena_array(m->arena, struct range, x.r->n);
  start_states(&x);
  int token = 0;
  do
    run_token(&x, f);
  while (x.ok && grow_states(&x, token++));
  for (int i = 0; i < x.r->states.n; i++)
    vec_push(m->arena, x.r->written, x.grown[i]);
  return x.ok ? x.r : NULL;
}

/* plan_image.c: where weights lie in the image, and states in a sequence's memory.
 *
 * Weights lie in the order in which a token uses them, so that it reads the image from front to back: those
 * of a repeat iteration by iteration, each iteration's beside one another; each tensor on a line of its own
 * (a word of its own on a chip, ir/policies.def). A symbol's instances are evenly strided: instance i at
 * offset + i * stride, with the stride of a whole iteration. States the same way. */
#include "passes/plan_image.h"

#include "ir/layout.h"
#include "ir/policy.h"
#include "passes/place.h"
#include "passes/rewrite.h"

#include <string.h>

int64_t plan_align(const struct module *m) {
  return m->policy->align;
}

/* ---- states ------------------------------------------------------------------------------------------ */

static bool same_counts(int n, const int64_t *a, int m, const int64_t *b) {
  return n == m && memcmp(a, b, sizeof *a * (size_t)n) == 0;
}

static int64_t state_instances(const struct state *s) {
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  return n;
}

static bool state_like(const struct module *m, const struct state *s, const struct state *first) {
  return s->offset < 0 && type_is_past(m, s->type) == type_is_past(m, first->type) &&
         same_counts(s->n_counts, s->counts, first->n_counts, first->counts);
}

static int64_t state_room(const struct module *m, const struct state *s) {
  return place_align(state_size(m, s), plan_align(m));
}

/* `first` and all states after it with the same counts, from byte `at`; returns where they end. */
static int64_t place_states(const struct module *m, struct state *first, int64_t at) {
  int64_t stride = 0;
  for (const struct state *s = first; s; s = s->next)
    if (state_like(m, s, first))
      stride += state_room(m, s);
  int64_t end = at + stride * state_instances(first), n_counts = first->n_counts;
  const struct state key = *first;
  for (struct state *s = first; s; s = s->next)
    if (state_like(m, s, &key)) {
      s->offset = at;
      s->stride = n_counts ? stride : 0;
      at += state_room(m, s);
    }
  return end;
}

void plan_states(struct module *m) {
  for (struct state *s = m->states; s; s = s->next)
    s->offset = s->within ? s->offset : -1;
  int64_t end = 0;
  for (int past = 0; past < 2; past++) /* what grows comes last */
    for (struct state *s = m->states; s; s = s->next)
      if (!s->within && s->offset < 0 && type_is_past(m, s->type) == past)
        end = place_states(m, s, end);
  m->state_bytes = end;
}

/* ---- weights ----------------------------------------------------------------------------------------- */

/* A weight that some kernel or sum reads. */
struct used {
  struct weight *w;
  const struct op *repeat; /* outermost one around its first use; NULL: none */
  bool codes, scales;      /* which of a ternary weight's parts; codes: also the numbers of a float one */
  bool placed;
};

struct uses {
  struct module *m;
  VEC(struct used) list; /* in order of first use */
  bool streams;          /* a token reads more packed weights than caches hold */
  bool slow_trits;       /* as in struct pass_context */
};

static const struct op *outermost_repeat(const struct op *op) {
  const struct op *found = NULL;
  for (; op; op = op->block->parent)
    if (op->code == OP_REPEAT)
      found = op;
  return found;
}

static void note_use(struct op *op, void *data) {
  struct uses *u = data;
  if (op->code != OP_WEIGHT && op->code != OP_WSCALE)
    return;
  struct weight *w = weight_find(u->m, op->attr.symbol);
  int i = 0;
  while (i < u->list.n && u->list.at[i].w != w)
    i++;
  if (i == u->list.n)
    vec_push(u->m->arena, u->list, (struct used){.w = w, .repeat = outermost_repeat(op)});
  *(op->code == OP_WEIGHT ? &u->list.at[i].codes : &u->list.at[i].scales) = true;
}

/* Ternary weights that a token reads, at 2 bits each, above which reading them takes longer than unpacking.
 * At 81 MiB (the 370M model) a Zen 4 with 32 MiB of last cache decodes at 1.6 bits as fast or up to 12 %
 * faster on one thread and 20 to 45 % faster on two; on a Xeon with 300 MiB the sums are up to 12 % slower.
 */
enum { CACHED = 64 << 20 };

static bool streams(const struct uses *u) {
  int64_t bytes = 0;
  for (int i = 0; i < u->list.n; i++) {
    struct weight w = *u->list.at[i].w;
    w.stored = STORE_TILE2;
    if (u->list.at[i].codes && w.type.elem == ELEM_TERNARY)
      bytes += weight_bytes(&w) * weight_instances(&w);
  }
  return bytes > CACHED;
}

/* tile3, 1.6 bits a weight, where sums are bound by memory, tile2, which is decoded in fewer instructions,
 * where they are not: because a cache holds the model, or because the target is slow at the former. Sums by
 * groups go through the portable kernels, so they are never bound by memory. The module's `packing` goes
 * before the rule. */
static enum storage packing_for(const struct uses *u, const struct weight *w) {
  if (u->m->packing != STORE_NONE)
    return u->m->packing;
  return u->streams && !u->slow_trits && w->scale != WSCALE_GROUP ? STORE_TILE3 : STORE_TILE2;
}

/* Floats of two axes and more keep the 16 bits that the checkpoint has, or that `optimise` gave them; the
 * small ones, read often, are widened once. Integers stay as wide as they are. */
static enum storage storage_for(const struct uses *u, const struct weight *w) {
  switch (w->type.elem) {
  case ELEM_TERNARY: return packing_for(u, w);
  case ELEM_W2:
  case ELEM_W3:
  case ELEM_W4: return STORE_TILE4;
  case ELEM_W8: return STORE_TILE8;
  case ELEM_I8: return STORE_I8;
  case ELEM_I16: return STORE_I16;
  case ELEM_I32: return STORE_I32;
  default: break;
  }
  bool half = w->source == STORE_F16 || w->source == STORE_BF16;
  return w->type.rank >= 2 && half && w->origin == WEIGHT_LOADED ? w->source : STORE_F32;
}

/* One instance's numbers and scales from byte `at`; returns where they end. */
static int64_t place_weight(const struct uses *all, const struct used *u, int64_t at) {
  struct weight *w = u->w;
  if (u->codes) {
    w->stored = storage_for(all, w);
    w->offset = at;
    at += place_align(weight_bytes(w), plan_align(all->m));
  }
  if (u->scales) {
    w->scales = at;
    at += place_align((int64_t)sizeof(float) * weight_scale_count(w), plan_align(all->m));
  }
  return at;
}

static bool same_iteration(const struct used *a, const struct used *b) {
  return a->repeat == b->repeat && same_counts(a->w->n_counts, a->w->counts, b->w->n_counts, b->w->counts);
}

/* Weight i and those that share its iterations. */
static int64_t place_iteration(struct uses *u, int i, int64_t at) {
  int64_t end = at;
  for (int k = i; k < u->list.n; k++)
    if (same_iteration(&u->list.at[i], &u->list.at[k])) {
      end = place_weight(u, &u->list.at[k], end);
      u->list.at[k].placed = true;
    }
  for (int k = i; k < u->list.n; k++)
    if (same_iteration(&u->list.at[i], &u->list.at[k]))
      u->list.at[k].w->stride = end - at;
  return at + (end - at) * weight_instances(u->list.at[i].w);
}

static int64_t place_next(struct uses *u, int i, int64_t at) {
  if (u->list.at[i].w->n_counts)
    return place_iteration(u, i, at);
  u->list.at[i].placed = true;
  return place_weight(u, &u->list.at[i], at);
}

void plan_weights(struct module *m, bool slow_trits) {
  struct uses u = {.m = m, .slow_trits = slow_trits};
  for (struct weight *w = m->weights; w; w = w->next) {
    w->stored = STORE_NONE;
    w->offset = w->scales = -1;
    w->stride = 0;
  }
  for (struct func *f = m->funcs; f; f = f->next)
    if (!func_is_fold(f))
      walk(f->body, note_use, &u);
  u.streams = streams(&u);
  m->weights_bytes = 0;
  for (int i = 0; i < u.list.n; i++)
    if (!u.list.at[i].placed)
      m->weights_bytes = place_next(&u, i, m->weights_bytes);
}

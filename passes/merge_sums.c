/* merge_sums.c: sums that read one input run as one.
 *
 * requires   ternarize.
 * maintains  every value, bit for bit: a row's sum does not depend on the rows beside it.
 * breaks     nothing.
 *
 * Ternary sums in one block over the same codes, with the same group, of loaded weights at the same indices
 * become one sum of a merged weight, the rows of all of them one after another; each old sum is a slice of
 * it. The codes are then read once, and there is one start and end of parallel work instead of several. */
#include "passes/pass.h"

#include "passes/rewrite.h"
#include <string.h>

/* Sums that go together. */
struct sums {
  VEC(struct op *) list;
  int next; /* the group before it of the same input, or -1 */
};

/* Of one block. The id of a sum's input is its newest group, or -1. */
struct groups {
  struct module *m;
  VEC(struct sums) all;
};

static const struct weight *weight_of(const struct module *m, const struct op *sum) {
  const struct op *leaf = sum->in[0]->def;
  return op_is(leaf, OP_WEIGHT) ? weight_find(m, leaf->attr.symbol) : NULL;
}

static bool can_merge(const struct module *m, const struct op *op) {
  const struct weight *w = op_is(op, OP_TERNARY_SUM) ? weight_of(m, op) : NULL;
  return w && w->origin == WEIGHT_LOADED;
}

/* Whether b's rows can follow a's. */
static bool go_together(const struct module *m, const struct op *a, const struct op *b) {
  const struct op *leaf_a = a->in[0]->def, *leaf_b = b->in[0]->def;
  const struct weight *wa = weight_of(m, a), *wb = weight_of(m, b);
  if (a->in[1] != b->in[1] || a->attr.group != b->attr.group || wa->type.elem != wb->type.elem ||
      wa->n_counts != wb->n_counts)
    return false;
  for (int i = 0; i < wa->n_counts; i++)
    if (wa->counts[i] != wb->counts[i] || leaf_a->in[i] != leaf_b->in[i])
      return false;
  return true;
}

static void collect(struct groups *g, struct op *sum) {
  int *newest = &sum->in[1]->id, i = *newest;
  while (i >= 0 && !go_together(g->m, g->all.at[i].list.at[0], sum))
    i = g->all.at[i].next;
  if (i < 0) {
    i = g->all.n;
    vec_push(g->m->arena, g->all, (struct sums){.next = *newest});
    *newest = i;
  }
  vec_push(g->m->arena, g->all.at[i].list, sum);
}

static bool has_parts(const struct weight *w, const struct weight *like) {
  bool same = w->origin == WEIGHT_MERGED && w->n_parts == like->n_parts;
  for (int i = 0; same && i < w->n_parts; i++)
    same = strcmp(w->parts[i], like->parts[i]) == 0;
  return same;
}

/* The weight of name `like->name` and these parts: one that is there already, or a new one; under another
 * name when the checkpoint has a tensor of this one. */
static const struct weight *find_or_add(struct module *m, const struct weight *like) {
  const char *name = like->name;
  struct weight *w = weight_find(m, name);
  while (w && !has_parts(w, like))
    w = weight_find(m, name = arena_printf(m->arena, "%s+", name));
  if (w)
    return w;
  w = weight_add(m, name, like->type);
  w->n_counts = like->n_counts;
  memcpy(w->counts, like->counts, sizeof w->counts);
  w->origin = WEIGHT_MERGED;
  w->parts = like->parts;
  w->n_parts = like->n_parts;
  w->at = like->at;
  return w;
}

static const struct weight *merged_weight(struct module *m, const struct sums *s) {
  struct weight w = *weight_of(m, s->list.at[0]);
  const char **parts = arena_array(m->arena, const char *, s->list.n);
  VEC(char) name = {0};
  w.type.dim[0] = 0;
  for (int i = 0; i < s->list.n; i++) {
    const struct weight *part = weight_of(m, s->list.at[i]);
    parts[i] = part->name;
    for (const char *c = part->name; *c; c++)
      vec_push(m->arena, name, *c);
    vec_push(m->arena, name, i + 1 < s->list.n ? '+' : '\0');
    w.type.dim[0] += part->type.dim[0];
  }
  w.name = name.at;
  w.parts = parts;
  w.n_parts = s->list.n;
  return find_or_add(m, &w);
}

static void merge(struct module *m, const struct sums *s) {
  struct op *first = s->list.at[0];
  const struct op *leaf = first->in[0]->def;
  const struct weight *w = merged_weight(m, s);
  struct builder b = builder_before(m, first);
  struct op *rows = build(&b, OP_WEIGHT, leaf->n_in, leaf->in, &(struct attrs){.symbol = w->name}, &w->type);
  struct value *in[] = {rows->out[0], first->in[1]};
  struct value *sum = build(&b, OP_TERNARY_SUM, 2, in, &first->attr, NULL)->out[0];
  int64_t begin = 0;
  for (int i = 0; i < s->list.n; i++) {
    struct op *old = s->list.at[i];
    int axis = old->out[0]->type.rank - (old->attr.group ? 2 : 1);
    int64_t end = begin + old->out[0]->type.dim[axis];
    struct builder here = builder_before(m, old);
    forward_op(old, build_slice(&here, sum, axis, begin, end));
    begin = end;
  }
}

static void merge_block(struct module *m, struct block *b) {
  struct groups g = {.m = m};
  for (struct op *op = b->first; op; op = op->next)
    if (op->body)
      merge_block(m, op->body);
  for (struct op *op = b->first; op; op = op->next)
    if (can_merge(m, op))
      op->in[1]->id = -1;
  for (struct op *op = b->first; op; op = op->next)
    if (can_merge(m, op))
      collect(&g, op);
  for (int i = 0; i < g.all.n; i++)
    if (g.all.at[i].list.n > 1)
      merge(m, &g.all.at[i]);
}

bool pass_merge_sums(struct module *m, const struct pass_context *c) {
  (void)c;
  for (struct func *f = m->funcs; f; f = f->next) {
    merge_block(m, f->body);
    settle_forwarded(f->body);
  }
  return true;
}

/* keep.c: which values of a repeat's body are kept for the way back, and how.
 *
 * With `nothing` computed again, all are that the way back reads, or what these are moved or converted from.
 * With `codes`, what is quantised is, and all else is computed again that does not come from there.
 * Otherwise the knapsack: of the products that the way back needs, those are kept whose results take the
 * fewest bytes, so that the others' operations are no more than is allowed. All choices are tried where there
 * are at most MOST_TRIED products; where there are more, the results of most bytes an operation go first.
 * Then what is kept moves down: where one operator alone is made of a kept value, its result is kept in the
 * place, if that is no larger.
 *
 * A value that is kept is written to a tape behind the operator that makes it, and read in place of its twin,
 * which goes away. */
#include "passes/training/keep_graph.h"

#include "passes/rewrite.h"

#include <string.h>

enum { MOST_TRIED = 12 };

bool recompute_parse(const char *name, struct recompute *r) {
  static const struct {
    const char *name;
    struct recompute how;
  } named[] = {{"none", {.nothing = true}},
               {"codes", {.codes = true}},
               {"elementwise", {.products = 0.5}},
               {"layer", {.products = 1, .group = 2}}};
  for (size_t i = 0; i < sizeof named / sizeof *named; i++)
    if (strcmp(name, named[i].name) == 0) {
      *r = named[i].how;
      return true;
    }
  return false;
}

/* ---- all of it --------------------------------------------------------------------------------------- */

static void keep_all(const struct keep_graph *g, bool *kept) {
  bool *needed = arena_array(g->arena, bool, g->items.n + 1);
  for (int i = 0; i < g->items.n; i++)
    needed[i] = g->items.at[i].seed;
  for (int k = g->steps.n - 1; k >= 0; k--) {
    const struct keep_step *s = &g->steps.at[k];
    bool runs = s->stays;
    for (int i = s->first; i < s->first + s->twin.again->n_out; i++) {
      kept[i] = needed[i] && !s->moves && !s->stays && g->items.at[i].bytes;
      runs |= needed[i] && !kept[i];
    }
    for (int i = 0; runs && i < s->uses.n; i++)
      needed[s->uses.at[i]] = true;
  }
}

/* ---- codes -------------------------------------------------------------------------------------------- */

/* What ternary products read. Of these, keep_evaluate leaves out what nobody needs. */
static void keep_codes(const struct keep_graph *g, bool *kept) {
  for (int i = 0; i < g->items.n; i++)
    kept[i] = op_is(g->items.at[i].v->def, OP_QUANTIZE) && g->items.at[i].bytes;
}

/* ---- the knapsack ------------------------------------------------------------------------------------ */

typedef VEC(int) int_list;

/* Results of products that are computed again when nothing is kept. */
static int_list find_products(const struct keep_graph *g, const bool *none) {
  int_list found = {0};
  bool *run = arena_array(g->arena, bool, g->steps.n + 1);
  keep_evaluate(g, none, NULL, run);
  for (int k = 0; k < g->steps.n; k++)
    if (run[k] && g->steps.at[k].product > 0 && g->items.at[g->steps.at[k].first].bytes)
      vec_push(g->arena, found, g->steps.at[k].first);
  return found;
}

static bool better(struct keep_cost a, struct keep_cost b, double allowed) {
  bool fits = a.products <= allowed, other = b.products <= allowed;
  if (fits != other)
    return fits;
  if (!fits)
    return a.products < b.products;
  return a.bytes != b.bytes ? a.bytes < b.bytes : a.ops < b.ops;
}

static void try_all(const struct keep_graph *g, const int_list *products, double allowed, bool *kept) {
  size_t size = sizeof *kept * (size_t)g->items.n;
  bool *trial = arena_array(g->arena, bool, g->items.n + 1);
  struct keep_cost best = keep_evaluate(g, kept, NULL, NULL);
  for (unsigned set = 1; set < 1u << products->n; set++) {
    for (int i = 0; i < products->n; i++)
      trial[products->at[i]] = set >> i & 1;
    struct keep_cost cost = keep_evaluate(g, trial, NULL, NULL);
    if (!better(cost, best, allowed))
      continue;
    best = cost;
    memcpy(kept, trial, size);
  }
}

/* The one of those kept that takes most bytes an operation, of those that may go; -1: none may. */
static int dearest(const struct keep_graph *g, const int_list *products, double allowed, bool *kept) {
  int found = -1;
  double most = 0, now = keep_evaluate(g, kept, NULL, NULL).products;
  for (int i = 0; i < products->n; i++) {
    int item = products->at[i];
    const struct keep_step *s = &g->steps.at[g->items.at[item].step];
    double price = (double)g->items.at[item].bytes / s->product;
    if (kept[item] && price > most && now + s->product <= allowed) {
      most = price;
      found = item;
    }
  }
  return found;
}

static void drop_dear(const struct keep_graph *g, const int_list *products, double allowed, bool *kept) {
  for (int i = 0; i < products->n; i++)
    kept[products->at[i]] = true;
  for (int item; (item = dearest(g, products, allowed, kept)) >= 0;)
    kept[item] = false;
}

/* ---- moving down ------------------------------------------------------------------------------------- */

/* The one result of the one running step that item i is used by; -1: there are others. */
static int only_result(const struct keep_graph *g, int i, const bool *run) {
  int found = -1;
  for (int k = 0; k < g->steps.n; k++) {
    const struct keep_step *s = &g->steps.at[k];
    for (int u = 0; run[k] && u < s->uses.n; u++) {
      if (s->uses.at[u] != i || found == s->first)
        continue;
      if (found >= 0 || s->twin.again->n_out != 1)
        return -1;
      found = s->first;
    }
  }
  return found;
}

static bool move_down(const struct keep_graph *g, bool *kept) {
  bool *needed = arena_array(g->arena, bool, g->items.n + 1),
       *run = arena_array(g->arena, bool, g->steps.n + 1);
  struct keep_cost now = keep_evaluate(g, kept, needed, run);
  for (int i = 0; i < g->items.n; i++) {
    if (!kept[i] || !needed[i] || g->items.at[i].seed)
      continue;
    int down = only_result(g, i, run);
    if (down < 0 || kept[down] || !g->items.at[down].bytes)
      continue;
    kept[i] = false;
    kept[down] = true;
    struct keep_cost then = keep_evaluate(g, kept, NULL, NULL);
    if (then.bytes <= now.bytes && then.products <= now.products && then.ops < now.ops)
      return true;
    kept[i] = true;
    kept[down] = false;
  }
  return false;
}

static void choose(const struct keep_graph *g, struct recompute how, bool *kept) {
  if (how.nothing) {
    keep_all(g, kept);
    return;
  }
  if (how.codes) {
    keep_codes(g, kept);
    return;
  }
  double allowed = (1 - how.products) * g->products;
  int_list products = find_products(g, kept);
  if (products.n <= MOST_TRIED)
    try_all(g, &products, allowed, kept);
  else
    drop_dear(g, &products, allowed, kept);
  while (move_down(g, kept))
    ;
}

/* ---- tapes ------------------------------------------------------------------------------------------- */

/* Result i of the twin that goes forward. */
static struct value *forward_result(struct frame *f, struct twin t, int i) {
  if (i >= t.forward->n_out)
    scan_yield_before(f, t.forward);
  return t.forward->out[i];
}

static void through_tape(struct frame *f, struct op *repeat, struct op *back, struct twin t, int i) {
  struct module *m = f->d->m;
  struct value *v = forward_result(f, t, i), *again = t.again->out[i];
  struct attrs attr = {.symbol = tape_new(f->d, v->type, repeat)};
  struct builder behind = builder_after(m, t.forward), before = builder_before(m, t.again);
  behind.at = before.at = t.forward->at;
  build(&behind, OP_WRITE, 2, (struct value *[]){v, repeat->body->args[0]}, &attr, NULL);
  struct value *read = build(&before, OP_READ, 1, &back->body->args[0], &attr, &v->type)->out[0];
  read->name = v->name;
  replace_uses(back->body, again, read);
}

/* What a scan that does not run again any more began with. */
static void drop_begin(struct op *op, void *data) {
  struct op *scan = data;
  struct op *body = scan->block->first;
  for (struct op *at = body, *next; op->code == OP_WRITE && at; at = next) {
    next = at->next;
    if (at->code == OP_WRITE && strcmp(at->attr.symbol, op->attr.symbol) == 0)
      op_unlink(at);
  }
}

static void drop_scan(struct op *scan) {
  walk(scan->body, drop_begin, scan);
  op_unlink(scan);
}

static void apply(struct frame *f, struct op *repeat, struct op *back, const struct keep_graph *g,
                  const bool *kept) {
  bool *needed = arena_array(g->arena, bool, g->items.n + 1),
       *run = arena_array(g->arena, bool, g->steps.n + 1);
  keep_evaluate(g, kept, needed, run);
  for (int i = 0; i < g->dead.n; i++)
    op_unlink(g->dead.at[i]);
  for (int k = 0; k < g->steps.n; k++) {
    const struct keep_step *s = &g->steps.at[k];
    for (int i = 0; i < s->twin.again->n_out; i++)
      if (kept[s->first + i] && needed[s->first + i])
        through_tape(f, repeat, back, s->twin, i);
    if (!run[k] && s->twin.again->code == OP_SCAN)
      drop_scan(s->twin.again);
    else if (!run[k] && s->of_tokens)
      op_unlink(s->twin.again);
  }
}

/* Whether it is the inner one of two that group_repeats made of one. */
static bool is_group(const struct op *repeat) {
  for (const struct op *op = repeat->body->first; op; op = op->next)
    if (op->code == OP_NTH && op->in[1] == repeat->body->args[0])
      return true;
  return false;
}

void keep_values(struct frame *f, struct op *repeat, struct op *back, const twin_list *twins) {
  struct recompute how = f->d->recompute;
  if (how.group > 1 && !is_group(repeat))
    how.products = 0;
  struct keep_graph g = keep_graph(&f->d->scratch, back, twins);
  bool *kept = arena_array(g.arena, bool, g.items.n + 1);
  choose(&g, how, kept);
  apply(f, repeat, back, &g, kept);
}

/* datapath.c: a kernel's loops as phases: pipelines that a small sequencer runs one after another.
 *
 * A loop whose body holds at most one loop, and so on inwards, becomes one phase: its counters run together,
 * what stands before and after the inner loop is computed in the same pipeline, and stores and sums of an
 * outer level count in the last iteration of the loops inside. A loop with several loops in it repeats the
 * phases of its body. Statements between loops are a phase of a single iteration.
 *
 * A VECTOR loop has `vector` elements a clock, if each buffer is read and written in it as whole words, or at
 * a place that does not change; otherwise one. */
#include "backends/hardware/streaming/design.h"
#include "backends/lower/facts.h"
#include "backends/lower/index.h"

#include <string.h>

struct defined { /* where an expression, or an accumulator, is computed */
  struct hw_phase *phase;
  struct hw_node *node;
};

struct datapath_lowering {
  struct hw_design *h;
  struct hw_unit *u;
  struct diag *d;
  struct arena *a;
  struct defined *exprs, *accs; /* by id */
  struct hw_level *around[MAX_LEVELS];
  int depth; /* loops around, repeated by the sequencer */
  int loop;  /* index of the innermost of them in u->loops, or -1 */
  bool failed;
};

static void refuse(struct datapath_lowering *l, struct loc at, const char *what, const char *why) {
  if (!l->failed)
    diag_at(l->d, SEVERITY_ERROR, at, "%s: %s", what, why);
  l->failed = true;
}

static int64_t extent_of(const struct loop *loop) {
  return loop->extent->kind == INDEX_CONST ? loop->extent->constant : 1; /* one token */
}

/* ---- how many lanes -------------------------------------------------------------------------------- */

/* Whether `at`, in a loop of which `lanes` iterations run at once, is the same element for all, or elements
 * of one word. */
static bool access_fits(struct arena *a, const struct index *at, const struct loop *loop, int lanes) {
  int64_t c;
  if (!index_coefficient(at, loop, &c) || (c != 0 && c != 1))
    return false;
  if (c == 0)
    return true;
  struct index *rest = index_sum(a, at, -1, index_var(a, (struct loop *)loop));
  return index_is_const(index_mod(a, rest, lanes), 0);
}

/* All accesses of the statements but to weights, which come in the order in which they are used. */
static bool all_fit(const struct datapath_lowering *l, const struct stmt *list, const struct loop *loop,
                    int lanes) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP && !all_fit(l, s->loop->body, loop, lanes))
      return false;
    const struct index *at = s->kind == STMT_STORE ? s->index : s->kind == STMT_LET ? s->expr->index : NULL;
    const struct buffer *b = s->kind == STMT_STORE                               ? s->buffer
                             : s->kind == STMT_LET && s->expr->kind == EXPR_LOAD ? s->expr->buffer
                                                                                 : NULL;
    if (b && is_logits(b)) /* they leave one by one */
      return false;
    if (b && b->base != BASE_WEIGHTS && !access_fits(l->a, at, loop, lanes))
      return false;
  }
  return true;
}

static struct hw_level *level_new(struct datapath_lowering *l, struct loop *loop) {
  struct hw_level *v = arena_new(l->a, struct hw_level);
  int lanes = l->h->options.vector;
  v->loop = loop;
  v->extent = extent_of(loop);
  v->wide = loop->kind == LOOP_VECTOR && lanes > 1 && all_fit(l, loop->body, loop, lanes);
  v->steps = v->wide ? (v->extent + lanes - 1) / lanes : v->extent;
  v->counter = l->u->counters.n;
  vec_push(l->a, l->u->counters, v);
  return v;
}

/* ---- which loops are one pipeline ------------------------------------------------------------------ */

static struct loop *only_loop(const struct stmt *list, int *n) {
  struct loop *found = NULL;
  *n = 0;
  for (const struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LOOP) {
      found = s->loop;
      ++*n;
    }
  return found;
}

static bool is_slow(const struct expr *e) {
  return e->kind == EXPR_OP && (e->code == OP_IDIV || e->code == OP_ISQRT);
}

/* A division outside of the innermost loop is done by a phase of its own, bit by bit. */
static bool divides(const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next)
    if (s->kind == STMT_LET && is_slow(s->expr))
      return true;
  return false;
}

static bool stores_elsewhere(const struct stmt *list, const struct buffer *b, const struct stmt *beside,
                             const struct index *at);

/* A store in a nest of loops to what the nest also loads, but for the same element in the same iteration. */
static bool disturbs(const struct stmt *all, const struct stmt *list) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP && disturbs(all, s->loop->body))
      return true;
    if (s->kind == STMT_LET && s->expr->kind == EXPR_LOAD &&
        stores_elsewhere(all, s->expr->buffer, list, s->expr->index))
      return true;
  }
  return false;
}

/* beside: the block of the load; a store in that very block to the same element is no disturbance. */
static bool stores_elsewhere(const struct stmt *list, const struct buffer *b, const struct stmt *beside,
                             const struct index *at) {
  for (const struct stmt *s = list; s; s = s->next) {
    if (s->kind == STMT_LOOP && stores_elsewhere(s->loop->body, b, beside, at))
      return true;
    if (s->kind == STMT_STORE && s->buffer == b && !(list == beside && index_equal(s->index, at)))
      return true;
  }
  return false;
}

static bool is_nest(const struct datapath_lowering *l, struct loop *loop) {
  int depth = l->depth + 1, n;
  for (struct loop *at = loop, *in; (in = only_loop(at->body, &n)); at = in)
    if (n > 1 || ++depth > MAX_LEVELS || divides(at->body))
      return false;
  bool leaf = !only_loop(loop->body, &n);
  return leaf || !disturbs(loop->body, loop->body);
}

/* ---- nodes ----------------------------------------------------------------------------------------- */

static struct hw_phase *phase_new(struct datapath_lowering *l) {
  struct hw_phase *p = arena_new(l->a, struct hw_phase);
  p->id = l->u->phases.n;
  p->n_outer = p->n_levels = l->depth;
  p->lanes = 1;
  memcpy(p->levels, l->around, sizeof p->levels);
  for (int k = 0; k < l->depth; k++)
    if (p->levels[k]->wide)
      p->lanes = l->h->options.vector;
  vec_push(l->a, l->u->phases, p);
  return p;
}

/* Loops of the phase around and including the vector one; 0: none is. */
static int wide_level(const struct hw_phase *p) {
  for (int k = 0; k < p->n_levels; k++)
    if (p->levels[k]->wide)
      return k + 1;
  return 0;
}

static bool depends_on_lane(const struct hw_phase *p, const struct index *x) {
  int k = wide_level(p);
  int64_t c;
  return k && (!index_coefficient(x, p->levels[k - 1]->loop, &c) || c != 0);
}

static struct hw_node *node_new(struct datapath_lowering *l, struct hw_phase *p, enum hw_node_kind kind,
                                const struct expr *e, int level) {
  struct hw_node *n = arena_new(l->a, struct hw_node);
  n->kind = kind;
  n->expr = e;
  n->level = level;
  n->name = e ? e->name : NULL;
  n->id = l->u->n_nodes++;
  vec_push(l->a, p->nodes, n);
  return n;
}

static struct hw_node *find_held(const struct hw_phase *p, const struct hw_node *source) {
  for (int i = 0; i < p->nodes.n; i++)
    if (p->nodes.at[i]->kind == HW_NODE_HELD && p->nodes.at[i]->source == source)
      return p->nodes.at[i];
  return NULL;
}

/* A node of an earlier phase, as this one sees it. */
static struct hw_node *held(struct datapath_lowering *l, struct hw_phase *p, struct hw_node *source) {
  struct hw_node *n = find_held(p, source);
  if (n)
    return n;
  n = node_new(l, p, HW_NODE_HELD, source->expr, 0);
  n->source = source;
  n->wide = source->wide;
  source->held = true;
  return n;
}

static bool names_value(const struct index *x) {
  return x && (x->kind == INDEX_VALUE || names_value(x->a) || names_value(x->b));
}

/* Constants, counters and the token are at hand in every phase. */
static struct hw_node *anywhere(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e,
                                int level) {
  for (int i = 0; i < p->nodes.n; i++)
    if (p->nodes.at[i]->expr == e && p->nodes.at[i]->kind != HW_NODE_ACC)
      return p->nodes.at[i];
  struct hw_node *n = node_new(l, p, HW_NODE_INDEX, e, level);
  if (e->kind == EXPR_CONST) {
    n->kind = HW_NODE_CONST;
    n->value = (int64_t)e->value;
    if (e->elem == ELEM_F32)
      refuse(l, e->at, "a float constant", "the hardware computes integers only; run the pass fixed-point");
    return n;
  }
  n->index = e->index;
  n->wide = depends_on_lane(p, e->index);
  if (names_value(e->index))
    refuse(l, e->at, "an index", "a number taken from the token can only choose rows of a weight");
  return n;
}

static bool is_anywhere(const struct expr *e) {
  return e->kind == EXPR_CONST || e->kind == EXPR_INDEX || e->kind == EXPR_INDEX_LT;
}

static struct hw_node *node_of(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e,
                               int level) {
  if (is_anywhere(e))
    return anywhere(l, p, e, level);
  const struct defined *def = &l->exprs[e->id];
  if (!def->node) /* the token itself, of which only rows are taken */
    refuse(l, e->at, "the token", "its number can only choose rows of a weight");
  if (l->failed)
    return NULL;
  return def->phase == p ? def->node : held(l, p, def->node);
}

/* ---- statements ------------------------------------------------------------------------------------ */

/* The loaded number that chooses the row must be the token. */
static void check_row(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e) {
  const struct index *x = e->index;
  if (!names_value(x))
    return;
  p->dynamic = true;
  const struct index *walk[64];
  int n = 0;
  walk[n++] = x;
  while (n > 0) {
    const struct index *at = walk[--n];
    if (at->kind == INDEX_VALUE && !(at->value->kind == EXPR_LOAD && is_token(at->value->buffer)))
      refuse(l, e->at, "index", "its row number is not the token");
    if (at->a && n < 62)
      walk[n++] = at->a;
    if (at->b && n < 62)
      walk[n++] = at->b;
  }
}

static struct hw_node *lower_load(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e,
                                  int level) {
  const struct buffer *b = e->buffer;
  struct hw_node *n = node_new(l, p, HW_NODE_LOAD, e, level);
  if (!n->name)
    n->name = b->name;
  n->index = e->index;
  if (b->base == BASE_WEIGHTS) {
    n->kind = HW_NODE_WEIGHT;
    n->wide = depends_on_lane(p, e->index);
    if (b->format == FORMAT_F32 || b->format == FORMAT_F16 || b->format == FORMAT_BF16)
      refuse(l, e->at, b->name, "the hardware computes integers only; run the pass fixed-point");
    check_row(l, p, e);
    return n;
  }
  if (names_value(e->index))
    refuse(l, e->at, "index",
           "rows of an activation or a state cannot be chosen by the token; of a weight they can");
  n->buffer = hw_buffer_of(l->h, l->d, l->u->kernel, b);
  if (!n->buffer) {
    l->failed = true;
    return n;
  }
  n->index = hw_place_of(l->h, n->buffer, b, e->index);
  n->whole = n->wide = depends_on_lane(p, n->index);
  return n;
}

static struct hw_node *lower_op(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e,
                                int level) {
  struct hw_node *in[3] = {0};
  for (int i = 0; i < e->n_in; i++)
    in[i] = node_of(l, p, e->in[i], level);
  struct hw_node *n = node_new(l, p, HW_NODE_OP, e, level);
  n->code = e->code;
  n->n_in = e->n_in;
  memcpy(n->in, in, sizeof in);
  for (int i = 0; i < e->n_in && !l->failed; i++)
    n->wide |= in[i]->wide;
  bool known = op_info[e->code].flags & INTEGER || e->code == OP_SELECT || e->code == OP_CONVERT;
  if (!known || e->elem == ELEM_F32)
    refuse(l, e->at, op_info[e->code].text,
           "the hardware has no such operator on floats; the pass fixed-point makes it one on integers");
  return n;
}

static void lower_let(struct datapath_lowering *l, struct hw_phase *p, const struct expr *e, int level) {
  if (is_anywhere(e))
    return;
  if (e->kind == EXPR_ACC) {
    l->exprs[e->id] = l->accs[e->acc->id];
    if (e->name && l->accs[e->acc->id].node)
      l->accs[e->acc->id].node->name = e->name;
    return;
  }
  if (e->kind == EXPR_LOAD && is_token(e->buffer))
    return;
  struct hw_node *n = e->kind == EXPR_LOAD ? lower_load(l, p, e, level) : lower_op(l, p, e, level);
  l->exprs[e->id] = (struct defined){p, n};
}

static void lower_store(struct datapath_lowering *l, struct hw_phase *p, const struct stmt *s, int level) {
  struct hw_node *value = node_of(l, p, s->expr, level);
  struct hw_buffer *b = hw_buffer_of(l->h, l->d, l->u->kernel, s->buffer);
  l->failed |= !b;
  if (l->failed)
    return;
  for (int i = 0; i < p->stores.n; i++)
    if (p->stores.at[i]->buffer == b)
      refuse(l, s->at, b->name, "two numbers would be stored to one memory in a clock");
  struct hw_store *st = arena_new(l->a, struct hw_store);
  *st = (struct hw_store){.planned = s->buffer, .buffer = b, .value = value, .level = level, .at = s->at};
  st->index = hw_place_of(l->h, b, s->buffer, s->index);
  st->whole = depends_on_lane(p, st->index);
  if (value->wide && !st->whole)
    refuse(l, s->at, b->name, "elements of a vector would be stored to one place");
  vec_push(l->a, p->stores, st);
}

static void lower_accumulate(struct datapath_lowering *l, struct hw_phase *p, const struct stmt *s,
                             int level) {
  struct hw_node *element = node_of(l, p, s->expr, level);
  struct hw_node *n = node_new(l, p, HW_NODE_ACC, NULL, level);
  n->acc = s->acc;
  n->element = element;
  n->name = s->acc->name;
  while (n->acc_level < p->n_levels && p->levels[n->acc_level]->loop != s->acc->loop)
    n->acc_level++;
  n->acc_level++;
  int wide = wide_level(p);
  n->across = wide && n->acc_level == wide;
  n->wide = wide && n->acc_level > wide && !l->failed && element->wide;
  l->accs[s->acc->id] = (struct defined){p, n};
}

/* Statements of one block from `from` to `to`; a loop in it is the next level of the nest. */
static void lower_statements(struct datapath_lowering *l, struct hw_phase *p, const struct stmt *from,
                             const struct stmt *to, int level) {
  for (const struct stmt *s = from; s != to && !l->failed; s = s->next) {
    switch (s->kind) {
    case STMT_LET: lower_let(l, p, s->expr, level); break;
    case STMT_STORE: lower_store(l, p, s, level); break;
    case STMT_ACCUMULATE: lower_accumulate(l, p, s, level); break;
    case STMT_LOOP: lower_statements(l, p, s->loop->body, NULL, level + 1); break;
    }
  }
}

/* ---- phases ---------------------------------------------------------------------------------------- */

static void lower_nest(struct datapath_lowering *l, struct loop *loop) {
  struct hw_phase *p = phase_new(l);
  int n;
  p->iterations = 1;
  for (struct loop *in = loop; in; in = only_loop(in->body, &n)) {
    struct hw_level *v = level_new(l, in);
    p->levels[p->n_levels++] = v;
    p->iterations *= v->steps;
    if (v->wide)
      p->lanes = l->h->options.vector;
  }
  lower_statements(l, p, loop->body, NULL, p->n_outer + 1);
}

/* Whether a run of statements needs a phase: not if all are constants, indices, finished accumulators. */
static bool needs_phase(const struct stmt *from, const struct stmt *to) {
  for (const struct stmt *s = from; s != to; s = s->next) {
    if (s->kind != STMT_LET)
      return true;
    const struct expr *e = s->expr;
    bool token = e->kind == EXPR_LOAD && is_token(e->buffer);
    if (!is_anywhere(e) && e->kind != EXPR_ACC && !token)
      return true;
  }
  return false;
}

static void lower_single(struct datapath_lowering *l, const struct stmt *from, const struct stmt *to) {
  if (!needs_phase(from, to)) {
    for (const struct stmt *s = from; s != to; s = s->next)
      lower_let(l, NULL, s->expr, l->depth);
    return;
  }
  struct hw_phase *p = phase_new(l);
  p->single = true;
  p->iterations = 1;
  lower_statements(l, p, from, to, l->depth);
}

static void lower_block(struct datapath_lowering *l, const struct stmt *list);

static void lower_repeated(struct datapath_lowering *l, struct loop *loop, struct loc at) {
  if (l->depth == MAX_LEVELS - 1) {
    refuse(l, at, "a loop", "too many loops stand in one another");
    return;
  }
  struct hw_level *v = level_new(l, loop);
  int outer = l->loop, mine = l->u->loops.n;
  vec_push(l->a, l->u->loops, (struct hw_loop){.level = v, .first = l->u->phases.n, .outer = outer});
  l->loop = mine;
  l->around[l->depth++] = v;
  lower_block(l, loop->body);
  l->depth--;
  if (l->u->phases.n == l->u->loops.at[mine].first)
    refuse(l, at, "a loop", "nothing is computed in it");
  l->u->loops.at[mine].last = l->u->phases.n - 1;
  l->loop = outer;
}

static void lower_block(struct datapath_lowering *l, const struct stmt *list) {
  const struct stmt *from = list, *s = list;
  for (; s && !l->failed; s = s->next) {
    if (s->kind != STMT_LOOP)
      continue;
    lower_single(l, from, s);
    if (is_nest(l, s->loop))
      lower_nest(l, s->loop);
    else
      lower_repeated(l, s->loop, s->at);
    from = s->next;
  }
  if (!l->failed)
    lower_single(l, from, NULL);
}

static void note_repeats(struct hw_unit *u, const struct index *x) {
  if (!x)
    return;
  u->uses_i |= x->kind == INDEX_I;
  u->uses_j |= x->kind == INDEX_J;
  note_repeats(u, x->a);
  note_repeats(u, x->b);
}

/* Weights come in order: their indices are the image's. */
static void note_phase(struct hw_unit *u, const struct hw_phase *p) {
  for (int i = 0; i < p->nodes.n; i++) {
    const struct hw_node *n = p->nodes.at[i];
    if (n->kind == HW_NODE_LOAD || n->kind == HW_NODE_INDEX)
      note_repeats(u, n->index);
    if (n->kind == HW_NODE_INDEX)
      note_repeats(u, n->expr->bound);
  }
  for (int i = 0; i < p->stores.n; i++)
    note_repeats(u, p->stores.at[i]->index);
}

bool hw_lower_kernel(struct hw_design *h, struct diag *d, struct hw_unit *u) {
  struct datapath_lowering l = {.h = h, .u = u, .d = d, .a = h->arena, .loop = -1};
  l.exprs = arena_array(l.a, struct defined, u->kernel->n_exprs + 1);
  l.accs = arena_array(l.a, struct defined, u->kernel->n_accs + 1);
  lower_block(&l, u->kernel->body);
  for (int i = 0; i < u->phases.n; i++) {
    struct hw_phase *p = u->phases.at[i];
    note_phase(u, p);
    p->runs = 1;
    for (int k = 0; k < p->n_outer; k++)
      p->runs *= p->levels[k]->steps;
  }
  return !l.failed;
}

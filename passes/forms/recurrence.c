/* recurrence.c: the operators that lie between a read and a write of one state go token by token.
 *
 * A graph has the block's operators as nodes. Edges: from an operator to those that use its results; and, for
 * two operators of which one writes a state that the other reads or writes too, both ways, since this token's
 * write is what the next token reads. The strongly connected components of that graph are exactly what must
 * be serial: all that lies on a path from a read to a write, states that depend on each other together,
 * states that do not apart. They are found by Tarjan's algorithm.
 *
 * Matrix states. The outer product that is added to a matrix state, and the read-out that is made of it,
 * could take all tokens at once outside the scan, at the price of T matrices in memory. Element-wise
 * operators, movement and reductions at the border of a scan that carry a matrix as large as its state come
 * in. */
#include "passes/forms/recurrence.h"

#include "passes/conflicts.h"
#include "passes/rewrite.h"
#include "support/heap.h"
#include <stdlib.h>
#include <string.h>

typedef VEC(int) int_list;

struct graph {
  struct arena *arena;
  const struct batching *batching;
  const struct block *block;
  int n;
  struct op **ops; /* their ids are the numbers of the nodes */
  int_list *edge;  /* of i: each j whose result i uses, or that must be with it; ascending */
  int_list *users; /* of j: each i with an edge to j; ascending */
  int *part;
  int n_parts;
};

/* ---- the graph --------------------------------------------------------------------------------------- */

static void add_uses(struct graph *g, int user, int n, struct value *const *values) {
  for (int i = 0; i < n; i++)
    if (values[i]->def && values[i]->block == g->block)
      vec_push(g->arena, g->edge[user], values[i]->def->id);
}

/* This token's write is what the next token reads, so there is an edge both ways; but for sequences, each of
 * which has its own, and for what is appended, of which a token sees no more than it should. i stands first.
 */
static void tie(void *graph, int i, int j) {
  struct graph *g = graph;
  vec_push(g->arena, g->edge[j], i);
  if (!g->batching->sequences && g->ops[i]->code != OP_APPEND)
    vec_push(g->arena, g->edge[i], j);
}

bool has_past(const struct module *m, const struct op *op) {
  bool found = op->code == OP_SEEN || op->code == OP_AGE;
  for (int i = 0; i < op->n_in; i++)
    found |= type_is_past(m, op->in[i]->type);
  for (int i = 0; i < op->n_out; i++)
    found |= type_is_past(m, op->out[i]->type);
  return found;
}

/* What is as long as a past is there for one token only, so it stands with all that use it. */
static void tie_past(struct graph *g, const struct op *op) {
  for (int i = 0; i < op->n_in; i++)
    if (op->in[i]->def && op->in[i]->block == g->block && type_is_past(g->batching->m, op->in[i]->type))
      vec_push(g->arena, g->edge[op->in[i]->def->id], op->id);
}

static void add_operators(struct graph *g) {
  for (struct op *op = g->block->first; op != g->block->last; op = op->next)
    op->id = g->n++;
  g->ops = arena_array(g->arena, struct op *, g->n);
  g->edge = arena_array(g->arena, int_list, g->n);
  g->users = arena_array(g->arena, int_list, g->n);
  for (struct op *op = g->block->first; op != g->block->last; op = op->next) {
    struct value **captured = NULL;
    int n = op->body ? captured_values(g->arena, op, &captured) : 0;
    g->ops[op->id] = op;
    add_uses(g, op->id, op->n_in, op->in);
    add_uses(g, op->id, n, captured);
    tie_past(g, op);
  }
}

static int by_number(const void *x, const void *y) {
  int a = *(const int *)x, b = *(const int *)y;
  return (a > b) - (a < b);
}

static void sort_edges(struct graph *g) {
  for (int i = 0; i < g->n; i++) {
    int_list *to = &g->edge[i];
    int n = 0;
    if (to->n)
      qsort(to->at, (size_t)to->n, sizeof *to->at, by_number);
    for (int k = 0; k < to->n; k++)
      if (n == 0 || to->at[n - 1] != to->at[k])
        to->at[n++] = to->at[k];
    to->n = n;
    for (int k = 0; k < n; k++)
      vec_push(g->arena, g->users[to->at[k]], i);
  }
}

/* ---- strongly connected components ------------------------------------------------------------------- */

struct tarjan {
  struct graph *g;
  int clock, *entered, *low, *stack, n_stack;
  bool *on_stack;
};

static void connect(struct tarjan *t, int v) {
  struct graph *g = t->g;
  t->entered[v] = t->low[v] = ++t->clock;
  t->stack[t->n_stack++] = v;
  t->on_stack[v] = true;
  for (int i = 0; i < g->edge[v].n; i++) {
    int to = g->edge[v].at[i];
    if (!t->entered[to])
      connect(t, to);
    if (t->on_stack[to] && t->low[to] < t->low[v])
      t->low[v] = t->low[to];
  }
  if (t->low[v] != t->entered[v])
    return;
  int w;
  do {
    w = t->stack[--t->n_stack];
    t->on_stack[w] = false;
    g->part[w] = g->n_parts;
  } while (w != v);
  g->n_parts++;
}

static void find_components(struct graph *g) {
  struct arena *a = g->arena;
  struct tarjan t = {.g = g,
                     .entered = arena_array(a, int, g->n),
                     .low = arena_array(a, int, g->n),
                     .stack = arena_array(a, int, g->n),
                     .on_stack = arena_array(a, bool, g->n)};
  g->part = arena_array(a, int, g->n);
  for (int k = 0; k < g->n; k++)
    if (!t.entered[k])
      connect(&t, k);
}

/* ---- parts ------------------------------------------------------------------------------------------- */

static void find_scans(struct graph *g, bool *scan, bool (*alone)(const struct op *, void *), void *data) {
  int *size = arena_array(g->arena, int, g->n_parts);
  for (int k = 0; k < g->n; k++)
    size[g->part[k]]++;
  for (int k = 0; k < g->n; k++) /* a write may be alone: nothing reads it, say */
    if ((g->ops[k]->code == OP_WRITE && !g->batching->sequences) || alone(g->ops[k], data) ||
        size[g->part[k]] > 1)
      scan[g->part[k]] = true;
}

/* The operators of each part, and what it needs: a part as often as there are edges to it. */
static struct component *list_parts(const struct graph *g, const int *part, int n) {
  struct component *parts = arena_array(g->arena, struct component, n);
  for (int i = 0; i < g->n; i++) {
    struct component *p = &parts[part[i]];
    vec_push(g->arena, p->ops, g->ops[i]);
    for (int k = 0; k < g->edge[i].n; k++)
      if (part[g->edge[i].at[k]] != part[i])
        vec_push(g->arena, p->needs, part[g->edge[i].at[k]]);
  }
  return parts;
}

static int first_of(const struct component *p) {
  return p->ops.at[0]->id;
}

/* The new number of each part, in an order in which each comes after what it needs: of those that can be next
 * the one whose first operator is first in the program. Empty parts have none. No parts need each other. */
static int *order_parts(const struct graph *g, const struct component *parts, int *n_ordered) {
  int *number = arena_array(g->arena, int, g->n_parts), *missing = arena_array(g->arena, int, g->n_parts);
  int_list *needed_by = arena_array(g->arena, int_list, g->n_parts);
  struct heap ready = {0}; /* first operators */
  *n_ordered = 0;
  for (int p = 0; p < g->n_parts; p++) {
    missing[p] = parts[p].needs.n;
    for (int i = 0; i < missing[p]; i++)
      vec_push(g->arena, needed_by[parts[p].needs.at[i]], p);
    if (missing[p] == 0 && parts[p].ops.n)
      heap_push(g->arena, &ready, first_of(&parts[p]));
  }
  while (ready.at.n) {
    int p = g->part[heap_pop(&ready)];
    number[p] = (*n_ordered)++;
    for (int i = 0; i < needed_by[p].n; i++)
      if (--missing[needed_by[p].at[i]] == 0)
        heap_push(g->arena, &ready, first_of(&parts[needed_by[p].at[i]]));
  }
  return number;
}

/* ---- matrix states ----------------------------------------------------------------------------------- */

static int64_t count(const struct value *v) {
  return type_count(v->type, NULL);
}

/* The elements of the matrix state that it writes; 0: none. */
static int64_t written_matrix(const struct op *op) {
  return op->code == OP_WRITE && op->in[0]->type.rank >= 2 ? count(op->in[0]) : 0;
}

static bool light(const struct op *op) {
  return (op_info[op->code].flags & (MAP | MOVE | REDUCE)) && op->n_out == 1 && op->code != OP_TAIL;
}

static bool only_used_in(const struct graph *g, int k, int part) {
  const int_list *users = &g->users[k];
  for (int i = 0; i < users->n; i++)
    if (g->part[users->at[i]] != part)
      return false;
  return users->n && !op_uses(g->block->last, g->ops[k]->out[0]);
}

/* Whether operator k takes a matrix out of the part, or brings one in. */
static bool carries_matrix(const struct graph *g, int k, int part, int64_t size) {
  for (int i = 0; i < g->edge[k].n; i++) {
    int j = g->edge[k].at[i];
    if (g->part[j] == part && g->ops[j]->n_out == 1 && count(g->ops[j]->out[0]) >= size)
      return true;
  }
  return count(g->ops[k]->out[0]) >= size && only_used_in(g, k, part);
}

/* What stands around the block. */
static bool made_of_weights(const struct op *op) {
  if (!(op_info[op->code].flags & PURE) || op->body)
    return false;
  for (int i = 0; i < op->n_in; i++)
    if (!op->in[i]->def || !made_of_weights(op->in[i]->def))
      return false;
  return true;
}

/* What is made of weights alone stays outside: it is the same for all tokens. */
static bool *find_candidates(const struct graph *g) {
  bool *of_weights = arena_array(g->arena, bool, g->n), *candidate = arena_array(g->arena, bool, g->n);
  for (int k = 0; k < g->n; k++) {
    const struct op *op = g->ops[k];
    of_weights[k] = (op_info[op->code].flags & PURE) && !op->body;
    for (int i = 0; i < op->n_in && of_weights[k]; i++) {
      const struct value *v = op->in[i];
      of_weights[k] = v->def && (v->block == g->block ? of_weights[v->def->id] : made_of_weights(v->def));
    }
    candidate[k] = light(op) && !of_weights[k];
  }
  return candidate;
}

/* Absorbing operators into scans. */
struct absorption {
  struct graph *g;
  const bool *scan;
  const bool *candidate;
  int_list *members; /* of each part, in any order */
  int *most;         /* the last operator of each part */
  int *visited;      /* by operator: the search that came by */
  int searches;
  int_list stack;
};

static void visit(struct absorption *a, int k) {
  if (a->visited[k] != a->searches)
    vec_push(a->g->arena, a->stack, k);
  a->visited[k] = a->searches;
}

/* Whether part `part` with operator k would need itself by way of other parts. Parts that lie before both
 * lead nowhere: but within a part, an operator needs only such as stand before it. */
static bool needs_itself(struct absorption *a, int k, int part) {
  struct graph *g = a->g;
  int least = k;
  a->searches++;
  a->stack.n = 0;
  visit(a, k);
  for (int i = 0; i < a->members[part].n; i++) {
    int m = a->members[part].at[i];
    least = m < least ? m : least;
    visit(a, m);
  }
  while (a->stack.n) {
    int from = a->stack.at[--a->stack.n];
    bool inside = from == k || g->part[from] == part;
    for (int i = 0; i < g->edge[from].n; i++) {
      int to = g->edge[from].at[i], q = g->part[to];
      if (to == k || q == part) {
        if (!inside)
          return true;
        continue;
      }
      for (int j = 0; a->most[q] > least && j < a->members[q].n; j++)
        visit(a, a->members[q].at[j]);
    }
  }
  return false;
}

static bool absorb(struct absorption *a, int k, int part) {
  if (needs_itself(a, k, part))
    return false;
  a->members[a->g->part[k]].n = 0; /* a candidate is a part by itself */
  a->g->part[k] = part;
  vec_push(a->g->arena, a->members[part], k);
  a->most[part] = k > a->most[part] ? k : a->most[part];
  return true;
}

static void absorb_into(struct absorption *a, int part, int64_t size) {
  struct graph *g = a->g;
  for (bool changed = size > 0; changed;) {
    changed = false;
    for (int k = 0; k < g->n; k++)
      if (a->candidate[k] && g->part[k] != part && !a->scan[g->part[k]] && carries_matrix(g, k, part, size))
        changed |= absorb(a, k, part);
  }
}

static void absorb_matrices(struct graph *g, const bool *scan) {
  struct absorption a = {.g = g, .scan = scan, .candidate = find_candidates(g)};
  a.members = arena_array(g->arena, int_list, g->n_parts);
  a.most = arena_array(g->arena, int, g->n_parts);
  a.visited = arena_array(g->arena, int, g->n);
  int64_t *size = arena_array(g->arena, int64_t, g->n_parts);
  for (int k = 0; k < g->n; k++) {
    vec_push(g->arena, a.members[g->part[k]], k);
    a.most[g->part[k]] = k;
    int64_t n = written_matrix(g->ops[k]);
    size[g->part[k]] = n > size[g->part[k]] ? n : size[g->part[k]];
  }
  for (int part = 0; part < g->n_parts; part++)
    if (scan[part])
      absorb_into(&a, part, size[part]);
}

struct parts *find_parts(struct batching *b, const struct block *from,
                         bool (*alone)(const struct op *, void *batching)) {
  struct arena *a = &b->scratch;
  struct graph g = {.arena = a, .batching = b, .block = from};
  add_operators(&g);
  each_conflict(a, g.n, g.ops, tie, &g);
  sort_edges(&g);
  find_components(&g);
  bool *scan = arena_array(a, bool, g.n_parts);
  find_scans(&g, scan, alone, b);
  absorb_matrices(&g, scan);
  struct parts *p = arena_new(a, struct parts);
  int *number = order_parts(&g, list_parts(&g, g.part, g.n_parts), &p->n), *part = arena_array(a, int, g.n);
  for (int k = 0; k < g.n; k++)
    part[k] = number[g.part[k]];
  p->at = list_parts(&g, part, p->n);
  for (int k = 0; k < g.n; k++)
    p->at[part[k]].scan = scan[g.part[k]];
  return p;
}

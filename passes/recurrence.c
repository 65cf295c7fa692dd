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
#include "passes/recurrence.h"

#include "passes/rewrite.h"

struct graph {
  struct arena *arena;
  const struct block *block;
  int n;
  struct op **ops;
  bool **edge; /* edge[i][j]: i uses a result of j, or must be with it */
  int *part;
  int n_parts;
};

/* ---- the graph --------------------------------------------------------------------------------------- */

static bool **matrix(struct arena *a, int n) {
  bool **rows = arena_array(a, bool *, n);
  for (int i = 0; i < n; i++)
    rows[i] = arena_array(a, bool, n);
  return rows;
}

static int node_of(const struct graph *g, const struct op *op) {
  int k = 0;
  while (g->ops[k] != op)
    k++;
  return k;
}

static void add_uses(struct graph *g, int user, int n, struct value *const *values) {
  for (int i = 0; i < n; i++)
    if (values[i]->def && values[i]->block == g->block)
      g->edge[user][node_of(g, values[i]->def)] = true;
}

static void add_operators(struct graph *g) {
  for (const struct op *op = g->block->first; op != g->block->last; op = op->next)
    g->n++;
  g->ops = arena_array(g->arena, struct op *, g->n);
  g->edge = matrix(g->arena, g->n);
  int k = 0;
  for (struct op *op = g->block->first; op != g->block->last; op = op->next)
    g->ops[k++] = op;
  for (k = 0; k < g->n; k++) {
    struct value **captured = NULL;
    int n = g->ops[k]->body ? captured_values(g->arena, g->ops[k], &captured) : 0;
    add_uses(g, k, g->ops[k]->n_in, g->ops[k]->in);
    add_uses(g, k, n, captured);
  }
}

struct access {
  const struct op *op;
  int node;
};
struct accesses {
  struct arena *arena;
  int node;
  VEC(struct access) list;
};

static void note_access(struct op *op, void *data) {
  struct accesses *a = data;
  if (op->code == OP_READ || op->code == OP_WRITE)
    vec_push(a->arena, a->list, (struct access){op, a->node});
}

static void add_states(struct graph *g, struct accesses *all) {
  for (int k = 0; k < g->n; k++) {
    all->node = k;
    note_access(g->ops[k], all);
    if (g->ops[k]->body)
      walk(g->ops[k]->body, note_access, all);
  }
  for (int i = 0; i < all->list.n; i++)
    for (int j = 0; j < i; j++) {
      struct access x = all->list.at[i], y = all->list.at[j];
      if (x.node != y.node && states_conflict(x.op, y.op))
        g->edge[x.node][y.node] = g->edge[y.node][x.node] = true;
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
  for (int w = 0; w < g->n; w++) {
    if (!g->edge[v][w])
      continue;
    if (!t->entered[w])
      connect(t, w);
    if (t->on_stack[w] && t->low[w] < t->low[v])
      t->low[v] = t->low[w];
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

static int size_of(const struct graph *g, int part) {
  int n = 0;
  for (int k = 0; k < g->n; k++)
    n += g->part[k] == part;
  return n;
}

static void find_scans(struct graph *g, const struct accesses *all, struct parts *p,
                       bool (*alone)(const struct op *, void *), void *data) {
  for (int k = 0; k < g->n; k++)
    if (alone(g->ops[k], data) || size_of(g, g->part[k]) > 1)
      p->scan[g->part[k]] = true;
  for (int i = 0; i < all->list.n; i++) /* a write that nothing reads, say */
    if (all->list.at[i].op->code == OP_WRITE && g->ops[all->list.at[i].node] == all->list.at[i].op)
      p->scan[g->part[all->list.at[i].node]] = true;
}

static void find_needs(const struct graph *g, bool **needs, int n) {
  for (int p = 0; p < n; p++)
    for (int q = 0; q < n; q++)
      needs[p][q] = false;
  for (int i = 0; i < g->n; i++)
    for (int j = 0; j < g->n; j++)
      if (g->edge[i][j] && g->part[i] != g->part[j])
        needs[g->part[i]][g->part[j]] = true;
}

/* Numbers the parts anew in an order in which each comes after what it needs: of those that can be next the
 * one whose first operator is first in the program. Empty parts vanish. Returns the new number of each, or
 * NULL when they need each other. */
static int *order_parts(const struct graph *g, bool **needs, int n, int *n_ordered) {
  int *number = arena_array(g->arena, int, n), *size = arena_array(g->arena, int, n), left = 0;
  for (int k = 0; k < g->n; k++)
    left += size[g->part[k]]++ == 0;
  for (int p = 0; p < n; p++)
    number[p] = -1;
  *n_ordered = 0;
  for (bool found = true; left && found;) {
    found = false;
    for (int k = 0; k < g->n && !found; k++) {
      int p = g->part[k];
      bool ready = number[p] < 0;
      for (int q = 0; q < n && ready; q++)
        ready = !needs[p][q] || number[q] >= 0;
      if (!ready)
        continue;
      number[p] = (*n_ordered)++;
      left--;
      found = true;
    }
  }
  return left ? NULL : number;
}

/* ---- matrix states ----------------------------------------------------------------------------------- */

static int64_t count(const struct value *v) {
  return type_count(v->type, 1, 1);
}

/* The largest matrix state that the part writes, in elements; 0: none. */
static int64_t matrix_size(const struct graph *g, int part) {
  int64_t largest = 0;
  for (int k = 0; k < g->n; k++) {
    const struct op *op = g->ops[k];
    if (g->part[k] != part || op->code != OP_WRITE || op->in[0]->type.rank < 2)
      continue;
    int64_t n = count(op->in[0]);
    largest = n > largest ? n : largest;
  }
  return largest;
}

static bool light(const struct op *op) {
  return (op_info[op->code].flags & (MAP | MOVE | REDUCE)) && op->n_out == 1 && op->code != OP_TAIL;
}

static bool only_used_in(const struct graph *g, int k, int part) {
  bool used = false;
  for (int i = 0; i < g->n; i++)
    if (g->edge[i][k]) {
      used = true;
      if (g->part[i] != part)
        return false;
    }
  return used && !op_uses(g->block->last, g->ops[k]->out[0]);
}

/* Whether operator k takes a matrix out of the part, or brings one in. */
static bool carries_matrix(const struct graph *g, int k, int part, int64_t size) {
  for (int j = 0; j < g->n; j++)
    if (g->edge[k][j] && g->part[j] == part && g->ops[j]->n_out == 1 && count(g->ops[j]->out[0]) >= size)
      return true;
  return count(g->ops[k]->out[0]) >= size && only_used_in(g, k, part);
}

static bool absorb(struct graph *g, struct parts *p, int k, int part) {
  int before = g->part[k], n;
  g->part[k] = part;
  find_needs(g, p->needs, g->n_parts);
  if (order_parts(g, p->needs, g->n_parts, &n))
    return true;
  g->part[k] = before;
  return false;
}

/* What is made of weights alone stays outside: it is the same for all tokens. */
static bool of_weights(const struct op *op) {
  if (!(op_info[op->code].flags & PURE) || op->body)
    return false;
  for (int i = 0; i < op->n_in; i++)
    if (!op->in[i]->def || !of_weights(op->in[i]->def))
      return false;
  return true;
}

static void absorb_matrices(struct graph *g, struct parts *p) {
  for (int part = 0; part < g->n_parts; part++) {
    int64_t size = p->scan[part] ? matrix_size(g, part) : 0;
    for (bool changed = size > 0; changed;) {
      changed = false;
      for (int k = 0; k < g->n; k++)
        if (g->part[k] != part && !p->scan[g->part[k]] && light(g->ops[k]) && !of_weights(g->ops[k]) &&
            carries_matrix(g, k, part, size))
          changed |= absorb(g, p, k, part);
    }
  }
}

struct parts *find_parts(struct arena *a, const struct block *b, bool (*alone)(const struct op *, void *),
                         void *data) {
  struct graph g = {.arena = a, .block = b};
  struct accesses all = {.arena = a};
  add_operators(&g);
  add_states(&g, &all);
  find_components(&g);
  struct parts *p = arena_new(a, struct parts);
  *p = (struct parts){.n_ops = g.n, .ops = g.ops, .part = arena_array(a, int, g.n)};
  p->scan = arena_array(a, bool, g.n_parts);
  p->needs = matrix(a, g.n_parts);
  find_scans(&g, &all, p, alone, data);
  absorb_matrices(&g, p);
  find_needs(&g, p->needs, g.n_parts);
  int *number = order_parts(&g, p->needs, g.n_parts, &p->n);
  bool *scan = arena_array(a, bool, p->n);
  for (int k = 0; k < g.n; k++) {
    p->part[k] = number[g.part[k]];
    scan[p->part[k]] = p->scan[g.part[k]];
    g.part[k] = p->part[k];
  }
  p->scan = scan;
  find_needs(&g, p->needs, p->n);
  return p;
}

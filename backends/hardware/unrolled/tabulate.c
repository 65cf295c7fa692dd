/* tabulate.c: what depends on one narrow number only can be a table of it. */
#include "backends/hardware/unrolled/netlist.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ENTRIES = 256, MOST_CONE = 400, LEAST_CONE = 6 /* LUTs: what is less stays readable */ };

/* ---- what a table costs in LUTs of four inputs ------------------------------------------------------- */

/* Distinct functions that are neither constant nor an input among `count` tables of 2^inputs bits at f. */
static int distinct(uint8_t *const *f, int count, int inputs, uint8_t **kept) {
  int n = 0;
  size_t size = (size_t)1 << inputs;
  for (int i = 0; i < count; i++) {
    bool trivial = memchr(f[i], !f[i][0], size) == NULL, seen = false;
    for (int k = 0; k < n && !trivial && !seen; k++)
      seen = memcmp(kept[k], f[i], size) == 0;
    if (!trivial && !seen)
      kept[n++] = f[i];
  }
  return n;
}

/* Whether the upper half of a function is its lower half: its highest input does not matter. */
static bool upper_unused(const uint8_t *f, int inputs) {
  size_t half = (size_t)1 << (inputs - 1);
  return memcmp(f, f + half, half) == 0;
}

int net_table_luts(const int64_t *value, int64_t count, int width) {
  int inputs = net_interval_width(0, count - 1), luts = 0;
  size_t size = (size_t)1 << inputs;
  uint8_t *bits = xmalloc(size * (size_t)width);
  uint8_t **f = xmalloc(sizeof *f * ((size_t)width << (inputs > 4 ? inputs - 4 : 0)));
  uint8_t **kept = xmalloc(sizeof *kept * ((size_t)width << (inputs > 4 ? inputs - 4 : 0)));
  for (int w = 0; w < width; w++) {
    f[w] = bits + size * (size_t)w;
    for (size_t i = 0; i < size; i++) /* entries beyond the table repeat its last one: they do not matter */
      f[w][i] = (uint8_t)(value[i < (size_t)count ? i : (size_t)count - 1] >> w & 1);
  }
  int n = distinct(f, width, inputs, kept);
  for (; inputs > 4; inputs--) { /* a multiplexer for each function that looks at its highest input */
    int halves = 0;
    for (int i = 0; i < n; i++) {
      bool unused = upper_unused(kept[i], inputs);
      luts += !unused;
      f[halves++] = kept[i];
      if (!unused)
        f[halves++] = kept[i] + ((size_t)1 << (inputs - 1));
    }
    n = distinct(f, halves, inputs - 1, kept);
  }
  free(bits);
  free(f);
  free(kept);
  return luts + n;
}

/* ---- cones ------------------------------------------------------------------------------------------- */

static int64_t domain(const struct netlist *n, ref r) {
  const struct net_node *x = net_at(n, r);
  return x->hi - x->lo + 1;
}

/* LUTs of a node, roughly. */
static int node_luts(const struct netlist *n, ref r) {
  const struct net_node *x = net_at(n, r);
  bool of_second;
  switch (x->kind) {
  case NET_ADD:
  case NET_SUB: return net_is_concat(n, r) ? 0 : net_width(n, r) - net_passed_bits(n, r, &of_second);
  case NET_MUL: return net_width(n, x->in[0]) * net_width(n, x->in[1]);
  case NET_LT: return net_width(n, x->in[0]);
  case NET_EQ: return (net_width(n, x->in[0]) + 2) / 3;
  case NET_SELECT:
  case NET_CLAMP: return net_width(n, r);
  case NET_ROM:
    return net_table_luts(n->tables.at[x->table].value, n->tables.at[x->table].n, net_width(n, r));
  default: return 0;
  }
}

struct cone {
  ref root;
  int n;
  ref node[MOST_CONE]; /* in topological order */
  int luts;
};

static int by_number(const void *a, const void *b) {
  return *(const ref *)a - *(const ref *)b;
}

static bool in_cone(const struct cone *c, ref r) {
  for (int i = 0; i < c->n; i++)
    if (c->node[i] == r)
      return true;
  return false;
}

/* Collects what lies between y and the root; false when it is too much. */
static bool collect(const struct netlist *n, ref y, struct cone *c) {
  if (y == c->root || in_cone(c, y))
    return true;
  if (c->n == MOST_CONE)
    return false;
  c->node[c->n++] = y;
  c->luts += node_luts(n, y);
  for (int i = 0; i < 3 && net_at(n, y)->in[i] != NO_NODE; i++)
    if (!collect(n, net_at(n, y)->in[i], c))
      return false;
  return true;
}

/* Whether a node's value is needed by something that depends on more than its support. */
static bool *find_frontier(const struct netlist *n) {
  bool *frontier = arena_array(n->arena, bool, n->nodes.n);
  for (ref r = 0; r < n->nodes.n; r++)
    for (int i = 0; net_at(n, r)->live && i < 3 && net_at(n, r)->in[i] != NO_NODE; i++) {
      ref of = net_at(n, r)->in[i];
      if (net_at(n, r)->support != net_at(n, of)->support)
        frontier[net_at(n, of)->kind == NET_VIEW ? net_at(n, of)->in[0] : of] = true;
    }
  for (int i = 0; i < n->outputs.n; i++)
    frontier[n->outputs.at[i].node] = true;
  for (int i = 0; i < n->states.n; i++)
    frontier[n->states.at[i].next] = true;
  return frontier;
}

/* The values of y for all values of the cone's root. */
static void evaluate(const struct netlist *n, struct cone *c, ref y, int64_t *of_node, int64_t *value) {
  int64_t count = domain(n, c->root), first = net_at(n, c->root)->lo;
  qsort(c->node, (size_t)c->n, sizeof *c->node, by_number);
  for (int64_t i = 0; i < count; i++) {
    of_node[c->root] = first + i;
    for (int k = 0; k < c->n; k++)
      of_node[c->node[k]] = net_node_value(n, c->node[k], of_node, 0, false, NULL);
    value[i] = of_node[y];
  }
}

void net_tabulate(struct netlist *n) {
  net_mark_live(n);
  const bool *frontier = find_frontier(n);
  struct cone *c = arena_new(n->arena, struct cone);
  int64_t *of_node = arena_array(n->arena, int64_t, n->nodes.n), value[MOST_ENTRIES];
  for (ref y = 0; y < n->nodes.n; y++) {
    struct net_node *x = &n->nodes.at[y];
    *c = (struct cone){.root = x->support};
    if (!x->live || !frontier[y] || x->kind == NET_VIEW || x->kind == NET_ROM || c->root < 0 ||
        c->root == y || domain(n, c->root) > MOST_ENTRIES || !collect(n, y, c) || c->luts < LEAST_CONE)
      continue;
    evaluate(n, c, y, of_node, value);
    if (net_table_luts(value, domain(n, c->root), net_width(n, y)) < c->luts)
      net_become_rom(n, y, c->root, value);
  }
}

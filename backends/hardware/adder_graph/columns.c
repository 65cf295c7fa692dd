/* columns.c: the spanning tree over columns.
 *
 * It pays for matrices with columns that are near one another, which common terms alone cannot use: when many
 * columns each lack a few of a long common sum, subtracting these is cheaper than building it from parts. */
#include "backends/hardware/adder_graph/columns.h"

#include <string.h>

#include "backends/hardware/adder_graph/sharing.h"

enum { LEAST_SAVING = 4, MOST_WORK = 400000000 };

struct columns columns_plain(struct arena *a, const int8_t *matrix, int outputs, int depth) {
  struct columns c = {.matrix = (int8_t *)matrix};
  c.parent = arena_array(a, int, outputs);
  c.negative = arena_array(a, bool, outputs);
  c.order = arena_array(a, int, outputs);
  c.limit = arena_array(a, int, outputs);
  for (int j = 0; j < outputs; j++) {
    c.parent[j] = -1;
    c.order[j] = j;
    c.limit[j] = depth;
  }
  return c;
}

/* ---- Prim -------------------------------------------------------------------------------------------- */

struct prim {
  const int8_t *matrix;
  int inputs, outputs, depth, words;
  const int *arrival;
  uint64_t *mask; /* [outputs][2][words] */
  int *cost;      /* coefficients left with the parent so far */
  int *level;     /* of columns in the tree: the depth that they need */
  bool *in_tree;
  struct columns c;
};

static const uint64_t *mask_of(const struct prim *p, int j, bool negative) {
  return p->mask + (2 * (size_t)j + negative) * (size_t)p->words;
}

static void fill_masks(struct prim *p) {
  for (int i = 0; i < p->inputs; i++)
    for (int j = 0; j < p->outputs; j++) {
      int m = p->matrix[(size_t)i * (size_t)p->outputs + (size_t)j];
      if (m)
        p->mask[(2 * (size_t)j + (m < 0)) * (size_t)p->words + (size_t)i / 64] |= (uint64_t)1 << (i & 63);
    }
}

/* Coefficients of column j -+ column k; -1 if one is +-2. */
static int distance(const struct prim *p, int j, int k, bool negative) {
  const uint64_t *a = mask_of(p, j, false), *b = mask_of(p, j, true);
  const uint64_t *plus = mask_of(p, k, negative), *minus = mask_of(p, k, !negative);
  int n = 0;
  for (int w = 0; w < p->words; w++) {
    if ((a[w] & minus[w]) | (b[w] & plus[w]))
      return -1;
    n += __builtin_popcountll(a[w] ^ plus[w]) + __builtin_popcountll(b[w] ^ minus[w]);
  }
  return n;
}

static int coefficient(const struct prim *p, int i, int j) {
  return p->matrix[(size_t)i * (size_t)p->outputs + (size_t)j];
}

/* What is left of entry (i, j) once the parent is taken away. */
static int remaining(const struct prim *p, int i, int j) {
  int k = p->c.parent[j];
  int parent = k < 0 ? 0 : coefficient(p, i, k);
  return coefficient(p, i, j) - (p->c.negative[j] ? -parent : parent);
}

static int least_depth(const struct prim *p, int j) {
  int64_t load = 0;
  for (int i = 0; i < p->inputs; i++)
    if (remaining(p, i, j))
      load += (int64_t)1 << p->arrival[i];
  return depth_of_load(load);
}

static int next_column(const struct prim *p) {
  int best = -1;
  for (int j = 0; j < p->outputs; j++)
    if (!p->in_tree[j] && (best < 0 || p->cost[j] < p->cost[best]))
      best = j;
  return best;
}

static int level_of(const struct prim *p, int j) {
  int own = least_depth(p, j), k = p->c.parent[j];
  if (k < 0)
    return own;
  return (own > p->level[k] ? own : p->level[k]) + 1;
}

/* Columns outside the tree that k brings nearer. */
static void offer(struct prim *p, int k) {
  if (p->level[k] >= p->depth)
    return;
  for (int j = 0; j < p->outputs; j++)
    for (int negative = 0; negative < 2 && !p->in_tree[j]; negative++) {
      int d = distance(p, j, k, negative);
      if (d < 0 || d >= p->cost[j])
        continue;
      p->cost[j] = d;
      p->c.parent[j] = k;
      p->c.negative[j] = negative;
    }
}

static void span(struct prim *p, struct arena *a) {
  for (int n = 0; n < p->outputs; n++) {
    int j = next_column(p);
    p->in_tree[j] = true;
    p->level[j] = level_of(p, j);
    if (p->level[j] > p->depth) { /* its remainder alone is too deep for another adder */
      p->c.parent[j] = -1;
      p->level[j] = level_of(p, j);
    }
    p->c.differences += p->c.parent[j] >= 0;
    p->c.order[n] = j;
    offer(p, j);
  }
  p->c.matrix = arena_array(a, int8_t, (size_t)p->inputs *(size_t)p->outputs);
  for (int i = 0; i < p->inputs; i++)
    for (int j = 0; j < p->outputs; j++)
      p->c.matrix[(size_t)i * (size_t)p->outputs + (size_t)j] = (int8_t)remaining(p, i, j);
}

/* From the leaves up: a parent must be ready one level before the earliest of its children. */
static void set_limits(struct prim *p, struct arena *a) {
  int *due = arena_array(a, int, p->outputs);
  for (int j = 0; j < p->outputs; j++)
    due[j] = p->depth;
  for (int n = p->outputs; n-- > 0;) {
    int j = p->c.order[n], k = p->c.parent[j];
    p->c.limit[j] = due[j] - (k >= 0);
    if (k >= 0 && due[k] > due[j] - 1)
      due[k] = due[j] - 1;
  }
}

struct columns columns_differences(struct arena *a, const int8_t *matrix, int inputs, int outputs,
                                   const int *arrival, int depth) {
  struct prim p = {
      .matrix = matrix, .inputs = inputs, .outputs = outputs, .depth = depth, .arrival = arrival};
  p.words = (inputs + 63) / 64;
  p.c = columns_plain(a, matrix, outputs, depth);
  if ((int64_t)outputs * outputs * p.words > MOST_WORK)
    return p.c;
  p.mask = arena_array(a, uint64_t, 2 * (size_t)outputs * (size_t)p.words);
  p.cost = arena_array(a, int, outputs);
  p.level = arena_array(a, int, outputs);
  p.in_tree = arena_array(a, bool, outputs);
  fill_masks(&p);
  for (int j = 0; j < outputs; j++)
    for (int w = 0; w < p.words; w++)
      p.cost[j] += __builtin_popcountll(mask_of(&p, j, false)[w] | mask_of(&p, j, true)[w]);
  for (int j = 0; j < outputs; j++)
    p.cost[j] = p.cost[j] * 9 / 10 - LEAST_SAVING;
  span(&p, a);
  set_limits(&p, a);
  return p.c;
}

/* graph_build.c: every sum becomes a tree; equal nodes are one. */
#include "backends/hardware/adder_graph/graph_build.h"

#include <stdlib.h>
#include <string.h>

enum { TREES = 12 }; /* orders tried for each sum */

struct graph_builder {
  struct adder_graph *g;
  const struct sharing *s;
  uint32_t *table, table_mask; /* nodes by operands; 0: empty */
  struct adder_ref *ref;       /* [ids] of sums that are done */
  struct leaf *leaf, *work;
};

/* ---- nodes -------------------------------------------------------------------------------------------- */

static struct leaf leaf_of(const struct adder_graph *g, struct adder_ref r) {
  const struct adder_value *v = &g->value[r.value];
  return (struct leaf){v->lo, v->hi, v->depth, r.value, r.negative};
}

static uint32_t *node_slot(struct graph_builder *b, const struct adder_ref in[2]) {
  uint64_t key = (uint64_t)in[0].value << 33 ^ (uint64_t)in[1].value << 2 ^ (uint64_t)in[0].negative << 1 ^
                 in[1].negative;
  uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & b->table_mask;
  for (; b->table[at]; at = (at + 1) & b->table_mask) {
    const struct adder_ref *other = b->g->value[b->table[at]].in;
    if (other[0].value == in[0].value && other[1].value == in[1].value &&
        other[0].negative == in[0].negative && other[1].negative == in[1].negative)
      break;
  }
  return &b->table[at];
}

/* The node for two leaves, made if there is none. Its sign is leaf_join's. */
static int32_t node_of(void *data, const struct leaf *x, const struct leaf *y) {
  struct graph_builder *b = data;
  struct leaf sum = leaf_join(x, y);
  struct adder_ref in[2] = {{x->value, x->negative != sum.negative}, {y->value, y->negative != sum.negative}};
  if (in[0].negative || (in[0].negative == in[1].negative && in[0].value > in[1].value)) {
    struct adder_ref swap = in[0];
    in[0] = in[1];
    in[1] = swap;
  }
  uint32_t *slot = node_slot(b, in);
  if (!*slot) {
    *slot = (uint32_t)(b->g->inputs + b->g->nodes++);
    b->g->value[*slot] = (struct adder_value){
        .in = {in[0], in[1], {-1, false}},
        .lo = sum.lo,
        .hi = sum.hi,
        .width = (int16_t)signed_width(sum.lo, sum.hi),
        .depth = (int16_t)sum.depth,
    };
  }
  return (int32_t)*slot;
}

static struct adder_ref join(struct graph_builder *b, struct adder_ref p, struct adder_ref q) {
  struct leaf x = leaf_of(b->g, p), y = leaf_of(b->g, q);
  return (struct adder_ref){node_of(b, &x, &y), leaf_join(&x, &y).negative};
}

/* ---- sums --------------------------------------------------------------------------------------------- */

static int64_t try_tree(struct graph_builder *b, int n, int limit, uint64_t seed) {
  memcpy(b->work, b->leaf, sizeof *b->leaf * (size_t)n);
  return tree_build(b->work, n, limit, seed ? &seed : NULL, NULL, NULL);
}

/* The narrowest of several trees. */
static void build_sum(struct graph_builder *b, uint32_t id, int limit) {
  const struct id_list *terms = &b->s->sum[id].terms;
  int n = (int)terms->n;
  b->ref[id] = (struct adder_ref){-1, false};
  if (n == 0)
    return;
  for (int i = 0; i < n; i++) {
    struct adder_ref r = b->ref[term_id(terms->at[i])];
    r.negative ^= term_negative(terms->at[i]);
    b->leaf[i] = leaf_of(b->g, r);
  }
  uint64_t best_seed = 0;
  int64_t best = try_tree(b, n, limit, 0);
  for (uint64_t seed = 1; seed < TREES && n > 3 && n <= 64; seed++) {
    int64_t bits = try_tree(b, n, limit, seed * 0x9e3779b97f4a7c15u);
    if (bits < best) {
      best = bits;
      best_seed = seed * 0x9e3779b97f4a7c15u;
    }
  }
  tree_build(b->leaf, n, limit, best_seed ? &best_seed : NULL, node_of, b);
  b->ref[id] = (struct adder_ref){b->leaf[0].value, b->leaf[0].negative};
}

static int by_key(const void *p, const void *q) {
  uint64_t a = *(const uint64_t *)p, b = *(const uint64_t *)q;
  return a < b ? -1 : a > b;
}

/* A term stands for fewer inputs than its user: that is an order in which operands come first. */
static void build_helpers(struct graph_builder *b) {
  const struct sharing *s = b->s;
  uint64_t *order = xmalloc(sizeof *order * (s->helpers.n + (size_t)1));
  for (uint32_t i = 0; i < s->helpers.n; i++)
    order[i] = (uint64_t)s->sum[s->helpers.at[i]].inputs.n << 32 | s->helpers.at[i];
  qsort(order, s->helpers.n, sizeof *order, by_key);
  for (uint32_t i = 0; i < s->helpers.n; i++)
    build_sum(b, (uint32_t)order[i], s->sum[(uint32_t)order[i]].depth);
  free(order);
}

static void build_output(struct graph_builder *b, const struct columns *c, int j) {
  struct adder_ref *out = &b->g->output[j];
  build_sum(b, b->s->inputs + (uint32_t)j, c->limit[j]);
  *out = b->ref[b->s->inputs + (uint32_t)j];
  if (c->parent[j] < 0)
    return;
  struct adder_ref parent = b->g->output[c->parent[j]];
  parent.negative ^= c->negative[j];
  *out = out->value < 0 ? parent : join(b, parent, *out);
}

void build_nodes(struct adder_graph *g, const struct sharing *s, const struct columns *c) {
  struct graph_builder b = {.g = g, .s = s};
  int64_t most = s->adders + c->differences + 1;
  uint32_t most_terms = 1;
  for (uint32_t id = s->inputs; id < s->ids; id++)
    if (s->sum[id].alive && s->sum[id].terms.n > most_terms)
      most_terms = s->sum[id].terms.n;
  struct adder_value *value = arena_array(&g->arena, struct adder_value, g->inputs + most);
  memcpy(value, g->value, sizeof *value * (size_t)g->inputs);
  g->value = value;
  for (b.table_mask = 255; b.table_mask < 2 * most; b.table_mask = 2 * b.table_mask + 1)
    ;
  b.table = xmalloc(sizeof *b.table * (b.table_mask + (size_t)1));
  memset(b.table, 0, sizeof *b.table * (b.table_mask + (size_t)1));
  b.ref = xmalloc(sizeof *b.ref * s->ids);
  b.leaf = xmalloc(sizeof *b.leaf * most_terms);
  b.work = xmalloc(sizeof *b.work * most_terms);
  for (uint32_t i = 0; i < s->inputs; i++)
    b.ref[i] = (struct adder_ref){(int32_t)i, false};
  build_helpers(&b);
  for (int n = 0; n < g->outputs; n++)
    build_output(&b, c, c->order[n]);
  free(b.table);
  free(b.ref);
  free(b.leaf);
  free(b.work);
}

/* keep_graph.h: a repeat's body that is computed again, as a graph of which each value is kept or computed.
 */
#ifndef TERN_PASSES_KEEP_GRAPH_H
#define TERN_PASSES_KEEP_GRAPH_H

#include "passes/training/derivative.h"

/* A value that is computed again. */
struct keep_item {
  struct value *v;
  int step;      /* that makes it */
  int64_t bytes; /* a token, on a tape; 0: it cannot be kept */
  bool seed;     /* the way back itself reads it */
};

/* An operator that is computed again. */
struct keep_step {
  struct twin twin;
  int first;      /* of its items, one a result */
  bool stays;     /* it is run whatever is kept */
  bool moves;     /* it costs nothing: movement, leaves, what no token changes */
  double ops;     /* a token: multiplications and additions of float32 */
  double product; /* the same, where it is a product; else 0 */
  bool of_tokens; /* it makes something for each token */
  VEC(int) uses;  /* items that it is made of */
};

struct keep_graph {
  struct arena *arena;
  VEC(struct keep_item) items;
  VEC(struct keep_step) steps; /* in the order in which they run */
  VEC(struct op *) dead;       /* of the way back: nothing is made of them */
  double products;             /* of all steps, whether the way back wants them or not */
};

/* What it takes to have all seeds. */
struct keep_cost {
  int64_t bytes;
  double ops, products;
};

/* The body of `back`, of which `twins` are computed again. */
struct keep_graph keep_graph(struct arena *a, struct op *back, const twin_list *twins);
/* kept[i]: item i is. needed, run: arrays of the items and the steps, or NULL: whether they are for that. */
struct keep_cost keep_evaluate(const struct keep_graph *g, const bool *kept, bool *needed, bool *run);

#endif

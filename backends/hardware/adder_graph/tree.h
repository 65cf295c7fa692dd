/* tree.h: the order in which the terms of a sum are added. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_TREE_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* +-value, value in [lo, hi] and there at level `depth`. */
struct leaf {
  int64_t lo, hi;
  int32_t depth, value;
  bool negative;
};

/* Of two's complement numbers that hold lo and hi. */
int signed_width(int64_t lo, int64_t hi);

/* a + b as one value and its sign: the value is never made of two negatives. `value` is left alone. */
struct leaf leaf_join(const struct leaf *a, const struct leaf *b);

/* Joins n > 0 leaves (they are overwritten) into a binary tree no deeper than `limit`, which must be
 * possible: sum of 2^depth <= 2^limit. Returns the sum of the widths of the n - 1 results. At each step
 * `join` (may be NULL) gives the result its value. `random`: 0 for the best known rule; otherwise the state
 * of a generator that breaks ties. */
int64_t tree_build(struct leaf *leaf, int n, int limit, uint64_t *random,
                   int32_t (*join)(void *data, const struct leaf *a, const struct leaf *b), void *data);

#endif

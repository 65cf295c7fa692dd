/* netlist_impl.h: what the makers of nodes share: netlist.c (nodes, views) and fold.c (operators). */
#ifndef TERN_BACKENDS_HARDWARE_UNROLLED_NETLIST_IMPL_H
#define TERN_BACKENDS_HARDWARE_UNROLLED_NETLIST_IMPL_H

#include "backends/hardware/unrolled/netlist.h"

/* The node, or an equal one that is there. */
ref net_node(struct netlist *n, struct net_node x);
/* The number of a table, which is new or one that is there. */
int net_table(struct netlist *n, int64_t first, int64_t count, const int64_t *value);
/* Zeros at the lower end that a node is known to have; 0 for the constant 0. */
int net_zeros_below(const struct netlist *n, ref r);
bool net_is_value(const struct netlist *n, ref r, int64_t value); /* that constant */
bool net_is_bit(const struct netlist *n, ref r);                  /* 0 or 1 */

static inline struct net_node node_of(enum net_node_kind kind, ref a, ref b, ref c, int64_t lo, int64_t hi) {
  return (struct net_node){.kind = kind, .in = {a, b, c}, .lo = lo, .hi = hi};
}

static inline int64_t least_of(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static inline int64_t most_of(int64_t a, int64_t b) {
  return a > b ? a : b;
}

#endif

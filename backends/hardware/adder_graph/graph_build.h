/* graph_build.h: a system of sums as a graph of adders. */
#ifndef TERN_BACKENDS_HARDWARE_ADDER_GRAPH_GRAPH_BUILD_H
#define TERN_BACKENDS_HARDWARE_ADDER_GRAPH_GRAPH_BUILD_H

#include "backends/hardware/adder_graph/adder_graph.h"
#include "backends/hardware/adder_graph/columns.h"
#include "backends/hardware/adder_graph/search.h"

/* Fills g->value, nodes and output; g->inputs, outputs and the values of the inputs are there. */
void build_nodes(struct adder_graph *g, const struct sharing *s, const struct columns *c);

/* Users of each value: the nodes, in order, in user[start[v]] .. user[start[v + 1]], and how many outputs. */
struct users {
  int *start, *user, *outputs;
};
struct users users_find(const struct adder_graph *g);
void users_free(struct users *u);

static inline int operands(const struct adder_value *v) {
  return v->in[2].value >= 0 ? 3 : 2;
}

/* Fewer outputs that are negated values: subtractions are turned round where that costs nothing. */
void build_signs(struct adder_graph *g);

/* Joins a node that is used once, by a node of two operands, with that. */
void build_three_input(struct adder_graph *g);

/* Nodes in order of depth, those that nothing uses gone; intervals, widths, depths and totals. */
void build_finish(struct adder_graph *g);

#endif

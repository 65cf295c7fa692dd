/* constant_sums.c: matrices as adder graphs over nodes. What an adder graph does not take (constants among
 * the inputs, very wide inputs, very large sides) becomes trees in one order, in which equal partial sums are
 * the same node. */
#include "backends/hardware/unrolled/constant_sums.h"

#include "backends/hardware/adder_graph/adder_graph.h"
#include <stdlib.h>

static void trees(struct netlist *n, const int8_t *w, int64_t rows, int64_t columns, const ref *x, ref *sum) {
  struct net_term *term = xmalloc(sizeof *term * (size_t)(columns + 1));
  for (int64_t r = 0; r < rows; r++) {
    int count = 0;
    for (int64_t i = 0; i < columns; i++)
      if (w[r * columns + i])
        term[count++] = (struct net_term){x[i], w[r * columns + i] < 0, 0};
    sum[r] = net_sum(n, term, count);
  }
  free(term);
}

/* What the graph is told of its inputs; false when it cannot have them. */
static bool describe(const struct netlist *n, const ref *x, int64_t columns, int64_t *lo, int64_t *hi,
                     int *arrival) {
  int first = net_at(n, x[0])->depth;
  for (int64_t i = 0; i < columns; i++) {
    const struct net_node *v = net_at(n, x[i]);
    lo[i] = v->lo;
    hi[i] = v->hi;
    first = v->depth < first ? v->depth : first;
    if (v->kind == NET_CONST || v->lo < INT32_MIN || v->hi > INT32_MAX)
      return false;
  }
  for (int64_t i = 0; i < columns; i++) {
    int late = net_at(n, x[i])->depth - first;
    arrival[i] = late < ADDER_MAX_DEPTH / 2 ? late : ADDER_MAX_DEPTH / 2;
  }
  return true;
}

static ref operand(struct netlist *n, const ref *node, struct adder_ref r) {
  if (r.value < 0)
    return net_const(n, 0);
  return r.negative ? net_sub(n, net_const(n, 0), node[r.value]) : node[r.value];
}

/* +-a +-b, at most one of them negative. */
static ref join(struct netlist *n, const ref *node, struct adder_ref a, struct adder_ref b) {
  if (b.value < 0 || a.value < 0)
    return operand(n, node, a.value < 0 ? b : a);
  if (a.negative)
    return net_sub(n, node[b.value], node[a.value]);
  return b.negative ? net_sub(n, node[a.value], node[b.value]) : net_add(n, node[a.value], node[b.value]);
}

static void build(struct netlist *n, const struct adder_graph *g, const ref *x, ref *sum) {
  ref *node = xmalloc(sizeof *node * (size_t)(g->inputs + g->nodes + 1));
  for (int i = 0; i < g->inputs; i++)
    node[i] = x[i];
  for (int i = g->inputs; i < g->inputs + g->nodes; i++)
    node[i] = join(n, node, g->value[i].in[0], g->value[i].in[1]);
  for (int r = 0; r < g->outputs; r++)
    sum[r] = operand(n, node, g->output[r]);
  free(node);
}

bool net_ternary_sums(struct netlist *n, struct diag *d, const int8_t *w, int64_t rows, int64_t columns,
                      const ref *x, ref *sum) {
  size_t count = (size_t)columns;
  int64_t *lo = xmalloc(sizeof *lo * count), *hi = xmalloc(sizeof *hi * count);
  int *arrival = xmalloc(sizeof *arrival * count);
  int8_t *by_input = xmalloc((size_t)(rows * columns));
  bool fits = rows <= ADDER_MAX_SIDE && columns <= ADDER_MAX_SIDE && describe(n, x, columns, lo, hi, arrival);
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < columns; i++)
      by_input[i * rows + r] = w[r * columns + i];
  struct adder_options o = {.lo = lo, .hi = hi, .arrival = arrival};
  struct adder_graph *g = fits ? adder_graph_build(d, by_input, (int)columns, (int)rows, &o) : NULL;
  if (g)
    build(n, g, x, sum);
  else if (!fits)
    trees(n, w, rows, columns, x, sum);
  if (g)
    adder_graph_free(g);
  free(lo);
  free(hi);
  free(arrival);
  free(by_input);
  return g || !fits;
}

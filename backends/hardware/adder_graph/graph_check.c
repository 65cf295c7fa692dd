/* graph_check.c: the proof that a graph computes the matrix and that nothing overflows. */
#include "backends/hardware/adder_graph/adder_graph.h"

#include <stdlib.h>
#include <string.h>

struct graph_checker {
  struct diag *diag;
  const struct adder_graph *g;
  int8_t *coefficient; /* [values][inputs] */
};

static int8_t *row(const struct graph_checker *c, int v) {
  return c->coefficient + (size_t)v * (size_t)c->g->inputs;
}

/* ---- shape -------------------------------------------------------------------------------------------- */

static bool check_ref(const struct graph_checker *c, struct adder_ref r, int below, const char *what,
                      int which) {
  if (r.value >= 0 && r.value < below)
    return true;
  diag_error(c->diag, "adder graph: %s %d refers to value %d, which does not come before it", what, which,
             r.value);
  return false;
}

static bool check_node_shape(const struct graph_checker *c, int v) {
  const struct adder_value *x = &c->g->value[v];
  bool plus = false;
  int n = x->in[2].value >= 0 ? 3 : 2;
  for (int k = 0; k < n; k++) {
    if (!check_ref(c, x->in[k], v, "node", v))
      return false;
    plus |= !x->in[k].negative;
  }
  if (!plus)
    diag_error(c->diag, "adder graph: node %d adds nothing: all its operands are subtracted", v);
  return plus;
}

static bool check_shape(const struct graph_checker *c) {
  const struct adder_graph *g = c->g;
  for (int v = g->inputs; v < g->inputs + g->nodes; v++)
    if (!check_node_shape(c, v))
      return false;
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].value != -1 && !check_ref(c, g->output[j], g->inputs + g->nodes, "output", j))
      return false;
  return true;
}

/* ---- coefficients ------------------------------------------------------------------------------------- */

/* Coefficients of nodes leave [-1, 1] where columns are differences of columns; never what 8 bits hold. */
static bool add_row(const struct graph_checker *c, int v, struct adder_ref r) {
  int8_t *to = row(c, v), *from = row(c, r.value);
  for (int i = 0; i < c->g->inputs; i++) {
    int sum = to[i] + (r.negative ? -from[i] : from[i]);
    if (sum < INT8_MIN || sum > INT8_MAX) {
      diag_error(c->diag, "adder graph: node %d has the coefficient %d for input %d", v, sum, i);
      return false;
    }
    to[i] = (int8_t)sum;
  }
  return true;
}

static bool check_column(const struct graph_checker *c, const int8_t *matrix, int j) {
  struct adder_ref out = c->g->output[j];
  for (int i = 0; i < c->g->inputs; i++) {
    int want = matrix[(size_t)i * (size_t)c->g->outputs + (size_t)j];
    int got = out.value < 0 ? 0 : row(c, out.value)[i];
    if (out.negative)
      got = -got;
    if (got != want) {
      diag_error(c->diag, "adder graph: output %d has the coefficient %d for input %d, the matrix %d", j, got,
                 i, want);
      return false;
    }
  }
  return true;
}

static bool check_coefficients(const struct graph_checker *c, const int8_t *matrix) {
  const struct adder_graph *g = c->g;
  for (int i = 0; i < g->inputs; i++)
    row(c, i)[i] = 1;
  for (int v = g->inputs; v < g->inputs + g->nodes; v++)
    for (int k = 0; k < ADDER_OPERANDS; k++)
      if (g->value[v].in[k].value >= 0 && !add_row(c, v, g->value[v].in[k]))
        return false;
  for (int j = 0; j < g->outputs; j++)
    if (!check_column(c, matrix, j))
      return false;
  return true;
}

/* ---- intervals, depths, totals ------------------------------------------------------------------------ */

static bool holds(int width, int64_t lo, int64_t hi) {
  return width >= 1 && width <= 63 && lo >= -((int64_t)1 << (width - 1)) && hi < (int64_t)1 << (width - 1);
}

/* The interval of a node by its coefficients, which is never wider than by its operands: it is what the node
 * can really be, since every combination of inputs can occur. */
static void real_interval(const struct graph_checker *c, int v, int64_t *lo, int64_t *hi) {
  *lo = *hi = 0;
  for (int i = 0; i < c->g->inputs; i++) {
    int64_t k = row(c, v)[i];
    *lo += k * (k > 0 ? c->g->value[i].lo : c->g->value[i].hi);
    *hi += k * (k > 0 ? c->g->value[i].hi : c->g->value[i].lo);
  }
}

static bool check_value(const struct graph_checker *c, int v) {
  const struct adder_value *x = &c->g->value[v];
  int64_t lo, hi;
  real_interval(c, v, &lo, &hi);
  if (x->lo > lo || x->hi < hi) {
    diag_error(c->diag,
               "adder graph: value %d can be %lld .. %lld, which its interval %lld .. %lld leaves out", v,
               (long long)lo, (long long)hi, (long long)x->lo, (long long)x->hi);
    return false;
  }
  if (!holds(x->width, x->lo, x->hi)) {
    diag_error(c->diag, "adder graph: value %d can be %lld .. %lld, which %d bits do not hold", v,
               (long long)x->lo, (long long)x->hi, x->width);
    return false;
  }
  int depth = 0;
  for (int k = 0; v >= c->g->inputs && k < ADDER_OPERANDS; k++)
    if (x->in[k].value >= 0 && c->g->value[x->in[k].value].depth + 1 > depth)
      depth = c->g->value[x->in[k].value].depth + 1;
  if (v >= c->g->inputs && x->depth != depth) {
    diag_error(c->diag, "adder graph: node %d is said to have depth %d and has %d", v, x->depth, depth);
    return false;
  }
  return true;
}

static bool check_totals(const struct graph_checker *c) {
  const struct adder_graph *g = c->g;
  int64_t bits = 0;
  for (int v = 0; v < g->inputs + g->nodes; v++) {
    if (!check_value(c, v))
      return false;
    bits += v < g->inputs ? 0 : g->value[v].width;
  }
  if (bits != g->adder_bits) {
    diag_error(c->diag, "adder graph: its adders have %lld bits, not %lld", (long long)bits,
               (long long)g->adder_bits);
    return false;
  }
  return true;
}

bool adder_graph_check(struct diag *d, const struct adder_graph *g, const int8_t *matrix) {
  struct graph_checker c = {.diag = d, .g = g};
  if (!check_shape(&c))
    return false;
  size_t bytes = (size_t)(g->inputs + g->nodes) * (size_t)g->inputs;
  c.coefficient = xmalloc(bytes);
  memset(c.coefficient, 0, bytes);
  bool ok = check_coefficients(&c, matrix) && check_totals(&c);
  free(c.coefficient);
  return ok;
}

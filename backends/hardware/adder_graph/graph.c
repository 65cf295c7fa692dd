/* graph.c: from a matrix to a checked graph. */
#include "backends/hardware/adder_graph/graph_build.h"

#include <stdlib.h>

/* The arguments with every default filled in. */
struct request {
  struct diag *diag;
  const int8_t *matrix;
  int inputs, outputs, depth, effort;
  int64_t *lo, *hi;
  int *arrival;
  bool three_input;
};

/* ---- arguments ---------------------------------------------------------------------------------------- */

static bool in_range(struct diag *d, const char *what, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most)
    return true;
  diag_error(d, "adder graph: %s is %lld, not %lld .. %lld", what, (long long)value, (long long)least,
             (long long)most);
  return false;
}

static bool fill_inputs(struct request *r, struct arena *a, const struct adder_options *o) {
  const int64_t most = (int64_t)1 << (ADDER_MAX_INPUT_BITS - 1);
  int bits = o->input_bits ? o->input_bits : 8;
  r->lo = arena_array(a, int64_t, r->inputs);
  r->hi = arena_array(a, int64_t, r->inputs);
  r->arrival = arena_array(a, int, r->inputs);
  if (!in_range(r->diag, "the width of the inputs", bits, 1, ADDER_MAX_INPUT_BITS))
    return false;
  for (int i = 0; i < r->inputs; i++) {
    r->lo[i] = o->lo ? o->lo[i] : -((int64_t)1 << (bits - 1));
    r->hi[i] = o->hi ? o->hi[i] : ((int64_t)1 << (bits - 1)) - 1;
    r->arrival[i] = o->arrival ? o->arrival[i] : 0;
    if (!in_range(r->diag, "the least value of an input", r->lo[i], -most, most - 1) ||
        !in_range(r->diag, "the greatest value of an input", r->hi[i], r->lo[i], most - 1) ||
        !in_range(r->diag, "the arrival of an input", r->arrival[i], 0, ADDER_MAX_DEPTH))
      return false;
  }
  return true;
}

static bool fill_matrix(struct request *r) {
  if (!in_range(r->diag, "the number of inputs", r->inputs, 1, ADDER_MAX_SIDE) ||
      !in_range(r->diag, "the number of outputs", r->outputs, 1, ADDER_MAX_SIDE))
    return false;
  for (int64_t i = 0; i < (int64_t)r->inputs * r->outputs; i++)
    if (!in_range(r->diag, "an entry of the matrix", r->matrix[i], -1, 1))
      return false;
  return true;
}

int adder_graph_least_depth(const int8_t *matrix, int inputs, int outputs, const int *arrival) {
  int depth = 0;
  for (int j = 0; j < outputs; j++) {
    int64_t load = 0;
    for (int i = 0; i < inputs; i++)
      if (matrix[(size_t)i * (size_t)outputs + (size_t)j])
        load += (int64_t)1 << (arrival ? arrival[i] : 0);
    if (depth_of_load(load) > depth)
      depth = depth_of_load(load);
  }
  return depth;
}

static bool fill_depth(struct request *r, int depth) {
  int least = adder_graph_least_depth(r->matrix, r->inputs, r->outputs, r->arrival);
  if (!in_range(r->diag, "the least depth possible", least, 0, ADDER_MAX_DEPTH))
    return false;
  r->depth = depth ? depth : least < ADDER_MAX_DEPTH ? least + 1 : least;
  if (r->depth >= least && r->depth <= ADDER_MAX_DEPTH)
    return true;
  diag_error(
      r->diag,
      "adder graph: a depth of %d cannot be kept: it takes at least %d levels, and at most %d are allowed",
      depth, least, ADDER_MAX_DEPTH);
  return false;
}

/* ---- the search -------------------------------------------------------------------------------------- */

static int64_t start(struct sharing *s, const struct request *r, const struct columns *c) {
  sharing_start(s, c->matrix, r->inputs, r->outputs, r->arrival, c->limit);
  search_greedy(s);
  return s->adders + c->differences;
}

/* The better of two starts: the columns as they are, and their differences where there are any. */
static struct columns search(struct sharing *s, struct arena *a, const struct request *r) {
  struct columns plain = columns_plain(a, r->matrix, r->outputs, r->depth);
  struct columns other = columns_differences(a, r->matrix, r->inputs, r->outputs, r->arrival, r->depth);
  int64_t adders = start(s, r, &plain);
  if (other.differences) {
    struct sharing t;
    if (start(&t, r, &other) < adders) {
      sharing_free(s);
      *s = t;
      plain = other;
    } else {
      sharing_free(&t);
    }
  }
  if (r->effort)
    search_anneal(s, search_budget(s, r->effort), r->lo, r->hi);
  return plain;
}

static void set_inputs(struct adder_graph *g, const struct request *r) {
  g->inputs = r->inputs;
  g->outputs = r->outputs;
  g->value = arena_array(&g->arena, struct adder_value, r->inputs);
  g->output = arena_array(&g->arena, struct adder_ref, r->outputs);
  for (int i = 0; i < r->inputs; i++)
    g->value[i] = (struct adder_value){
        .in = {{-1, false}, {-1, false}, {-1, false}},
        .lo = r->lo[i],
        .hi = r->hi[i],
        .width = (int16_t)signed_width(r->lo[i], r->hi[i]),
        .depth = (int16_t)r->arrival[i],
    };
}

static struct adder_graph *build(struct arena *a, const struct request *r) {
  struct adder_graph *g = xmalloc(sizeof *g);
  struct sharing s;
  *g = (struct adder_graph){0};
  set_inputs(g, r);
  struct columns c = search(&s, a, r);
  build_nodes(g, &s, &c);
  sharing_free(&s);
  build_signs(g);
  if (r->three_input)
    build_three_input(g);
  build_finish(g);
  if (adder_graph_check(r->diag, g, r->matrix))
    return g;
  adder_graph_free(g);
  return NULL;
}

struct adder_graph *adder_graph_build(struct diag *d, const int8_t *matrix, int inputs, int outputs,
                                      const struct adder_options *o) {
  struct arena arena = {0};
  struct request r = {d, matrix, inputs, outputs, 0, o->effort, NULL, NULL, NULL, o->three_input};
  struct adder_graph *g = NULL;
  if (fill_matrix(&r) && fill_inputs(&r, &arena, o) && fill_depth(&r, o->depth) &&
      in_range(d, "the effort", o->effort, 0, ADDER_MAX_EFFORT))
    g = build(&arena, &r);
  arena_free(&arena);
  return g;
}

void adder_graph_free(struct adder_graph *g) {
  if (!g)
    return;
  arena_free(&g->arena);
  free(g);
}

/* test_adder_graph.c: ternary matrices as graphs of adders: what they compute, the proof that they do,
 * limits, schedules, and the figures on the reference matrices (skipped where these are missing). */
#include "backends/hardware/adder_graph/adder_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- helpers ------------------------------------------------------------------------------------------ */

static uint64_t state = 88172645463325252u;

static uint32_t below(uint32_t n) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)((state >> 32) * n >> 32);
}

/* Entries that are not 0: `dense` of a hundred; of these `minus` of a hundred negative. */
static int8_t *random_matrix(int inputs, int outputs, uint32_t dense, uint32_t minus) {
  int8_t *m = xmalloc((size_t)(inputs * outputs));
  for (int i = 0; i < inputs * outputs; i++)
    m[i] = below(100) >= dense ? 0 : below(100) < minus ? -1 : 1;
  return m;
}

/* Diagnostics go to a file that nobody reads, unless `text` is given. */
static struct diag quiet(char **text, size_t *size) {
  struct diag d = {.out = text ? open_memstream(text, size) : fopen("/dev/null", "w")};
  assert_non_null(d.out);
  return d;
}

static void quiet_end(struct diag *d) {
  fclose(d->out);
  diag_free(d);
}

static struct adder_graph *build(const int8_t *m, int inputs, int outputs, struct adder_options o) {
  struct diag d = {0};
  struct adder_graph *g = adder_graph_build(&d, m, inputs, outputs, &o);
  assert_non_null(g);
  assert_int_equal(d.errors, 0);
  diag_free(&d);
  return g;
}

/* Runs the graph on numbers; every node must stay inside its width. */
static void run_graph(const struct adder_graph *g, const int64_t *x, int64_t *y) {
  int64_t *value = xmalloc(sizeof *value * (size_t)(g->inputs + g->nodes));
  memcpy(value, x, sizeof *x * (size_t)g->inputs);
  for (int v = g->inputs; v < g->inputs + g->nodes; v++) {
    value[v] = 0;
    for (int k = 0; k < ADDER_OPERANDS; k++) {
      struct adder_ref r = g->value[v].in[k];
      if (r.value >= 0)
        value[v] += r.negative ? -value[r.value] : value[r.value];
    }
    int64_t most = (int64_t)1 << (g->value[v].width - 1);
    assert_true(value[v] >= -most && value[v] < most);
  }
  for (int j = 0; j < g->outputs; j++) {
    struct adder_ref r = g->output[j];
    y[j] = r.value < 0 ? 0 : r.negative ? -value[r.value] : value[r.value];
  }
  free(value);
}

/* Random inputs and, for each output, those that make it as large as it gets. */
static void compare_with_product(const struct adder_graph *g, const int8_t *m) {
  int64_t *x = xmalloc(sizeof *x * (size_t)g->inputs), *y = xmalloc(sizeof *y * (size_t)g->outputs);
  for (int round = 0; round < g->outputs + 20; round++) {
    for (int i = 0; i < g->inputs; i++) {
      const struct adder_value *in = &g->value[i];
      int64_t any = in->lo + below((uint32_t)(in->hi - in->lo + 1));
      int w = round < g->outputs ? m[i * g->outputs + round] : 0;
      x[i] = w > 0 ? in->hi : w < 0 ? in->lo : any;
    }
    run_graph(g, x, y);
    for (int j = 0; j < g->outputs; j++) {
      int64_t sum = 0;
      for (int i = 0; i < g->inputs; i++)
        sum += m[i * g->outputs + j] * x[i];
      assert_int_equal(y[j], sum);
    }
  }
  free(x);
  free(y);
}

/* No value twice, none without a use. */
static void check_tidy(const struct adder_graph *g) {
  int values = g->inputs + g->nodes;
  bool *used = xmalloc((size_t)values);
  memset(used, 0, (size_t)values);
  for (int v = g->inputs; v < values; v++)
    for (int k = 0; k < ADDER_OPERANDS; k++)
      if (g->value[v].in[k].value >= 0)
        used[g->value[v].in[k].value] = true;
  for (int j = 0; j < g->outputs; j++)
    if (g->output[j].value >= 0)
      used[g->output[j].value] = true;
  for (int v = g->inputs; v < values; v++)
    assert_true(used[v]);
  free(used);
}

/* Operands come early enough, and no stage has more adders in a row than it may. */
static void check_schedule(struct adder_graph *g, int levels) {
  const struct adder_schedule *s = adder_graph_schedule(g, levels);
  int values = g->inputs + g->nodes;
  int *chain = xmalloc(sizeof *chain * (size_t)values);
  int64_t bits = 0;
  assert_int_equal(s->latency, s->stages + 1);
  for (int v = 0; v < values; v++) {
    chain[v] = v >= g->inputs;
    for (int k = 0; v >= g->inputs && k < ADDER_OPERANDS; k++) {
      int in = g->value[v].in[k].value;
      if (in < 0)
        continue;
      assert_true(s->stage[in] <= s->stage[v]);
      assert_true(s->last[in] >= s->stage[v] - 1);
      if (s->stage[in] == s->stage[v] && chain[in] + 1 > chain[v])
        chain[v] = chain[in] + 1;
    }
    assert_true(chain[v] <= levels);
    assert_true(s->stage[v] <= s->stages && s->last[v] <= s->stages && s->last[v] >= s->stage[v] - 1);
    bits += (int64_t)g->value[v].width * (s->last[v] - s->stage[v] + 1);
  }
  for (int j = 0; j < g->outputs; j++) {
    struct adder_ref r = g->output[j];
    if (r.value < 0)
      continue;
    assert_true(r.negative || s->last[r.value] == s->stages);
    bits += r.negative ? adder_graph_output_width(g, j) : 0;
  }
  assert_int_equal(bits, s->register_bits);
  assert_true(s->shift_bits <= s->register_bits);
  free(chain);
}

/* ---- what graphs compute ------------------------------------------------------------------------------ */

static void try_matrix(const int8_t *m, int inputs, int outputs, struct adder_options o) {
  struct adder_graph *g = build(m, inputs, outputs, o);
  assert_true(g->depth <= (o.depth ? o.depth : adder_graph_least_depth(m, inputs, outputs, o.arrival) + 1));
  compare_with_product(g, m);
  check_tidy(g);
  check_schedule(g, 1);
  check_schedule(g, 3);
  adder_graph_free(g);
}

static void test_shapes(void **unused) {
  static const int shape[][2] = {{1, 1},  {1, 9},   {9, 1},  {2, 2}, {5, 40},
                                 {40, 5}, {16, 16}, {70, 3}, {3, 70}};
  static const uint32_t kind[][2] = {{67, 50}, {100, 50}, {20, 10}, {90, 100}, {5, 50}, {100, 0}};
  (void)unused;
  for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
    for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
      int8_t *m = random_matrix(shape[s][0], shape[s][1], kind[k][0], kind[k][1]);
      try_matrix(m, shape[s][0], shape[s][1],
                 (struct adder_options){.effort = (s + k) & 1, .three_input = k == 2 || k == 4});
      free(m);
    }
}

static void test_empty(void **unused) {
  static const int8_t zero[12], some[12] = {0, 1, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0};
  (void)unused;
  struct adder_graph *g = build(zero, 3, 4, (struct adder_options){.effort = 1});
  assert_int_equal(g->nodes, 0);
  for (int j = 0; j < 4; j++)
    assert_int_equal(g->output[j].value, -1);
  check_schedule(g, 1);
  adder_graph_free(g);
  try_matrix(some, 3, 4, (struct adder_options){.effort = 1});
}

/* Equal and opposite columns cost nothing, equal rows are added once. */
static void test_equal_columns(void **unused) {
  int8_t m[20 * 8];
  (void)unused;
  for (int i = 0; i < 20; i++)
    for (int j = 0; j < 8; j++)
      m[i * 8 + j] = (int8_t)((i * 7 % 3 - 1) * (j & 1 ? -1 : 1));
  int terms = 0;
  for (int i = 0; i < 20; i++)
    terms += m[i * 8] != 0;
  struct adder_graph *g = build(m, 20, 8, (struct adder_options){.effort = 0});
  assert_int_equal(g->nodes, terms - 1);
  compare_with_product(g, m);
  adder_graph_free(g);
}

/* Columns that each differ a little from one long sum: differences of columns win. */
static void test_differences(void **unused) {
  enum { INPUTS = 64, OUTPUTS = 40 };
  int8_t m[INPUTS * OUTPUTS];
  (void)unused;
  for (int i = 0; i < INPUTS; i++)
    for (int j = 0; j < OUTPUTS; j++)
      m[i * OUTPUTS + j] = i % 5 == 0 ? -1 : 1;
  for (int j = 1; j < OUTPUTS; j++)
    for (int k = 0; k < 3; k++)
      m[below(INPUTS) * OUTPUTS + (uint32_t)j] = 0;
  struct adder_graph *g = build(m, INPUTS, OUTPUTS, (struct adder_options){.depth = 9});
  assert_true(g->nodes <= INPUTS - 1 + 3 * (OUTPUTS - 1));
  assert_true(g->depth <= 9);
  compare_with_product(g, m);
  adder_graph_free(g);
}

static void test_inputs(void **unused) {
  enum { N = 24 };
  int64_t lo[N], hi[N];
  int arrival[N];
  (void)unused;
  for (int i = 0; i < N; i++) {
    lo[i] = i % 3 == 0 ? 0 : -(int64_t)below(5000);
    hi[i] = i % 3 == 2 ? lo[i] : (int64_t)below(200);
    arrival[i] = i % 5;
  }
  int8_t *m = random_matrix(N, N, 70, 50);
  for (int effort = 0; effort < 2; effort++) {
    try_matrix(m, N, N, (struct adder_options){.lo = lo, .hi = hi, .effort = effort});
    try_matrix(m, N, N, (struct adder_options){.arrival = arrival, .effort = effort});
    try_matrix(m, N, N, (struct adder_options){.input_bits = 1, .effort = effort});
    try_matrix(m, N, N, (struct adder_options){.input_bits = 32 - 1, .effort = effort});
  }
  free(m);
}

static void test_depth_limit(void **unused) {
  (void)unused;
  for (int tall = 0; tall < 2; tall++) {
    int inputs = tall ? 60 : 33, outputs = tall ? 20 : 40;
    int8_t *m = random_matrix(inputs, outputs, 90, 50);
    int least = adder_graph_least_depth(m, inputs, outputs, NULL);
    for (int more = 0; more < 3; more++)
      try_matrix(m, inputs, outputs, (struct adder_options){.depth = least + more, .effort = 1});
    try_matrix(m, inputs, outputs, (struct adder_options){.depth = ADDER_MAX_DEPTH});
    free(m);
  }
}

static void test_same_again(void **unused) {
  (void)unused;
  int8_t *m = random_matrix(20, 30, 67, 50);
  struct adder_graph *a = build(m, 20, 30, (struct adder_options){.effort = 1});
  struct adder_graph *b = build(m, 20, 30, (struct adder_options){.effort = 1});
  assert_int_equal(a->nodes, b->nodes);
  for (int v = 0; v < 20 + a->nodes; v++)
    for (int k = 0; k < ADDER_OPERANDS; k++) {
      assert_int_equal(a->value[v].in[k].value, b->value[v].in[k].value);
      assert_int_equal(a->value[v].in[k].negative, b->value[v].in[k].negative);
    }
  adder_graph_free(a);
  adder_graph_free(b);
  free(m);
}

/* More effort is never spent for nothing on a matrix of this size. */
static void test_effort(void **unused) {
  (void)unused;
  int8_t *m = random_matrix(32, 32, 67, 50);
  struct adder_graph *a = build(m, 32, 32, (struct adder_options){.effort = 0});
  struct adder_graph *b = build(m, 32, 32, (struct adder_options){.effort = 1});
  assert_true(b->nodes < a->nodes && b->adder_bits < a->adder_bits);
  adder_graph_free(a);
  adder_graph_free(b);
  free(m);
}

/* ---- the proof ---------------------------------------------------------------------------------------- */

static void expect_fault(const struct adder_graph *g, const int8_t *m, const char *what) {
  char *text = NULL;
  size_t size = 0;
  struct diag d = quiet(&text, &size);
  assert_false(adder_graph_check(&d, g, m));
  assert_int_equal(d.errors, 1);
  quiet_end(&d);
  if (!strstr(text, what))
    fail_msg("expected \"%s\" in: %s", what, text);
  free(text);
}

static void test_faults(void **unused) {
  (void)unused;
  int8_t *m = random_matrix(12, 10, 80, 50);
  struct adder_graph *g = build(m, 12, 10, (struct adder_options){.effort = 1});
  struct adder_value *last = &g->value[12 + g->nodes - 1], saved = *last;
  struct diag d = quiet(NULL, NULL);
  assert_true(adder_graph_check(&d, g, m));
  quiet_end(&d);

  last->in[1].negative = !last->in[1].negative;
  expect_fault(g, m, "coefficient");
  *last = saved;
  last->in[1].value = last->in[0].value;
  expect_fault(g, m, "coefficient");
  *last = saved;
  last->in[0].negative = last->in[1].negative = true;
  expect_fault(g, m, "adds nothing");
  *last = saved;
  last->in[0].value = 12 + g->nodes - 1;
  expect_fault(g, m, "does not come before it");
  *last = saved;
  last->width--;
  expect_fault(g, m, "bits do not hold");
  *last = saved;
  last->hi--;
  expect_fault(g, m, "leaves out");
  *last = saved;
  last->depth++;
  expect_fault(g, m, "depth");
  *last = saved;
  last->width++;
  expect_fault(g, m, "its adders have");
  *last = saved;
  g->output[3].negative = !g->output[3].negative;
  expect_fault(g, m, "output 3");
  g->output[3].negative = !g->output[3].negative;
  m[5] = m[5] ? 0 : 1;
  expect_fault(g, m, "output 5 has the coefficient");
  adder_graph_free(g);
  free(m);
}

static void expect_refusal(const int8_t *m, int inputs, int outputs, struct adder_options o,
                           const char *what) {
  char *text = NULL;
  size_t size = 0;
  struct diag d = quiet(&text, &size);
  assert_null(adder_graph_build(&d, m, inputs, outputs, &o));
  assert_int_equal(d.errors, 1);
  quiet_end(&d);
  if (!strstr(text, what))
    fail_msg("expected \"%s\" in: %s", what, text);
  free(text);
}

static void test_refusals(void **unused) {
  static const int8_t m[8] = {1, 1, 1, 1, 1, 1, 1, 1}, bad[2] = {1, 2};
  static const int64_t lo[8] = {0, 5}, hi[8] = {0, 4};
  static const int late[8] = {40, 40, 40, 40, 40, 40, 40, 40};
  (void)unused;
  expect_refusal(m, 0, 8, (struct adder_options){0}, "number of inputs is 0");
  expect_refusal(m, 8, 5000, (struct adder_options){0}, "number of outputs is 5000");
  expect_refusal(bad, 2, 1, (struct adder_options){0}, "entry of the matrix is 2");
  expect_refusal(m, 8, 1, (struct adder_options){.depth = 2}, "depth of 2 cannot be kept");
  expect_refusal(m, 8, 1, (struct adder_options){.input_bits = 33}, "width of the inputs is 33");
  expect_refusal(m, 8, 1, (struct adder_options){.lo = lo, .hi = hi}, "greatest value of an input is 4");
  expect_refusal(m, 8, 1, (struct adder_options){.arrival = late}, "least depth possible is 43");
  expect_refusal(m, 8, 1, (struct adder_options){.effort = -1}, "effort is -1");
}

/* ---- the reference matrices --------------------------------------------------------------------------- */

static int8_t *read_reference(const char *name, int *inputs, int *outputs) {
  char path[400];
  snprintf(path, sizeof path, "%s/reference/matrices/%s", TERN_SHARED, name);
  FILE *f = fopen(path, "r");
  if (!f) {
    print_message("%s is missing: skipped\n", name);
    return NULL;
  }
  assert_int_equal(fscanf(f, "%d %d", inputs, outputs), 2);
  int8_t *m = xmalloc((size_t)(*inputs * *outputs));
  for (int i = 0; i < *inputs * *outputs; i++) {
    int entry;
    assert_int_equal(fscanf(f, "%d", &entry), 1);
    m[i] = (int8_t)entry;
  }
  fclose(f);
  return m;
}

static void expect_figures(const char *name, int depth, int effort, int adders, int64_t bits) {
  int inputs, outputs;
  int8_t *m = read_reference(name, &inputs, &outputs);
  if (!m)
    return;
  struct adder_graph *g = build(m, inputs, outputs, (struct adder_options){.depth = depth, .effort = effort});
  print_message("%s: %d adders, %lld bits\n", name, g->nodes, (long long)g->adder_bits);
  assert_true(g->nodes <= adders);
  assert_true(g->adder_bits <= bits);
  assert_true(g->depth <= depth);
  adder_graph_free(g);
  free(m);
}

/* Best known before: 1132 adders and 12 497 bits, 4113 and 46 631, 14 875 (docs/hardware.md). */
static void test_reference(void **unused) {
  (void)unused;
  expect_figures("m_64_64.txt", 7, 1, 1050, 11500);
  expect_figures("m_256_64.txt", 9, 0, 4113, 46100);
  expect_figures("m_64_256.txt", 7, 0, 3967, 44735);
  expect_figures("m_256_256.txt", 9, 0, 14875, 169000);
  expect_figures("m_256_1.txt", 8, 1, 162, 1617); /* nothing to share */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shapes),        cmocka_unit_test(test_empty),
      cmocka_unit_test(test_equal_columns), cmocka_unit_test(test_differences),
      cmocka_unit_test(test_inputs),        cmocka_unit_test(test_depth_limit),
      cmocka_unit_test(test_same_again),    cmocka_unit_test(test_effort),
      cmocka_unit_test(test_faults),        cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_reference),
  };
  return cmocka_run_group_tests_name("adder_graph", tests, NULL, NULL);
}

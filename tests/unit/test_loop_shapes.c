/* test_loop_shapes.c: how many loops kernels become, what is kept in memory and what threads share, as the
 * printed loops tell; and what is not lowered. Barriers are in tests/passes/barriers.tir. */
#include "tests/unit/loops_common.h"

#include "tests/unit/ir_file.h"

/* ---- shapes of loops ------------------------------------------------------------------------- */

static void expect(const char *text, const char *what, int times) {
  int n = count(text, what);
  if (n != times)
    fail_msg("'%s' is there %d times, not %d, in\n%s", what, n, times, text);
}

/* A norm, a maximum and codes: one loop for the sum, one for the maximum, one for the codes; nothing is kept
 * in memory but the results. */
static void a_norm_takes_three_loops(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b, ir_file("shape_norm"), "");
  assert_non_null(b.loops);
  char *text = printed(b.loops);
  char *k1 = strstr(text, "kernel step_k1"), *k2 = strstr(text, "kernel step_k2");
  *k2 = '\0';
  expect(k1, "vector x", 3);
  expect(k1, "sum0 += ", 1);
  expect(k1, "absmax= ", 1);
  expect(k1, "store ", 2);
  expect(k1, "parallel", 0);
  assert_int_equal(loops_entry(b.loops, "step")->scratch, 640);
  free(text);
  bench_close(&b);
}

static void tokens_are_shared_by_threads(void **state) {
  (void)state;
  struct bench b;
  bench_open(&b, ir_file("shape_tokens"), "");
  assert_non_null(b.loops);
  char *text = printed(b.loops);
  expect(text, "serial parallel t0 < T", 1);
  expect(text, "serial parallel t0 < K", 1);
  expect(text, "+ T * 32 - K * 32", 1);
  assert_int_equal(b.loops->kernels->weight_bytes, 32 * 4); /* one row of the table */
  free(text);
  bench_close(&b);
}

static void states_are_updated_in_place(void **state) {
  (void)state;
  static const struct {
    const char *file;
    int loads; /* of the state */
    bool saved;
  } uses[] = {{"shape_state_in_place", 1, false}, {"shape_state_saved", 1, true}};
  for (int i = 0; i < 2; i++) {
    struct bench b;
    bench_open(&b, ir_file(uses[i].file), "");
    if (!b.loops)
      fail_msg("%s: %s", uses[i].file, b.said);
    char *out = printed(b.loops);
    expect(out, "load h[", uses[i].loads);
    expect(out, "store h[", 1);
    assert_int_equal(loops_entry(b.loops, "step")->scratch > 64, uses[i].saved);
    free(out);
    bench_close(&b);
  }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void what_is_not_planned_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *file, *says;
  } cases[] = {
      {"refused_unplanned", "plan-memory"},
      {"refused_nothing_called", "the module 'm' has no function that can be called"},
      {"refused_ternary_by_floats", "ternarize"},
      {"refused_without_a_place", "no place"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    bench_open(&b, ir_file(cases[i].file), "");
    if (b.loops || !strstr(b.said, cases[i].says))
      fail_msg("%s: expected '%s', got '%s'", cases[i].file, cases[i].says, b.said);
    bench_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_norm_takes_three_loops),
      cmocka_unit_test(tokens_are_shared_by_threads),
      cmocka_unit_test(states_are_updated_in_place),
      cmocka_unit_test(what_is_not_planned_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

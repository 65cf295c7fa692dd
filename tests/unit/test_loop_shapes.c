/* test_loop_shapes.c: how many loops kernels become, what is kept in memory and what threads share, as the
 * printed loops tell; and what is not lowered. Barriers are in tests/passes/barriers.tir. */
#include "tests/unit/loops_common.h"

#include "tests/c/cases.h"

/* ---- shapes of loops ------------------------------------------------------------------------- */

#define PLANNED "module m spec \"m.tern\" chunk 8 weights 8192 states 8192\n"

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
  bench_open(&b,
             PLANNED "func step(%token: u32) -> f32[64] scratch 640 {\n"
                     "  %x = kernel \"step.k0\" -> f32[64] at 0 {\n"
                     "    %c = const {value = 2} : f32[64]\n"
                     "    yield %c\n"
                     "  }\n"
                     "  %q, %s = kernel \"step.k1\" -> i8[64] at 256, f32[1] at 320 {\n"
                     "    %n = rmsnorm %x {eps = 1e-06} : f32[64]\n"
                     "    %m = absmax %n {axis = 0} : f32[1]\n"
                     "    %q = codes %n, %m {bits = 8, round = half_even} : i8[64]\n"
                     "    yield %q, %m\n"
                     "  }\n"
                     "  %y = kernel \"step.k2\" -> f32[64] at output {\n"
                     "    %f = convert %q : f32[64]\n"
                     "    %r = div %f, %s : f32[64]\n"
                     "    yield %r\n"
                     "  }\n"
                     "  return %y\n"
                     "}\n",
             "");
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
  bench_open(&b,
             PLANNED "weight @w : f32[17, 32] stored f32 at 0\n"
                     "func step(%token: u32) -> f32[32] scratch 64 {\n"
                     "  %y = kernel \"step.k0\" -> f32[32] at output {\n"
                     "    %w = weight @w : f32[17, 32]\n"
                     "    %x = index %w, %token : f32[32]\n"
                     "    yield %x\n"
                     "  }\n"
                     "  return %y\n"
                     "}\n"
                     "func prefill(%tokens: u32[T]) -> f32[K, 32] scratch 1024 {\n"
                     "  %n = kernel \"prefill.k0\" -> f32[T, 32] at 0 {\n"
                     "    %w = weight @w : f32[17, 32]\n"
                     "    %x = index %w, %tokens : f32[T, 32]\n"
                     "    %n = rmsnorm %x {eps = 1e-06} : f32[T, 32]\n"
                     "    yield %n\n"
                     "  }\n"
                     "  %y = kernel \"prefill.k1\" -> f32[K, 32] at output {\n"
                     "    %t = tail %n : f32[K, 32]\n"
                     "    yield %t\n"
                     "  }\n"
                     "  return %y\n"
                     "}\n",
             "");
  assert_non_null(b.loops);
  char *text = printed(b.loops);
  expect(text, "serial parallel t0 < T", 1);
  expect(text, "serial parallel t0 < K", 1);
  expect(text, "+ T * 32 - K * 32", 1);
  assert_int_equal(b.loops->kernels->weight_bytes, 32 * 4); /* one row of the table */
  free(text);
  bench_close(&b);
}

/* Read and written at the same place: in one loop, without a copy. Read after it is overwritten: saved. */
static void states_are_updated_in_place(void **state) {
  (void)state;
  static const char text[] = PLANNED "state @h : f32[64] = 0 at 0\n"
                                     "func step(%token: u32) -> f32[64] scratch 64 {\n"
                                     "  %%y = kernel \"step.k0\" -> f32[64] at output {\n"
                                     "    %%h = read @h : f32[64]\n"
                                     "    %%n = tanh %%h : f32[64]\n"
                                     "    write %%n, @h\n"
                                     "    %%r = %s : f32[64]\n"
                                     "    yield %%r\n"
                                     "  }\n"
                                     "  return %%y\n"
                                     "}\n";
  static const struct {
    const char *use;
    int loads; /* of the state */
    bool saved;
  } uses[] = {{"sub %h, %n", 1, false}, {"rmsnorm %h {eps = 1e-06}", 1, true}};
  for (int i = 0; i < 2; i++) {
    struct bench b;
    char *source = NULL;
    size_t bytes = 0;
    FILE *f = open_memstream(&source, &bytes);
    for (const char *p = text; *p; p++) /* %% and %s */
      if (p[0] == '%' && (p[1] == '%' || p[1] == 's'))
        fputs(*++p == 's' ? uses[i].use : "%", f);
      else
        fputc(*p, f);
    fclose(f);
    bench_open(&b, source, "");
    if (!b.loops)
      fail_msg("%s", b.said);
    char *out = printed(b.loops);
    expect(out, "load h[", uses[i].loads);
    expect(out, "store h[", 1);
    assert_int_equal(loops_entry(b.loops, "step")->scratch > 64, uses[i].saved);
    free(out);
    free(source);
    bench_close(&b);
  }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void what_is_not_planned_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } cases[] = {
      {HEAD "func step(%token: u32) -> f32[4] {\n  %c = const {value = 1} : f32[4]\n  return %c\n}\n",
       "plan-memory"},
      {HEAD "func fold() {\n  return\n}\n", "the module 'm' has no function that can be called"},
      {HEAD "weight @w : ternary[4, 4] per tensor stored tile2 at 0 scales 64\n"
            "func step(%token: u32) -> f32[4] scratch 64 {\n"
            "  %y = kernel \"step.k0\" -> f32[4] at output {\n"
            "    %w = weight @w : ternary[4, 4]\n"
            "    %x = const {value = 1} : f32[4]\n"
            "    %y = matmul %w, %x : f32[4]\n"
            "    yield %y\n"
            "  }\n"
            "  return %y\n"
            "}\n",
       "ternarize"},
      {HEAD "weight @w : f32[4]\n"
            "func step(%token: u32) -> f32[4] scratch 64 {\n"
            "  %y = kernel \"step.k0\" -> f32[4] at output {\n"
            "    %w = weight @w : f32[4]\n"
            "    yield %w\n"
            "  }\n"
            "  return %y\n"
            "}\n",
       "no place"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bench b;
    bench_open(&b, cases[i].text, "");
    if (b.loops || !strstr(b.said, cases[i].says))
      fail_msg("expected '%s', got '%s'", cases[i].says, b.said);
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

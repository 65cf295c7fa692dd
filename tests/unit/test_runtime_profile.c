/* test_runtime_profile.c: `--profile` of a built program: which calls, bytes and times are told, as a table
 * and as JSON, on a model that says of its kernels what a compiled one says. */
#include "program_run.h"

#include <jansson.h>
#include <math.h>

enum { LAYERS = 3 };

static void trace(const struct tern_args *a, uint32_t thread, uint32_t kernel) {
  if (a->trace)
    a->trace(a->tracer, thread, kernel);
}

/* One kernel that does the work, and one as often as there are layers. */
static void profiled(tern_run *form, const struct tern_args *a, uint32_t thread, uint32_t threads,
                     uint32_t first) {
  trace(a, thread, first);
  form(a, thread, threads);
  trace(a, thread, UINT32_MAX);
  for (int i = 0; i < LAYERS; i++) {
    trace(a, thread, first + 1);
    trace(a, thread, UINT32_MAX);
  }
}

static void profiled_step(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_step, a, thread, threads, 0);
}

static void profiled_prefill(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_prefill, a, thread, threads, 2);
}

static void profiled_batch(const struct tern_args *a, uint32_t thread, uint32_t threads) {
  profiled(fake_batch, a, thread, threads, 4);
}

static struct tern_model profiled_model(void) {
  enum { STEP, PREFILL, BATCH };
  static const struct tern_entry entries[] = FAKE_FORMS(profiled_step, profiled_prefill, profiled_batch);
  static const struct tern_kernel_info kernels[] = {
      {"step_sum", NULL, "a \"b\".tern", 7, STEP, 1000},
      {"step.k1", NULL, "a \"b\".tern", 7, STEP, 24},
      {"prefill_sum", NULL, "a \"b\".tern", 7, PREFILL, 1000},
      {"prefill.k1", NULL, "a \"b\".tern", 8, PREFILL, 0},
      {"batch_sum", NULL, "a \"b\".tern", 7, BATCH, 1000},
      {"batch.k1", NULL, "", 0, BATCH, 0},
      {"batch.never", NULL, "", 0, BATCH, 0},
  };
  struct tern_model m = fake_model;
  m.entries = entries;
  m.kernels = kernels;
  m.n_kernels = sizeof kernels / sizeof *kernels;
  return m;
}

/* The calls and bytes that the line of a kernel tells. */
static void expect_kernel(const char *table, const char *form, const char *kernel, unsigned long long calls,
                          unsigned long long bytes) {
  const char *at = strstr(table, kernel);
  if (!at)
    fail_msg("no %s in '%s'", kernel, table);
  while (at > table && at[-1] != '\n')
    at--;
  double share, call, slowest, rate;
  unsigned long long got_calls, got_bytes;
  char got_form[16], got_kernel[32];
  assert_int_equal(sscanf(at, "%lf%% %lf %lf %llu %llu %lf %15s %31s", &share, &call, &slowest, &got_calls,
                          &got_bytes, &rate, got_form, got_kernel),
                   8);
  assert_int_equal(got_calls, calls);
  assert_int_equal(got_bytes, bytes);
  assert_string_equal(got_form, form);
  assert_string_equal(got_kernel, kernel);
  assert_true(share >= 0 && share <= 100 && call >= 0 && slowest >= call);
}

static void test_profile_of_tokens(void **state) {
  (void)state;
  struct tern_model m = profiled_model();
  put_file("ids", "5 6 7 8 9 10 11", 15);
  struct outcome o = RUN(&m, "--tokens", "ids", "--logits", "-"), profile;
  profile = RUN(&m, "--tokens", "ids", "--logits", "-", "--profile", "--chunk", "3", "-j", "2");
  assert_int_equal(profile.status, 0); /* 7 tokens: two prefills and a step */
  assert_int_equal(o.out_bytes, profile.out_bytes);
  assert_memory_equal(o.out, profile.out, o.out_bytes);
  assert_int_equal(o.err_bytes, 0);
  expect_kernel(profile.err, "step", "step_sum", 1, 1000);
  expect_kernel(profile.err, "step", "step.k1", LAYERS, 24);
  expect_kernel(profile.err, "prefill", "prefill_sum", 2, 1000);
  expect_kernel(profile.err, "prefill", "prefill.k1", 2 * LAYERS, 0);
  assert_non_null(strstr(profile.err, "step_sum  a \"b\".tern:7\n"));
  assert_non_null(strstr(profile.err, "prefill  a \"b\".tern:8\n"));
  assert_non_null(strstr(profile.err, " in step: 1 tokens in 1 calls, 2 threads\n"));
  assert_non_null(strstr(profile.err, " in prefill: 6 tokens in 2 calls, 2 threads\n"));
  assert_null(strstr(profile.err, "batch"));
  done(o);
  done(profile);
}

static void test_profile_of_other_modes(void **state) {
  (void)state;
  struct tern_model m = profiled_model();
  struct outcome o = RUN(&m, "-n", "5", "--ignore-eos", "--profile", "--quiet");
  assert_int_equal(o.status, 0);
  expect_kernel(o.err, "step", "step_sum", 5, 1000); /* BOS, and all tokens but the last */
  done(o);
  put_file("text", "sixteen letters.", 16);
  o = RUN(&m, "--perplexity", "text", "--profile");
  assert_int_equal(o.status, 0);
  expect_kernel(o.err, "prefill", "prefill_sum", 2, 1000);
  done(o);
  o = RUN(&m, "--bench", "--bench-tokens", "3", "--bench-prompt", "2", "--profile");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.err, "batch_sum  a \"b\".tern:7\n"));
  assert_non_null(strstr(o.err, "batch    (none)\n"));
  done(o);
  o = RUN(&m, "--help", "--profile");
  assert_int_equal(o.status, 0);
  assert_non_null(strstr(o.out, "--profile"));
  done(o);
  EXPECT_ERROR(RUN(&fake_model, "-n", "3", "--profile"), "model fake has no kernels");
}

static double number_of(const json_t *o, const char *key) {
  const json_t *value = json_object_get(o, key);
  assert_true(json_is_number(value));
  return json_number_value(value);
}

static double sum_of(const json_t *rows, const char *key) {
  double sum = 0;
  assert_true(json_is_array(rows));
  for (size_t i = 0; i < json_array_size(rows); i++)
    sum += number_of(json_array_get(rows, i), key);
  return sum;
}

static void test_profile_as_json(void **state) {
  (void)state;
  enum { ROUNDS = 3 + 1 }; /* at least; one warms up */
  struct tern_model m = profiled_model();
  struct outcome o = RUN(&m, "--bench", "--json", "--profile", "--bench-tokens", "6", "--bench-prompt", "24",
                         "--bench-batch", "4", "-j", "2");
  assert_int_equal(o.status, 0);
  assert_int_equal(o.err_bytes, 0);
  json_t *all = json_loads(o.out, 0, NULL), *profile = json_object_get(all, "profile");
  assert_non_null(profile);
  const json_t *kernels = json_object_get(profile, "kernels"), *lines = json_object_get(profile, "lines"),
               *forms = json_object_get(profile, "forms");
  assert_true(number_of(profile, "threads") == 2);
  assert_int_equal(json_array_size(kernels), 6);
  assert_int_equal(json_array_size(lines), 5); /* step's two are one */
  assert_int_equal(json_array_size(forms), 3);
  for (size_t i = 0; i < 3; i++) {
    const json_t *form = json_array_get(forms, i);
    double calls = number_of(form, "calls"), tokens = number_of(form, "tokens");
    assert_true(calls >= ROUNDS * (i == 1 ? 3 : 6));
    assert_true(tokens == calls * (i == 0 ? 1 : i == 1 ? CHUNK : SEQUENCES));
    assert_true(number_of(form, "waiting_ms") <= number_of(form, "ms"));
  }
  assert_true(sum_of(kernels, "calls") == (1 + LAYERS) * sum_of(forms, "calls"));
  assert_true(sum_of(lines, "calls") == sum_of(kernels, "calls"));
  assert_true(sum_of(lines, "weight_bytes") == sum_of(kernels, "weight_bytes"));
  assert_true(fabs(sum_of(kernels, "share") + sum_of(forms, "waiting_share") - 1) < 1e-4);
  assert_true(fabs(sum_of(lines, "share") + sum_of(forms, "waiting_share") - 1) < 1e-4);
  for (size_t i = 1; i < json_array_size(kernels); i++)
    assert_true(number_of(json_array_get(kernels, i), "ms") <=
                number_of(json_array_get(kernels, i - 1), "ms"));
  assert_string_equal(json_string_value(json_object_get(json_array_get(kernels, 0), "file")), "a \"b\".tern");
  json_decref(all);
  done(o);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_profile_of_tokens),
      cmocka_unit_test(test_profile_of_other_modes),
      cmocka_unit_test(test_profile_as_json),
  };
  return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

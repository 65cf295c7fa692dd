/* test_trainer.c: the parts of a trainer that a whole run does not show: schedules, the order of windows,
 * names of tensors, and that a window in parts has the derivative of the whole. */
#include "training/corpus.h"
#include "training/initial.h"
#include "training/log.h"
#include "training/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rates_follow_their_formulas(void **state) {
  (void)state;
  struct rate_schedule s = {SCHEDULE_COSINE, 2, 0.1, 10, 110};
  static const struct {
    enum schedule_kind kind;
    uint64_t step;
    double rate;
  } rows[] = {
      {SCHEDULE_COSINE, 1, 0.2},      {SCHEDULE_COSINE, 10, 2},       {SCHEDULE_COSINE, 60, 1.1},
      {SCHEDULE_COSINE, 110, 0.2},    {SCHEDULE_COSINE, 500, 0.2},    {SCHEDULE_LINEAR, 60, 1.1},
      {SCHEDULE_LINEAR, 110, 0.2},    {SCHEDULE_CONSTANT, 110, 2},    {SCHEDULE_TWO_STAGE, 10, 2},
      {SCHEDULE_TWO_STAGE, 60, 0.55}, {SCHEDULE_TWO_STAGE, 110, 0.1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    s.kind = rows[i].kind;
    double rate = schedule_rate(&s, rows[i].step);
    if (fabs(rate - rows[i].rate) > 1e-12)
      print_error("%s, step %d: %.12g\n", schedule_names[s.kind], (int)rows[i].step, rate);
    assert_true(fabs(rate - rows[i].rate) <= 1e-12);
  }
  s = (struct rate_schedule){SCHEDULE_COSINE, 2, 0.1, 0, 1};
  assert_true(isfinite(schedule_rate(&s, 1)));
}

/* Of n ids and windows of that length. */
static void each_window_once(uint64_t n, uint64_t length) {
  uint64_t windows = (n - 1) / length;
  unsigned char *seen = calloc(windows, 1);
  uint64_t in_order = 0, before = 0;
  for (uint64_t epoch = 0; epoch < 3; epoch++) {
    uint64_t shift = corpus_window(7, n, length, epoch * windows) % length;
    memset(seen, 0, windows);
    for (uint64_t k = 0; k < windows; k++) {
      uint64_t at = corpus_window(7, n, length, epoch * windows + k);
      assert_true(at + length < n);
      assert_int_equal(at % length, shift);
      assert_false(seen[at / length]++);
      in_order += at > before;
      before = at;
    }
  }
  assert_true(windows < 20 || in_order < 2 * windows); /* of 3 * windows; half are expected */
  free(seen);
}

static void an_epoch_has_each_window_once(void **state) {
  (void)state;
  for (uint64_t n = 2; n < 70; n++)
    for (uint64_t length = 1; length < n; length++)
      each_window_once(n, length);
  each_window_once(1000003, 97);
  assert_true(corpus_window(1, 100000, 10, 5) != corpus_window(2, 100000, 10, 5));
}

static void names_have_their_indices(void **state) {
  (void)state;
  struct arena a = {0};
  struct tern_tensor t = {.name = "a.{}.b.{}.c", .outer = 3, .inner = 4};
  assert_string_equal(tensor_name(&a, &t, 7), "a.1.b.3.c");
  t = (struct tern_tensor){.name = "{}", .outer = 3, .inner = 1};
  assert_string_equal(tensor_name(&a, &t, 2), "2");
  t = (struct tern_tensor){.name = "plain", .outer = 1, .inner = 1};
  assert_string_equal(tensor_name(&a, &t, 0), "plain");
  arena_free(&a);
}

/* Whatever the rows are, the picture has numbers only. */
static void a_curve_is_drawn_of_any_rows(void **state) {
  (void)state;
  struct log_row rows[3000];
  for (int n = 0; n <= 3000; n = n * 7 + 1) {
    for (int i = 0; i < n; i++)
      rows[i] = (struct log_row){.step = (uint64_t)i,
                                 .loss = i % 5 ? 5 - i * 0.001 : NAN,
                                 .held_loss = n == 1    ? 3
                                              : i % 100 ? NAN
                                              : i       ? 4
                                                        : INFINITY};
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    curve_print(out, rows, n, "a<b");
    fclose(out);
    assert_non_null(strstr(text, "a&lt;b"));
    assert_non_null(strstr(text, "</svg>"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    assert_true(bytes < 60000);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rates_follow_their_formulas),
      cmocka_unit_test(an_epoch_has_each_window_once),
      cmocka_unit_test(names_have_their_indices),
      cmocka_unit_test(a_curve_is_drawn_of_any_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

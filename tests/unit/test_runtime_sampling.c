/* test_runtime_sampling.c: the filters and the draw against their definitions, and text that is never cut
 * inside a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/command/score.h"
#include "runtime/text/sample.h"
#include "runtime/text/utf8.h"

static const struct sampling plain = {.temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 1};

static void start(struct sampler *s, struct sampling how, uint32_t vocab) {
  struct failure f;
  assert_true(sampler_open(s, &how, vocab, &f));
}

static uint32_t pick(struct sampler *s, const float *logits) {
  struct failure f;
  uint32_t id = UINT32_MAX;
  assert_true(sampler_pick(s, logits, &id, &f));
  assert_in_range(id, 0, s->vocab - 1);
  return id;
}

/* How often each of `vocab` ids comes in `draws` draws. */
static void draw_many(struct sampling how, const float *logits, uint32_t vocab, uint32_t draws,
                      uint32_t *counts) {
  struct sampler s;
  start(&s, how, vocab);
  memset(counts, 0, vocab * sizeof *counts);
  for (uint32_t i = 0; i < draws; i++)
    counts[pick(&s, logits)]++;
  sampler_close(&s);
}

/* ---- random numbers ---- */

/* The first outputs of xoshiro256** from the state 1, 2, 3, 4 are 11520, 0, 1509978240. */
static void test_random_numbers(void **state) {
  (void)state;
  struct sampler s = {.random = {1, 2, 3, 4}};
  assert_true(sampler_random(&s) == (double)(11520 >> 11) * 0x1p-53);
  assert_true(sampler_random(&s) == 0);
  assert_true(sampler_random(&s) == (double)(1509978240 >> 11) * 0x1p-53);
  struct sampler t;
  struct sampling how = plain;
  how.seed = 0;
  start(&t, how, 4);
  assert_true(t.random[0] == 0xe220a8397b1dcdafu); /* the first output of splitmix64 from 0 */
  sampler_close(&t);
}

static void test_seeds(void **state) {
  (void)state;
  float logits[50] = {0};
  uint32_t picks[3][20];
  for (int run = 0; run < 3; run++) {
    struct sampler s;
    struct sampling how = plain;
    how.seed = run == 2 ? 2 : UINT64_MAX;
    start(&s, how, 50);
    for (int i = 0; i < 20; i++)
      picks[run][i] = pick(&s, logits);
    sampler_close(&s);
  }
  assert_memory_equal(picks[0], picks[1], sizeof picks[0]);
  assert_true(memcmp(picks[0], picks[2], sizeof picks[0]) != 0);
}

/* ---- one step at a time ---- */

static void test_greedy_is_the_first_maximum(void **state) {
  (void)state;
  struct sampler s;
  struct sampling how = plain;
  how.temperature = 0;
  start(&s, how, 6);
  assert_int_equal(pick(&s, (float[]){1, 3, -2, 3, 3, 0}), 1);
  assert_int_equal(pick(&s, (float[]){-INFINITY, -9, -9, -INFINITY, -10, -9}), 1);
  assert_int_equal(pick(&s, (float[]){0, 0, 0, 0, 0, 0}), 0);
  sampler_close(&s);
}

static void test_logits_that_are_no_numbers(void **state) {
  (void)state;
  static const float bad[][3] = {
      {0, NAN, 1}, {NAN, 0, 1}, {0, INFINITY, 1}, {-INFINITY, -INFINITY, -INFINITY}};
  for (int greedy = 0; greedy < 2; greedy++)
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
      struct sampler s;
      struct sampling how = plain;
      struct failure f = {0};
      uint32_t id;
      how.temperature = !greedy;
      how.top_k = 2;
      start(&s, how, 3);
      assert_false(sampler_pick(&s, bad[i], &id, &f));
      assert_true(strlen(f.text) > 10);
      sampler_close(&s);
    }
}

/* Within four standard deviations of draws * p. */
static void assert_share(uint32_t count, uint32_t draws, double p) {
  double expected = draws * p, deviation = sqrt(draws * p * (1 - p));
  assert_true(fabs(count - expected) <= 4 * deviation + 1e-9);
}

static void test_draws_follow_the_softmax(void **state) {
  (void)state;
  enum { DRAWS = 20000 };
  static const float logits[5] = {0, 1, -1, 0.5f, -INFINITY};
  for (int t = 0; t < 3; t++) {
    uint32_t counts[5];
    struct sampling how = plain;
    double sum = 0;
    how.temperature = (double[]){0.5, 1, 2}[t];
    for (int i = 0; i < 5; i++)
      sum += exp(logits[i] / how.temperature);
    for (int filtered = 0; filtered < 2; filtered++) { /* the same through the heap */
      how.top_k = filtered ? 5 : 0;
      draw_many(how, logits, 5, DRAWS, counts);
      for (int i = 0; i < 5; i++)
        assert_share(counts[i], DRAWS, exp(logits[i] / how.temperature) / sum);
    }
  }
}

static void test_extreme_temperatures(void **state) {
  (void)state;
  static const float logits[3] = {1, 1.5f, -80};
  uint32_t counts[3];
  struct sampling how = plain;
  how.temperature = 1e-300;
  draw_many(how, logits, 3, 50, counts);
  assert_int_equal(counts[1], 50);
  how.temperature = 1e6;
  draw_many(how, logits, 3, 3000, counts);
  assert_share(counts[2], 3000, 1. / 3);
}

/* Probabilities 1/2, 1/4, 1/8, 1/8. */
static const float halves[4] = {0, -0.6931472f, -1.3862944f, -1.3862944f};

static void assert_shares(struct sampling how, const double *expected) {
  enum { DRAWS = 8000 };
  uint32_t counts[4];
  draw_many(how, halves, 4, DRAWS, counts);
  for (int i = 0; i < 4; i++)
    assert_share(counts[i], DRAWS, expected[i]);
}

static void test_filters(void **state) {
  (void)state;
  static const struct {
    uint64_t k;
    double p, min_p, expected[4];
  } cases[] = {
      {2, 1, 0, {2. / 3, 1. / 3}},
      {1, 1, 0, {1}},
      {3, 1, 0, {4. / 7, 2. / 7, 1. / 7}}, /* of two equals the lower id */
      {9, 1, 0, {.5, .25, .125, .125}},
      {0, 0.45, 0, {1}},
      {0, 0.55, 0, {2. / 3, 1. / 3}},
      {0, 0.8, 0, {4. / 7, 2. / 7, 1. / 7}},
      {0, 0.99, 0, {.5, .25, .125, .125}},
      {0, 1e-9, 0, {1}},
      {2, 0.6, 0, {1}}, /* top-p sees what top-k left: 2/3 is enough */
      {2, 0.7, 0, {2. / 3, 1. / 3}},
      {0, 1, 0.3, {2. / 3, 1. / 3}},
      {0, 1, 0.2, {.5, .25, .125, .125}},
      {0, 1, 1, {1}},
      {0, 0.8, 0.3, {2. / 3, 1. / 3}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sampling how = plain;
    how.top_k = cases[i].k;
    how.top_p = cases[i].p;
    how.min_p = cases[i].min_p;
    assert_shares(how, cases[i].expected);
  }
}

/* ---- the filters on random logits, against sorting ---- */

struct probability {
  double p;
  uint32_t id;
};

static int more_probable(const void *a, const void *b) {
  const struct probability *x = a, *y = b;
  return x->p != y->p ? (x->p < y->p) - (x->p > y->p) : (x->id > y->id) - (x->id < y->id);
}

/* Marks what the filters leave, by their definitions. */
static void filter_by_sorting(const float *logits, uint32_t n, const struct sampling *how, bool *left) {
  struct probability all[64];
  double sum = 0, reached = 0;
  for (uint32_t i = 0; i < n; i++)
    all[i] = (struct probability){exp(logits[i] / how->temperature), i};
  qsort(all, n, sizeof *all, more_probable);
  uint32_t k = how->top_k && how->top_k < n ? (uint32_t)how->top_k : n;
  for (uint32_t i = 0; i < k; i++)
    sum += all[i].p;
  for (uint32_t i = 0; i < n; i++) {
    bool reach = how->top_p < 1 && reached >= how->top_p * sum;
    left[all[i].id] = i < k && !reach && all[i].p >= how->min_p * all[0].p;
    reached += all[i].p;
  }
}

static void test_filters_on_random_logits(void **state) {
  (void)state;
  enum { N = 40, ROUNDS = 200, DRAWS = 400 };
  srand(1);
  for (int round = 0; round < ROUNDS; round++) {
    float logits[N];
    bool left[N];
    uint32_t counts[N];
    struct sampling how = plain;
    for (int i = 0; i < N; i++)
      logits[i] = (float)(rand() % 41 - 20) / 16; /* with ties */
    how.top_k = rand() % 3 ? (uint64_t)(rand() % (N + 4)) : 0;
    how.top_p = rand() % 3 ? (rand() % 997 + 1) / 1000. : 1;
    how.min_p = rand() % 3 ? rand() % 100 / 101. : 0;
    how.temperature = 0.5 + rand() % 4 / 2.;
    how.seed = (uint64_t)round;
    filter_by_sorting(logits, N, &how, left);
    draw_many(how, logits, N, DRAWS, counts);
    uint32_t size = 0, seen = 0;
    for (int i = 0; i < N; i++) {
      assert_true(left[i] || counts[i] == 0);
      size += left[i];
      seen += counts[i] > 0;
    }
    assert_true(seen == size || size > 8); /* few candidates all come */
  }
}

/* ---- repetition penalty ---- */

static uint32_t greedy_after(const float *logits, double penalty, uint64_t window, const uint32_t *said,
                             size_t n) {
  struct sampler s;
  struct sampling how = plain;
  how.temperature = 0;
  how.repetition_penalty = penalty;
  how.window = window;
  start(&s, how, 4);
  for (size_t i = 0; i < n; i++)
    sampler_accept(&s, said[i]);
  uint32_t id = pick(&s, logits);
  sampler_close(&s);
  return id;
}

static void test_repetition_penalty(void **state) {
  (void)state;
  static const float positive[4] = {2, 1.5f, 0.9f, -1}, negative[4] = {-1, -1.5f, -1.9f, -3};
  static const uint32_t zero[] = {0}, zeros[] = {0, 0, 0}, more[] = {0, 1, 2};
  assert_int_equal(greedy_after(positive, 2, 0, zero, 0), 0);
  assert_int_equal(greedy_after(positive, 1.3, 0, zero, 1), 0);  /* 1.54 */
  assert_int_equal(greedy_after(positive, 1.4, 0, zero, 1), 1);  /* 1.43 */
  assert_int_equal(greedy_after(positive, 1.3, 0, zeros, 3), 0); /* once, however often it came */
  assert_int_equal(greedy_after(negative, 1.4, 0, zero, 1), 0);
  assert_int_equal(greedy_after(negative, 1.6, 0, zero, 1), 1);
  assert_int_equal(greedy_after(positive, 4, 0, more, 3), 0); /* all three: 0.5, 0.375, 0.225 */
  assert_int_equal(greedy_after(positive, 4, 2, more, 3), 0); /* 0 has left the window */
  assert_int_equal(greedy_after(positive, 1.4, 3, more, 3), 0);
  assert_int_equal(greedy_after(positive, 4, 1, zeros, 3), 1);
}

/* ---- characters ---- */

static const char mixed[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z\xed\x9f\xbf\xf4\x8f\xbf\xbf";

static void test_unfinished_characters(void **state) {
  (void)state;
  static const struct {
    const char *text;
    uint32_t held;
  } cases[] = {
      {"", 0},
      {"a", 0},
      {"\xc3", 1},
      {"a\xe2", 1},
      {"\xe2\x82", 2},
      {"\xf0", 1},
      {"\xf0\x9f", 2},
      {"\xf0\x9f\x98", 3},
      {"\xf0\x9f\x98\x80", 0},
      {"\x80", 0},
      {"\xc0", 0},
      {"\xc1", 0},
      {"\xe0\x80", 0},
      {"\xe0\xa0", 2},
      {"\xed\xa0", 0},
      {"\xf4\x90", 0},
      {"\xf0\x80\x80", 0},
      {"\xf5", 0},
      {"\xff", 0},
      {"\xe2\x41", 0},
      {"\xc3\xa9", 0},
      {"\xc3\xa9\x80", 0},
      {"\x80\x80\x80", 0},
      {"\xe2\xc3", 1},
      {"\xf4\x8f\xbf", 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(utf8_unfinished((const unsigned char *)cases[i].text, strlen(cases[i].text)),
                     cases[i].held);
}

/* A finished text: every lead byte has its continuations. Enough for the text above, which is valid. */
static bool is_whole(const char *text, size_t n) {
  return utf8_unfinished((const unsigned char *)text, n) == 0;
}

/* Every way to cut the text into pieces of up to three lengths. */
static void test_streams_never_split_a_character(void **state) {
  (void)state;
  for (size_t lengths = 0; lengths < 125; lengths++) {
    char *out = NULL;
    size_t size = 0, at = 0;
    struct utf8_stream s = {.to = open_memstream(&out, &size)};
    size_t steps[3] = {1 + lengths % 5, 1 + lengths / 5 % 5, 1 + lengths / 25};
    for (int i = 0; at < sizeof mixed - 1; i++) {
      size_t n = steps[i % 3] < sizeof mixed - 1 - at ? steps[i % 3] : sizeof mixed - 1 - at;
      assert_true(utf8_write(&s, mixed + at, n));
      at += n;
      assert_true(is_whole(out, size));
      assert_true(at - size <= 3); /* no more than the beginning of one character waits */
    }
    assert_true(utf8_flush(&s));
    assert_int_equal(size, sizeof mixed - 1);
    assert_memory_equal(out, mixed, size);
    fclose(s.to);
    free(out);
  }
}

static void test_invalid_bytes_pass(void **state) {
  (void)state;
  static const char bytes[] = "\xff\xc3(\xe0\x80\0\xf0\x9f\x98";
  char *out = NULL;
  size_t size = 0;
  struct utf8_stream s = {.to = open_memstream(&out, &size)};
  for (size_t i = 0; i < sizeof bytes - 1; i++)
    assert_true(utf8_write(&s, bytes + i, 1));
  assert_int_equal(size, sizeof bytes - 1 - 3);
  assert_true(utf8_flush(&s));
  assert_int_equal(size, sizeof bytes - 1);
  assert_memory_equal(out, bytes, size);
  fclose(s.to);
  free(out);
}

static void test_long_texts_pass(void **state) {
  (void)state;
  enum { N = 30001 };
  char *text = malloc(N), *out = NULL;
  size_t size = 0;
  for (int i = 0; i < N; i++)
    text[i] = "\xe2\x82\xac"[i % 3];
  struct utf8_stream s = {.to = open_memstream(&out, &size)};
  assert_true(utf8_write(&s, text, N) && is_whole(out, size));
  assert_true(utf8_flush(&s));
  assert_int_equal(size, N);
  assert_memory_equal(out, text, N);
  fclose(s.to);
  free(out);
  free(text);
}

static void test_log_probability(void **state) {
  (void)state;
  static const float logits[3] = {1000, 1001, -1000};
  assert_true(fabs(log_probability(logits, 3, 1) + log1p(exp(-1))) < 1e-12);
  assert_true(fabs(log_probability(logits, 3, 2) + 2001 + log1p(exp(-1))) < 1e-9);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_random_numbers),
      cmocka_unit_test(test_seeds),
      cmocka_unit_test(test_greedy_is_the_first_maximum),
      cmocka_unit_test(test_logits_that_are_no_numbers),
      cmocka_unit_test(test_draws_follow_the_softmax),
      cmocka_unit_test(test_extreme_temperatures),
      cmocka_unit_test(test_filters),
      cmocka_unit_test(test_filters_on_random_logits),
      cmocka_unit_test(test_repetition_penalty),
      cmocka_unit_test(test_unfinished_characters),
      cmocka_unit_test(test_streams_never_split_a_character),
      cmocka_unit_test(test_invalid_bytes_pass),
      cmocka_unit_test(test_long_texts_pass),
      cmocka_unit_test(test_log_probability),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

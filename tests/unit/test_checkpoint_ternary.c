/* test_checkpoint_ternary.c: float matrices of a checkpoint as ternary codes: against a naive reader that
 * does what docs/numerics.md says, and what is refused. */
#include "tests/unit/checkpoint_bench.h"

#include <math.h>

static uint32_t random_state;
static float random_float(void) { /* -1 .. 1 */
  random_state = random_state * 1664525u + 1013904223u;
  return (float)(int32_t)random_state * 0x1p-31f;
}

struct matrix {
  int64_t rows, cols;
  float *values; /* as stored, exactly */
};

/* Writes a random matrix 'x' of a type and keeps what was stored. Half-way values and zeros are among them.
 */
static struct matrix write_matrix(struct bench *b, const char *path, const char *dtype, int64_t rows,
                                  int64_t cols) {
  int64_t n = rows * cols;
  struct matrix m = {rows, cols, malloc((size_t)n * 4 + 1)};
  int size = strcmp(dtype, "F32") == 0 ? 4 : 2;
  char *raw = malloc((size_t)(n * size) + 1);
  for (int64_t i = 0; i < n; i++) {
    float v = i % 7 == 0 ? 0 : i % 5 == 0 ? 0.25f : random_float();
    if (strcmp(dtype, "F32") == 0) {
      memcpy(raw + 4 * i, &v, 4);
    } else if (strcmp(dtype, "F16") == 0) {
      _Float16 h = (_Float16)v;
      memcpy(raw + 2 * i, &h, 2);
      v = (float)h;
    } else {
      uint32_t bits;
      memcpy(&bits, &v, 4);
      uint16_t top = (uint16_t)(bits >> 16);
      memcpy(raw + 2 * i, &top, 2);
      bits = (uint32_t)top << 16;
      memcpy(&v, &bits, 4);
    }
    m.values[i] = v;
  }
  const char *header =
      arena_printf(&b->arena, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%lld,%lld],\"data_offsets\":[0,%lld]}}",
                   dtype, (long long)rows, (long long)cols, (long long)(n * size));
  write_tensors(path, header, raw, (size_t)(n * size));
  free(raw);
  return m;
}

/* What docs/numerics.md says, one weight after the other. */
static float naive_codes(const float *w, int64_t n, int8_t *codes) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += fabs((double)w[i]);
  float mean = (float)(sum / (double)n), s = 1.0f / fmaxf(mean, 1e-5f);
  for (int64_t i = 0; i < n; i++)
    codes[i] = (int8_t)fminf(fmaxf(rintf(w[i] * s), -1), 1);
  return mean;
}

static void compare_codes(struct checkpoint *c, const struct matrix *m, enum scale_kind kind, int64_t group,
                          int threads) {
  int64_t n = m->rows * m->cols,
          span = kind == SCALE_TENSOR ? n
                 : kind == SCALE_ROW  ? m->cols
                                      : group,
          scales = 0;
  int64_t width = kind == SCALE_TENSOR ? n : m->cols;
  int8_t *got = malloc((size_t)n), *want = malloc((size_t)n);
  float *scale = malloc((size_t)n * sizeof *scale);
  assert_true(checkpoint_read_codes(c, "x", m->rows, m->cols, &(struct scaling){kind, group, BY_AUTO, 0}, got,
                                    scale, threads));
  for (int64_t row = 0; row < n; row += width)
    for (int64_t at = 0; at < width; at += span) {
      float mean = naive_codes(m->values + row + at, at + span < width ? span : width - at, want + row + at);
      assert_true(1.0f / fmaxf(mean, 1e-5f) == scale[scales++]);
    }
  assert_memory_equal(got, want, n);
  free(got);
  free(want);
  free(scale);
}

static void test_codes(void **state) {
  struct bench *b = *state;
  static const int64_t shapes[][2] = {{1, 1}, {3, 7}, {17, 4097}, {130, 1031}, {3, 70001}, {2, 131072}};
  static const char *const dtypes[] = {"F32", "F16", "BF16"};
  static const int64_t groups[] = {1, 13, 64, 1 << 20};
  random_state = 1;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes * 3; i++) {
    struct matrix m =
        write_matrix(b, in(b, "c.safetensors"), dtypes[i % 3], shapes[i / 3][0], shapes[i / 3][1]);
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "c.safetensors"));
    for (int threads = 1; threads <= 3; threads++) {
      compare_codes(c, &m, SCALE_TENSOR, 0, threads);
      compare_codes(c, &m, SCALE_ROW, 0, threads);
      for (int g = 0; g < 4; g++)
        compare_codes(c, &m, SCALE_GROUP, groups[g], threads);
    }
    expect_quiet(b);
    checkpoint_close(c);
    free(m.values);
  }
}

static const char *const four_floats = "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";

/* Means that are zero, below the floor of 1e-5, and products that are exactly half way. */
static void test_codes_by_hand(void **state) {
  struct bench *b = *state;
  static const struct {
    float w[4], mean;
    int8_t codes[4];
  } cases[] = {
      {{0, 0, -0.0f, 0}, 0, {0, 0, 0, 0}},
      {{4e-6f, -6e-6f, 0, 0}, 2.5e-6f, {0, -1, 0, 0}},
      {{1, -1, 3, 3}, 2, {0, 0, 1, 1}},            /* 0.5 rounds to 0 */
      {{1.0000001f, -1, -3, 3}, 2, {1, 0, -1, 1}}, /* and just above it to 1 */
      {{3e38f, -3e38f, 3e38f, 1}, 2.25e38f, {1, -1, 1, 0}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int8_t codes[4];
    float mean;
    write_tensors(in(b, "h.safetensors"), four_floats, cases[i].w, 16);
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "h.safetensors"));
    assert_true(
        checkpoint_read_codes(c, "x", 2, 2, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, &mean, 2));
    assert_memory_equal(codes, cases[i].codes, 4);
    assert_true(mean == 1.0f / fmaxf(cases[i].mean, 1e-5f));
    checkpoint_close(c);
  }
}

/* Told once of a tensor; an infinity may be meant. */
static void test_nan(void **state) {
  struct bench *b = *state;
  float w[] = {1, INFINITY, NAN, NAN}, got[4];
  write_tensors(in(b, "n.safetensors"), four_floats, w, 16);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "n.safetensors"));
  assert_true(checkpoint_read_f32(c, "x", 0, 2, got));
  assert_int_equal(b->diag.warnings, 0);
  assert_true(checkpoint_read_f32(c, "x", 1, 3, got) && checkpoint_read_f32(c, "x", 0, 4, got));
  assert_int_equal(b->diag.warnings, 1);
  fflush(b->diag.out);
  assert_non_null(strstr(b->said, "n.safetensors: value 2 of tensor 'x' is not a number (NaN)"));
  checkpoint_close(c);
}

static void test_codes_errors(void **state) {
  struct bench *b = *state;
  float w[] = {1, 2, NAN, INFINITY}, means[4];
  int8_t codes[6];
  write_tensors(in(b, "e.safetensors"), four_floats, w, 16);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "e.safetensors"));
  assert_false(
      checkpoint_read_codes(c, "x", 2, 2, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, means, 2));
  expect_said(b, "weight 2 of tensor 'x' (row 1, column 0) is infinite or not a number");
  assert_false(
      checkpoint_read_codes(c, "x", 2, 2, &(struct scaling){SCALE_ROW, 0, BY_AUTO, 0}, codes, means, 2));
  expect_said(b, "weight 2 of tensor 'x'");
  assert_false(
      checkpoint_read_codes(c, "x", 2, 3, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, means, 2));
  expect_said(b, "'x' is [2, 2]; [2, 3] was asked for");
  assert_false(
      checkpoint_read_codes(c, "y", 2, 2, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, means, 2));
  expect_said(b, "has no tensor 'y'");
  assert_int_equal(truncate(in(b, "e.safetensors"), 70), 0);
  assert_false(
      checkpoint_read_codes(c, "x", 2, 2, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, means, 2));
  expect_said(b, "has become shorter");
  checkpoint_close(c);
}

/* More bytes than are kept between the passes; the file is sparse, so that it costs nothing. */
static void test_codes_large(void **state) {
  struct bench *b = *state;
  enum { COLUMNS = 33600001, N = 2 * COLUMNS };
  const char *path = in(b, "l.safetensors");
  const char *header = arena_printf(
      &b->arena, "{\"x\":{\"dtype\":\"F32\",\"shape\":[2,%d],\"data_offsets\":[0,%d]}}", COLUMNS, N * 4);
  float values[] = {-3e-3f, N * 1e-4f}, mean;
  write_tensors(path, header, values, 4);
  assert_int_equal(truncate(path, (off_t)(8 + strlen(header)) + (off_t)N * 4 - 4), 0);
  FILE *f = fopen(path, "ab");
  assert_int_equal(fwrite(&values[1], 4, 1, f), 1);
  fclose(f);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, path);
  expect_quiet(b);
  int8_t *codes = malloc(N);
  assert_true(checkpoint_read_codes(c, "x", 2, COLUMNS, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes,
                                    &mean, 2));
  assert_true(mean == 1.0f / (float)(((double)values[1] - (double)values[0]) / N));
  assert_int_equal(codes[0], -1);
  assert_int_equal(codes[N - 1], 1);
  int64_t others = 0;
  for (int64_t i = 1; i < N - 1; i++)
    others += codes[i] != 0;
  assert_int_equal(others, 0);
  free(codes);
  checkpoint_close(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_codes),        TEST(test_codes_by_hand), TEST(test_nan),
      TEST(test_codes_errors), TEST(test_codes_large),
  };
  return cmocka_run_group_tests_name("checkpoint_ternary", tests, NULL, NULL);
}

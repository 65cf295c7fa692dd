/* test_ternarize.c: the ternary form of floats in memory has the bits that reading them from a checkpoint and
 * packing gives, for every scale and layout and any number of threads. */
#include "tests/unit/checkpoint_bench.h"

#include "runtime/kernels/math.h"
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternarize.h"

#include <math.h>

struct matrix {
  int64_t m, n;
  float *w; /* allocated to the byte */
};

/* Half-way values, zeros, numbers with many digits, tiny and large ones. */
static struct matrix make_matrix(struct bench *b, int64_t m, int64_t n, float unit) {
  struct matrix x = {m, n, malloc((size_t)(m * n) * sizeof(float))};
  static uint32_t state = 1;
  for (int64_t i = 0; i < m * n; i++) {
    state = state * 1664525u + 1013904223u;
    x.w[i] = unit * (i % 7 == 0 ? 0 : i % 5 == 0 ? 0.25f : (float)(int32_t)state * 0x1p-31f);
  }
  const char *header =
      arena_printf(&b->arena, "{\"x\":{\"dtype\":\"F32\",\"shape\":[%lld,%lld],\"data_offsets\":[0,%lld]}}",
                   (long long)m, (long long)n, (long long)(4 * m * n));
  write_tensors(in(b, "x.safetensors"), header, x.w, (size_t)(m * n) * sizeof(float));
  return x;
}

typedef TERN_TERNARIZE(ternarize_function, float);
typedef TERN_TERNARIZE(ternarize_halves, uint16_t);

static const struct layout {
  int64_t (*bytes)(int64_t m, int64_t n);
  void (*pack)(const int8_t *codes, int64_t m, int64_t n, uint8_t *out);
  ternarize_function *ternarize;
  ternarize_halves *of_bf16;
} layouts[] = {{tern_tile2_bytes, tern_pack_tile2, tern_ternarize_tile2, tern_ternarize_tile2_bf16},
               {tern_tile3_bytes, tern_pack_tile3, tern_ternarize_tile3, tern_ternarize_tile3_bf16}};

static int64_t scales_of(const struct matrix *x, int64_t span) {
  return span ? x->m * ((x->n + span - 1) / span) : 1;
}

static void compare(const struct matrix *x, int64_t span, bool largest, const struct layout *l,
                    const int8_t *codes, const float *scales) {
  size_t bytes = (size_t)l->bytes(x->m, x->n), count = (size_t)scales_of(x, span);
  uint8_t *expected = malloc(bytes), *out = malloc(bytes);
  double *sums = malloc((size_t)tern_ternarize_sums(x->m, x->n, span) * sizeof *sums);
  float *got = malloc(count * sizeof *got);
  l->pack(codes, x->m, x->n, expected);
  for (uint32_t threads = 1; threads <= 5; threads++) {
    memset(out, 0x55, bytes);
    memset(got, 0x55, count * sizeof *got);
    for (uint32_t t = 0; t < threads; t++)
      tern_ternarize_sum(x->w, x->m, x->n, span, largest, sums, t, threads);
    for (uint32_t t = 0; t < threads; t++)
      l->ternarize(x->w, x->m, x->n, span, largest, sums, got, out, t, threads);
    assert_memory_equal(got, scales, count * sizeof *got);
    assert_memory_equal(out, expected, bytes);
  }
  free(expected), free(out), free(sums), free(got);
}

static void check_form(struct bench *b, const struct matrix *x, int64_t span, bool largest) {
  struct scaling scaling = {span == 0      ? SCALE_TENSOR
                            : span >= x->n ? SCALE_ROW
                                           : SCALE_GROUP,
                            span, largest ? BY_LARGEST : BY_MEAN, 0};
  int8_t *codes = malloc((size_t)(x->m * x->n));
  float *scales = malloc((size_t)scales_of(x, span) * sizeof *scales);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "x.safetensors"));
  assert_true(checkpoint_read_codes(c, "x", x->m, x->n, &scaling, codes, scales, 2));
  for (int k = 0; k < 2; k++)
    compare(x, span, largest, &layouts[k], codes, scales);
  checkpoint_close(c);
  free(codes), free(scales);
}

static void test_as_a_checkpoint(void **state) {
  struct bench *b = *state;
  static const int64_t shapes[][2] = {{1, 1}, {3, 7}, {17, 40}, {33, 1300}, {130, 1031}, {3, 70001}};
  static const float units[] = {1, 1e-6f, 1e-41f, 1e38f};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int u = 0; u < 4; u++) {
      struct matrix x = make_matrix(b, shapes[i][0], shapes[i][1], units[u]);
      const int64_t spans[] = {0, x.n, x.n + 5, 13, 64};
      for (int s = 0; s < 5; s++)
        for (int largest = 0; largest < 2; largest++)
          check_form(b, &x, spans[s], largest);
      expect_quiet(b);
      free(x.w);
    }
}

/* Numbers kept as bfloat16 have the codes and scales of the same numbers as float32. */
static void compare_halves(const float *w, const uint16_t *h, int64_t m, int64_t n, int64_t span,
                           bool largest, const struct layout *l) {
  size_t bytes = (size_t)l->bytes(m, n), sums = (size_t)tern_ternarize_sums(m, n, span);
  size_t scales = span ? (size_t)(m * ((n + span - 1) / span)) : 1;
  uint8_t *out[] = {calloc(bytes, 1), calloc(bytes, 1)};
  double *sum[] = {calloc(sums, sizeof(double)), calloc(sums, sizeof(double))};
  float *s[] = {calloc(scales, sizeof(float)), calloc(scales, sizeof(float))};
  tern_ternarize_sum(w, m, n, span, largest, sum[0], 0, 1);
  tern_ternarize_sum_bf16(h, m, n, span, largest, sum[1], 0, 1);
  l->ternarize(w, m, n, span, largest, sum[0], s[0], out[0], 0, 1);
  l->of_bf16(h, m, n, span, largest, sum[1], s[1], out[1], 0, 1);
  assert_memory_equal(sum[0], sum[1], sums * sizeof(double));
  assert_memory_equal(s[0], s[1], scales * sizeof(float));
  assert_memory_equal(out[0], out[1], bytes);
  for (int k = 0; k < 2; k++)
    free(out[k]), free(sum[k]), free(s[k]);
}

static void test_of_bfloat16(void **state) {
  struct bench *b = *state;
  static const int64_t spans[] = {0, 1031, 64};
  struct matrix x = make_matrix(b, 130, 1031, 1);
  uint16_t *h = malloc((size_t)(x.m * x.n) * sizeof *h);
  for (int64_t i = 0; i < x.m * x.n; i++) {
    h[i] = tern_to_bf16(x.w[i]);
    x.w[i] = tern_bf16(h[i]);
  }
  for (int s = 0; s < 3; s++)
    for (int k = 0; k < 4; k++)
      compare_halves(x.w, h, x.m, x.n, spans[s], k / 2, &layouts[k % 2]);
  free(x.w), free(h);
}

/* A weight that is not finite shows in its scale, and nothing else breaks. */
static void test_not_finite(void **state) {
  (void)state;
  static const float bad[] = {INFINITY, -INFINITY, NAN};
  for (int k = 0; k < 3; k++)
    for (int largest = 0; largest < 2; largest++) {
      float w[40] = {1, -1, bad[k], 0.5f}, scale = 1;
      uint8_t out[3 * 64];
      double sums[1];
      tern_ternarize_sum(w, 1, 40, 0, largest, sums, 0, 1);
      tern_ternarize_tile2(w, 1, 40, 0, largest, sums, &scale, out, 0, 1);
      assert_false(scale > 0);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_as_a_checkpoint, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_of_bfloat16, set_up, tear_down),
      cmocka_unit_test(test_not_finite),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

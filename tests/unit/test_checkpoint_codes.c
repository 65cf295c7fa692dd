/* test_checkpoint_codes.c: matrices that are published as codes, with scales of every shape and type; floats
 * that hold -s, 0 and s; what is refused, with its place; the compact form of them. */
#include "tests/unit/checkpoint_bench.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

/* A file of one matrix "x" and, where `scale` says so, "x_scale" after it. */
static struct checkpoint *open_two(struct bench *b, const char *x, const void *data, size_t bytes,
                                   const char *scale, const void *scales, size_t scale_bytes) {
  unsigned char all[512];
  memcpy(all, data, bytes);
  if (scale)
    memcpy(all + bytes, scales, scale_bytes);
  const char *second = scale ? arena_printf(&b->arena, ",\"x_scale\":{%s,\"data_offsets\":[%zu,%zu]}", scale,
                                            bytes, bytes + scale_bytes)
                             : "";
  write_tensors(in(b, "x.safetensors"),
                arena_printf(&b->arena, "{\"x\":{%s,\"data_offsets\":[0,%zu]}%s}", x, bytes, second), all,
                bytes + (scale ? scale_bytes : 0));
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "x.safetensors"));
  assert_non_null(c);
  return c;
}

static const int8_t six[] = {1, 0, -1, -1, 1, 0}; /* [3, 2] or [2, 3] */
static const char *const i8_32 = "\"dtype\":\"I8\",\"shape\":[3,2]", *const i8_23 =
                                                                         "\"dtype\":\"I8\",\"shape\":[2,3]";

static void expect_scales(struct checkpoint *c, int64_t rows, int64_t cols, struct scaling scaling,
                          const float *want, int n) {
  int8_t codes[16];
  float scales[16];
  assert_true(checkpoint_read_codes(c, "x", rows, cols, &scaling, codes, scales, 2));
  assert_memory_equal(codes, six, 6);
  for (int i = 0; i < n; i++)
    if (scales[i] != want[i])
      fail_msg("scale %d is %g, not %g", i, (double)scales[i], (double)want[i]);
}

/* Without a scale the codes are the values; one scale, in each shape and type. */
static void one_scale(void **state) {
  struct bench *b = *state;
  static const uint16_t bf16 = 0x3e80, f16 = 0x3400; /* 0.25 */
  static const float f32 = 0.25f;
  static const double f64 = 0.25;
  const struct {
    const char *scale;
    const void *data;
    size_t bytes;
  } stored[] = {{NULL, NULL, 0},
                {"\"dtype\":\"F32\",\"shape\":[]", &f32, 4},
                {"\"dtype\":\"F32\",\"shape\":[1]", &f32, 4},
                {"\"dtype\":\"BF16\",\"shape\":[1]", &bf16, 2},
                {"\"dtype\":\"F16\",\"shape\":[1,1]", &f16, 2},
                {"\"dtype\":\"F64\",\"shape\":[1]", &f64, 8}};
  for (size_t i = 0; i < sizeof stored / sizeof *stored; i++) {
    struct checkpoint *c = open_two(b, i8_32, six, 6, stored[i].scale, stored[i].data, stored[i].bytes);
    float s = i ? 4 : 1, both[] = {s, s, s}, inverse = i ? 0.25f : 1, values[6];
    expect_scales(c, 3, 2, (struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, &s, 1);
    expect_scales(c, 3, 2, (struct scaling){SCALE_ROW, 0, BY_LARGEST, 0}, both, 3);
    if (i)
      expect_scales(c, 3, 2, (struct scaling){SCALE_TENSOR, 0, BY_INVERSE, 0}, &inverse, 1);
    assert_true(checkpoint_read_f32(c, "x", 1, 5, values));
    for (int k = 0; k < 5; k++)
      assert_true(values[k] == (float)six[k + 1] / s);
    assert_int_equal(checkpoint_scale_unsaid(c, "x"), i > 0);
    expect_quiet(b);
    checkpoint_close(c);
  }
}

static void many_scales(void **state) {
  struct bench *b = *state;
  static const float s[] = {0.5f, 2, 8, 0.25f}, want[] = {2, 0.5f, 0.125f}, groups[] = {2, 0.5f, 0.125f, 4};
  const struct {
    const char *scale;
    const char *x;
    struct scaling scaling;
    const float *want;
    int n, rows, cols;
  } stored[] = {{"\"dtype\":\"F32\",\"shape\":[3]", i8_32, {SCALE_ROW, 0, BY_AUTO, 0}, want, 3, 3, 2},
                {"\"dtype\":\"F32\",\"shape\":[3,1]", i8_32, {SCALE_ROW, 0, BY_STORED, 0}, want, 3, 3, 2},
                {"\"dtype\":\"F32\",\"shape\":[2,2]", i8_23, {SCALE_GROUP, 2, BY_AUTO, 0}, groups, 4, 2, 3}};
  for (int i = 0; i < 3; i++) {
    struct checkpoint *c = open_two(b, stored[i].x, six, 6, stored[i].scale, s, (size_t)stored[i].n * 4);
    expect_scales(c, stored[i].rows, stored[i].cols, stored[i].scaling, stored[i].want, stored[i].n);
    int8_t codes[6];
    float scales[6];
    assert_false(checkpoint_read_codes(c, "x", stored[i].rows, stored[i].cols,
                                       &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, scales, 2));
    expect_said(b, i < 2 ? "write 'per row'" : "write 'per group 2'");
    assert_false(checkpoint_read_codes(c, "x", stored[i].rows, stored[i].cols,
                                       &(struct scaling){SCALE_ROW, 0, BY_MEAN, 0}, codes, scales, 2));
    expect_said(b, "no mean magnitude");
    checkpoint_close(c);
  }
  struct checkpoint *c = open_two(b, i8_32, six, 6, "\"dtype\":\"F32\",\"shape\":[2]", s, 8);
  int8_t codes[6];
  float scales[6];
  struct scaling row = {SCALE_ROW, 0, BY_AUTO, 0};
  assert_false(checkpoint_read_codes(c, "x", 3, 2, &row, codes, scales, 2));
  expect_said(b, "'x_scale' is [2], which are no scales of [3, 2]");
  checkpoint_close(c);
}

static void odd_scales(void **state) {
  struct bench *b = *state;
  static const float odd[] = {0, -1, NAN, INFINITY, 1e-45f};
  for (int i = 0; i < 5; i++) {
    struct checkpoint *c = open_two(b, i8_32, six, 6, "\"dtype\":\"F32\",\"shape\":[1]", &odd[i], 4);
    int8_t codes[6];
    float scales[1];
    struct scaling scaling = {SCALE_TENSOR, 0, BY_AUTO, 0};
    assert_false(checkpoint_read_codes(c, "x", 3, 2, &scaling, codes, scales, 2));
    expect_said(b, "scale 0 of 'x_scale' is ");
    checkpoint_close(c);
  }
}

/* Rows r, r + h, r + 2 h, r + 3 h in the bits of byte row r; with 6 rows h is 2 and the last two places are
 * empty. */
static void four_rows(void **state) {
  struct bench *b = *state;
  enum { M = 6, N = 3, H = 2 };
  int8_t want[M * N], got[M * N];
  uint8_t bytes[H * N] = {0};
  float scales[1], values[M * N];
  for (int i = 0; i < M * N; i++) {
    want[i] = (int8_t)(i * 7 % 3 - 1);
    bytes[i / N % H * N + i % N] |= (uint8_t)((want[i] + 1) << 2 * (i / N / H));
  }
  static const uint16_t half = 0x3f00;
  struct checkpoint *c = open_two(b, "\"dtype\":\"U8\",\"shape\":[2,3]", bytes, sizeof bytes,
                                  "\"dtype\":\"BF16\",\"shape\":[1]", &half, 2);
  struct scaling scaling = {SCALE_TENSOR, 0, BY_AUTO, 0};
  for (int rows = 5; rows <= 8; rows++)
    assert_int_equal(
        checkpoint_read_codes(c, "x", rows, N, &scaling, rows == M ? got : (int8_t[24]){0}, scales, 2), 1);
  assert_memory_equal(got, want, sizeof want);
  assert_true(scales[0] == 2);
  assert_true(checkpoint_read_f32(c, "x", 0, M * N, values));
  for (int i = 0; i < M * N; i++)
    assert_true(values[i] == (float)want[i] * 0.5f);
  assert_false(checkpoint_read_codes(c, "x", 9, N, &scaling, got, scales, 2));
  expect_said(b, "asked for");
  struct wanted_tensor w = {"x", 2, {12, 3}, true, {0}, {0}};
  assert_false(checkpoint_check(c, &w, 1, false));
  expect_said(
      b,
      "'x' is U8 [2, 3] in the checkpoint, codes of [8, 3] with four rows a byte; the model needs [12, 3]");
  w = (struct wanted_tensor){"x", 2, {2, 12}, true, {0}, {0}};
  assert_false(checkpoint_check(c, &w, 1, false));
  expect_said(b, "(four columns a byte cannot be read)");
  w = (struct wanted_tensor){"x", 2, {6, 3}, false, {0}, {0}};
  assert_true(checkpoint_check(c, &w, 1, false)); /* the scale is no extra tensor */
  checkpoint_close(c);
  bytes[4] |= 3 << 2;
  c = open_two(b, "\"dtype\":\"U8\",\"shape\":[2,3]", bytes, sizeof bytes, NULL, NULL, 0);
  assert_false(checkpoint_read_codes(c, "x", M, N, &scaling, got, scales, 2));
  expect_said(b, "row 3, column 1 of 'x' is 3, which stands for no code");
  checkpoint_close(c);
}

static void no_codes(void **state) {
  struct bench *b = *state;
  int8_t codes[6], two[] = {1, 0, -1, -1, 2, 0};
  float scales[3], halves[] = {1, 0, -1, 0.5f, 1, 1}, ones[] = {1, 0, -1, -1, 1, 0}, s = 3;
  struct scaling stored = {SCALE_TENSOR, 0, BY_STORED, 0}, scaling = {SCALE_TENSOR, 0, BY_AUTO, 0};
  const char *f32 = "\"dtype\":\"F32\",\"shape\":[3,2]", *one = "\"dtype\":\"F32\",\"shape\":[1]";
  struct checkpoint *c = open_two(b, i8_32, two, 6, NULL, NULL, 0);
  assert_false(checkpoint_read_codes(c, "x", 3, 2, &scaling, codes, scales, 2));
  expect_said(b, "row 2, column 0 of 'x' is 2; a code -1, 0 or 1 was expected");
  assert_false(checkpoint_read_codes(c, "x", 3, 2, &stored, codes, scales, 2));
  expect_said(b, "there is no tensor 'x_scale' of floats");
  checkpoint_close(c);
  c = open_two(b, f32, halves, 24, one, &s, 4);
  assert_false(checkpoint_read_codes(c, "x", 3, 2, &scaling, codes, scales, 2));
  expect_said(b, "row 1, column 1 of 'x' is 0.5; a code");
  checkpoint_close(c);
  c = open_two(b, f32, ones, 24, one, &s, 4);
  expect_scales(c, 3, 2, stored, (float[]){1 / 3.0f}, 1);
  expect_scales(c, 3, 2, (struct scaling){SCALE_TENSOR, 0, BY_INVERSE, 0}, &s, 1);
  checkpoint_close(c);
}

/* What transformers' quantization_config says of the scale. */
static void conventions(void **state) {
  struct bench *b = *state;
  static const float s = 4;
  static const struct {
    const char *config;
    float want;
    bool unsaid;
  } said[] = {
      {"{}", 0.25f, true},
      {"{\"quantization_config\": {\"quant_method\": \"bitnet\"}}", 4, false},
      {"{\"quantization_config\": {\"quant_method\": \"bitnet\", \"linear_class\": \"bitlinear\"}}", 4,
       false},
      {"{\"quantization_config\": {\"quant_method\": \"bitnet\", \"linear_class\": \"autobitlinear\"}}",
       0.25f, false},
      {"{\"quantization_config\": {\"quant_method\": \"other\"}}", 0.25f, true}};
  for (int i = 0; i < 5; i++) {
    write_text(in(b, "config.json"), said[i].config);
    struct checkpoint *c = open_two(b, i8_32, six, 6, "\"dtype\":\"F32\",\"shape\":[1]", &s, 4);
    expect_scales(c, 3, 2, (struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, &said[i].want, 1);
    assert_int_equal(checkpoint_scale_unsaid(c, "x"), said[i].unsaid);
    checkpoint_close(c);
  }
}

/* F64 is rounded to float32 first; the largest magnitude as a scale; floats that are ternary already. */
static void floats(void **state) {
  struct bench *b = *state;
  static const double w[] = {0.1, 0, -0.1, -0.1, 0.1, 0};
  static const float rows[] = {0.5f, 0, -3, -3, 0, 0}, mixed[] = {1, 0, -1, 0.25f, 0.75f, 0},
                     full[] = {2, -2, 2, 2, 2, -2};
  struct scaling auto_ = {SCALE_TENSOR, 0, BY_AUTO, 0}, largest = {SCALE_TENSOR, 0, BY_LARGEST, 0},
                 row = {SCALE_ROW, 0, BY_LARGEST, 0};
  bool by_row;
  struct checkpoint *c = open_two(b, "\"dtype\":\"F64\",\"shape\":[3,2]", w, sizeof w, NULL, NULL, 0);
  double sum = 4 * (double)0.1f;
  expect_scales(c, 3, 2, auto_, (float[]){1.0f / (float)(sum / 6)}, 1);
  expect_scales(c, 3, 2, largest, (float[]){1.0f / 0.1f}, 1);
  assert_true(checkpoint_already_ternary(c, "x", &auto_, &by_row) && !by_row);
  checkpoint_close(c);
  const char *f32 = "\"dtype\":\"F32\",\"shape\":[3,2]";
  int8_t codes[6];
  float scales[3];
  c = open_two(b, f32, rows, 24, NULL, NULL, 0);
  assert_true(checkpoint_read_codes(c, "x", 3, 2, &row, codes, scales, 1));
  assert_true(scales[0] == 2 && scales[1] == 1.0f / 3 && scales[2] == 1);
  assert_memory_equal(codes, ((int8_t[]){1, 0, -1, -1, 0, 0}), 6);
  assert_true(checkpoint_already_ternary(c, "x", &auto_, &by_row) && by_row);
  assert_true(checkpoint_already_ternary(c, "x", &row, &by_row) && !by_row);
  checkpoint_close(c);
  c = open_two(b, f32, mixed, 24, NULL, NULL, 0);
  assert_true(checkpoint_read_codes(c, "x", 3, 2, &largest, codes, scales, 2));
  assert_memory_equal(codes, ((int8_t[]){1, 0, -1, 0, 1, 0}), 6);
  assert_false(checkpoint_already_ternary(c, "x", &auto_, &by_row));
  checkpoint_close(c);
  c = open_two(b, f32, full, 24, NULL, NULL, 0);
  assert_false(checkpoint_already_ternary(c, "x", &auto_, &by_row)); /* no zero: the mean is s */
  checkpoint_close(c);
}

/* A head that is the embedding too is not packed. */
static void tied_head(void **state) {
  struct bench *b = *state;
  static const float w[] = {1, 2, 3, 4};
  assert_int_equal(mkdir(in(b, "m"), 0777), 0);
  write_tensors(in(b, "m/model.safetensors"),
                "{\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", w, 16);
  for (int tied = 0; tied < 2; tied++) {
    write_text(in(b, "m/config.json"), tied ? "{\"tie_word_embeddings\": true}" : "{}");
    struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "m"));
    assert_true(checkpoint_pack(c, in(b, tied ? "t" : "u"), 2));
    struct checkpoint *p = checkpoint_open(&b->diag, &b->arena, in(b, tied ? "t" : "u"));
    assert_int_equal(checkpoint_find(p, "lm_head.weight")->dtype, tied ? DTYPE_F32 : DTYPE_U8);
    checkpoint_close(p);
    checkpoint_close(c);
  }
  expect_quiet(b);
}

/* The compact form keeps codes and scales as they are, and the s of -s, 0, s. */
static void packing(void **state) {
  struct bench *b = *state;
  unsigned char data[64] = {0x24, 0x18, 0x24, 0x18};
  static const float s[] = {0.3f}, w[] = {0.7f, 0, -0.7f, 0, 0, 0.7f};
  memcpy(data + 4, s, 4);
  memcpy(data + 8, w, 24);
  assert_int_equal(mkdir(in(b, "m"), 0777), 0);
  write_tensors(in(b, "m/model.safetensors"),
                "{\"x\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[0,4]},"
                "\"x_scale\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]},"
                "\"y_proj.weight\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[8,32]}}",
                data, 32);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "m"));
  assert_true(checkpoint_pack(c, in(b, "p"), 2));
  struct checkpoint *p = checkpoint_open(&b->diag, &b->arena, in(b, "p"));
  struct scaling scaling = {SCALE_TENSOR, 0, BY_AUTO, 0}, largest = {SCALE_TENSOR, 0, BY_LARGEST, 0};
  int8_t x[16], y[16];
  float before, after;
  for (int i = 0; i < 3; i++) {
    const char *name = i ? "y_proj.weight" : "x";
    int64_t rows = i ? 3 : 8;
    assert_true(checkpoint_read_codes(c, name, rows, 2, i < 2 ? &scaling : &largest, x, &before, 2));
    assert_true(checkpoint_read_codes(p, name, rows, 2, i < 2 ? &scaling : &largest, y, &after, 2));
    assert_memory_equal(x, y, (size_t)rows * 2);
    assert_true(before == after);
  }
  bool rows;
  assert_true(checkpoint_already_ternary(c, "y_proj.weight", &scaling, &rows) && !rows);
  assert_true(checkpoint_already_ternary(p, "y_proj.weight", &scaling, &rows) && !rows);
  expect_quiet(b);
  checkpoint_close(p);
  checkpoint_close(c);
}

/* Wider codes, by the largest magnitude of the tensor, a row, a group; half to even; of zeros and of the
 * smallest numbers. */
static void wide_codes(void **state) {
  struct bench *b = *state;
  static const float w[] = {3, -1.5f, 0.75f, 0, 0, 0, 1e-40f, -1e-40f};
  static const struct {
    struct scaling scaling;
    int8_t codes[8];
    int n;
    float scales[4];
  } want[] = {
      {{SCALE_TENSOR, 0, BY_AUTO, 8}, {127, -64, 32, 0, 0, 0, 0, 0}, 1, {127 / 3.0f}},
      {{SCALE_ROW, 0, BY_LARGEST, 4}, {7, -4, 2, 0, 0, 0, 0, 0}, 2, {7 / 3.0f, 1}},
      {{SCALE_GROUP, 2, BY_AUTO, 3}, {3, -2, 3, 0, 0, 0, 0, 0}, 4, {1, 4, 1, 1}},
      {{SCALE_TENSOR, 0, BY_AUTO, 2}, {1, 0, 0, 0, 0, 0, 0, 0}, 1, {1 / 3.0f}},
  };
  struct checkpoint *c = open_two(b, "\"dtype\":\"F32\",\"shape\":[2,4]", w, sizeof w, NULL, NULL, 0);
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    int8_t codes[8];
    float scales[4];
    assert_true(checkpoint_read_codes(c, "x", 2, 4, &want[i].scaling, codes, scales, 2));
    assert_memory_equal(codes, want[i].codes, 8);
    assert_memory_equal(scales, want[i].scales, sizeof *scales * (size_t)want[i].n);
  }
  checkpoint_close(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(one_scale), TEST(many_scales), TEST(odd_scales), TEST(four_rows),
                                     TEST(no_codes),  TEST(conventions), TEST(floats),     TEST(packing),
                                     TEST(tied_head), TEST(wide_codes)};
  return cmocka_run_group_tests_name("codes", tests, NULL, NULL);
}

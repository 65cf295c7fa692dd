/* test_checkpoint_tools.c: checkpoints that are made up or packed, and what is printed of them. */
#include "tests/unit/checkpoint_bench.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* ---- making up, packing ------------------------------------------------------------------------------ */

static void make_random(struct bench *b, const char *config, const char *name, uint64_t seed) {
  assert_true(checkpoint_random(&b->diag, config, in(b, name), seed));
  expect_quiet(b);
}

static const char *const small = "hidden_size=20,num_hidden_layers=2,vocab_size=33,intermediate_size=12";

static void test_random(void **state) {
  struct bench *b = *state;
  size_t n1, n2;
  make_random(b, small, "one", 1);
  make_random(b, small, "same", 1);
  make_random(b, small, "other", 2);
  char *one = slurp(b, in(b, "one/model.safetensors"), &n1),
       *two = slurp(b, in(b, "same/model.safetensors"), &n2);
  assert_true(n1 == n2 && memcmp(one, two, n1) == 0);
  two = slurp(b, in(b, "other/model.safetensors"), &n2);
  assert_true(n1 == n2 && memcmp(one, two, n1) != 0);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "one"));
  assert_int_equal(checkpoint_count(c), 5 + 2 * 15);
  const struct tensor_info *t = checkpoint_find(c, "model.layers.1.mlp.gate_proj.weight");
  assert_true(t && t->rank == 2 && t->shape[0] == 24 && t->shape[1] == 20 && t->dtype == DTYPE_BF16);
  t = checkpoint_find(c, "model.lower_bounds");
  assert_true(t && t->shape[0] == 2 && t->shape[1] == 20);
  t = checkpoint_find(c, "model.layers.0.mlp.down_proj.norm.weight");
  assert_true(t && t->rank == 1 && t->shape[0] == 12);
  struct config_value v = {0};
  assert_int_equal(checkpoint_config(c, "hidden_size", &v), CONFIG_FOUND);
  assert_true(v.number == 20);
  checkpoint_close(c);
}

/* Means and deviations of what is made; and the rule for an intermediate_size that is null. */
static void test_random_values(void **state) {
  struct bench *b = *state;
  make_random(b, "hidden_size=200,num_hidden_layers=1,vocab_size=500,torch_dtype=float32", "r", 7);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "r"));
  assert_int_equal(checkpoint_find(c, "model.layers.0.mlp.down_proj.weight")->shape[1],
                   768); /* 533 rounded up */
  enum { N = 500 * 200 };
  static float w[N];
  double sum = 0, squares = 0;
  assert_true(checkpoint_read_f32(c, "lm_head.weight", 0, N, w));
  for (int i = 0; i < N; i++) {
    sum += (double)w[i];
    squares += (double)w[i] * (double)w[i];
  }
  assert_true(fabs(sum / N) < 0.0003 && fabs(sqrt(squares / N) - 0.02) < 0.0002);
  assert_memory_not_equal(w, w + 4096, 4096 * sizeof *w); /* one block of the generator and the next */
  static float v[200 * 200];
  assert_true(checkpoint_read_f32(c, "model.layers.0.attn.i_proj.weight", 0, 200 * 200, v));
  assert_memory_not_equal(v, w, sizeof v);
  assert_true(checkpoint_read_f32(c, "lm_head.norm.weight", 0, 200, w));
  for (int i = 0; i < 200; i++)
    assert_true(w[i] > 0.8f && w[i] < 1.2f);
  checkpoint_close(c);
}

static void test_random_errors(void **state) {
  struct bench *b = *state;
  static const char *const wrong[][2] = {
      {"hiden_size=8", "did you mean 'hidden_size'?"},
      {"hidden_size", "hidden_size: cannot read"},
      {"hidden_size=0", "whole number from 1"},
      {"hidden_size=2.5", "whole number from 1"},
      {"hidden_size=abc", "'hidden_size' is a string"},
      {"use_short_conv=true", "'use_short_conv' must be false"},
      {"torch_dtype=int8", "must be bfloat16"},
      {"hidden_size=", "not of the form key=value"},
      {"model_type=llama", "'model_type' must be"},
      {"hidden_size=8,,", "not of the form key=value"},
      {"hidden_size=null", "'hidden_size' is missing"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_false(checkpoint_random(&b->diag, wrong[i][0], in(b, "none"), 1));
    expect_said(b, wrong[i][1]);
    assert_int_not_equal(access(in(b, "none"), F_OK), 0);
  }
  assert_false(checkpoint_random(&b->diag, small, in(b, "no/where"), 1));
  expect_said(b, "cannot make the folder");
}

/* A disk that is full half way: told once, and nothing is left. */
static void test_full_disk(void **state) {
  struct bench *b = *state;
  struct rlimit old, low;
  make_random(b, "hidden_size=200,num_hidden_layers=1,vocab_size=50", "a", 1);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "a"));
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  low = (struct rlimit){65536, old.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
  bool made = checkpoint_random(&b->diag, "370M", in(b, "r"), 1), packed = checkpoint_pack(c, in(b, "p"), 2);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_false(made || packed);
  assert_int_equal(b->diag.errors, 2);
  fflush(b->diag.out);
  assert_non_null(strstr(b->said + b->seen, "r/model.safetensors: cannot write: File too large"));
  expect_said(b, "p/model.safetensors: cannot write: File too large");
  assert_int_not_equal(access(in(b, "r"), F_OK), 0);
  assert_int_not_equal(access(in(b, "p"), F_OK), 0);
  checkpoint_close(c);
}

static bool is_matrix(const struct tensor_info *t) {
  return t->rank == 2 && (strstr(t->name, "_proj.weight") || strstr(t->name, "lm_head.weight"));
}

/* Every tensor of `a` is in its packed form `p` with the same codes, mean and floats. */
static void compare_packed(struct checkpoint *a, struct checkpoint *p) {
  enum { MOST = 1 << 21 };
  int8_t *x = malloc(MOST), *y = malloc(MOST);
  float *v = malloc(MOST * sizeof *v), *w = malloc(MOST * sizeof *w), mean[2];
  for (int i = 0; i < checkpoint_count(a); i++) {
    const struct tensor_info *t = checkpoint_tensor(a, i), *u = checkpoint_find(p, t->name);
    int64_t n = t->shape[0] * (t->rank == 2 ? t->shape[1] : 1);
    assert_true(n <= MOST);
    if (is_matrix(t)) {
      assert_int_equal(u->dtype, DTYPE_U8);
      assert_true(checkpoint_read_codes(a, t->name, t->shape[0], t->shape[1],
                                        &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, x, &mean[0], 1));
      assert_true(checkpoint_read_codes(p, t->name, t->shape[0], t->shape[1],
                                        &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, y, &mean[1], 2));
      assert_memory_equal(x, y, n);
      assert_true(mean[0] == mean[1]);
    } else {
      assert_int_equal(u->dtype, t->dtype);
      assert_true(checkpoint_read_f32(a, t->name, 0, n, v) && checkpoint_read_f32(p, t->name, 0, n, w));
      assert_memory_equal(v, w, (size_t)n * sizeof *v);
    }
  }
  free(x);
  free(y);
  free(v);
  free(w);
}

/* A model that wants just what `a` has is content with its packed form, scales and all. */
static void check_wants(struct checkpoint *a, struct checkpoint *p) {
  struct wanted_tensor w[100] = {0};
  int n = checkpoint_count(a);
  assert_true(n <= 100);
  for (int i = 0; i < n; i++) {
    const struct tensor_info *t = checkpoint_tensor(a, i);
    w[i] = (struct wanted_tensor){.name = t->name, .rank = t->rank, .codes = is_matrix(t)};
    memcpy(w[i].shape, t->shape, sizeof w[i].shape);
  }
  assert_true(checkpoint_check(a, w, n, false));
  assert_true(checkpoint_check(p, w, n, false));
}

/* Rows whose packed form is longer than one read, and of a width that leaves padding. */
static void test_pack_long_rows(void **state) {
  struct bench *b = *state;
  enum { COLUMNS = 400003 };
  float *w = calloc(2 * COLUMNS, sizeof *w);
  for (int i = 0; i < 2 * COLUMNS; i++)
    w[i] = (float)((i * 7919LL) % 101 - 50) / 32;
  mkdir(in(b, "l"), 0777);
  write_tensors(
      in(b, "l/model.safetensors"),
      arena_printf(&b->arena,
                   "{\"a_proj.weight\":{\"dtype\":\"F32\",\"shape\":[2,%d],\"data_offsets\":[0,%d]}}",
                   COLUMNS, 8 * COLUMNS),
      w, 8 * (size_t)COLUMNS);
  free(w);
  struct checkpoint *a = checkpoint_open(&b->diag, &b->arena, in(b, "l"));
  assert_true(checkpoint_pack(a, in(b, "p"), 2));
  struct checkpoint *p = checkpoint_open(&b->diag, &b->arena, in(b, "p"));
  expect_quiet(b);
  compare_packed(a, p);
  checkpoint_close(a);
  checkpoint_close(p);
}

static void test_pack(void **state) {
  struct bench *b = *state;
  size_t n1, n2;
  make_random(b, "hidden_size=22,num_hidden_layers=2,vocab_size=33,intermediate_size=13", "a", 3);
  write_text(in(b, "a/tokenizer.json"), "{}");
  struct checkpoint *a = checkpoint_open(&b->diag, &b->arena, in(b, "a"));
  assert_true(checkpoint_pack(a, in(b, "p"), 2));
  struct checkpoint *p = checkpoint_open(&b->diag, &b->arena, in(b, "p"));
  expect_quiet(b);
  compare_packed(a, p);
  char *one = slurp(b, in(b, "a/config.json"), &n1), *two = slurp(b, in(b, "p/config.json"), &n2);
  assert_true(n1 == n2 && memcmp(one, two, n1) == 0);
  assert_int_equal(access(in(b, "p/tokenizer.json"), F_OK), 0);
  assert_true(checkpoint_pack(p, in(b, "again"), 1)); /* packing the packed changes nothing */
  one = slurp(b, in(b, "p/model.safetensors"), &n1);
  two = slurp(b, in(b, "again/model.safetensors"), &n2);
  assert_true(n1 == n2 && memcmp(one, two, n1) == 0);
  check_wants(a, p);
  struct wanted_tensor w = {"lm_head.weight", 2, {33, 22}, true, {0}, {0}};
  assert_true(checkpoint_check(p, &w, 1, true));
  w.shape[1] = 23; /* the same number of bytes */
  assert_false(checkpoint_check(p, &w, 1, true));
  expect_said(b, "is [33, 22] in the checkpoint; the model needs [33, 23]");
  w = (struct wanted_tensor){"lm_head.weight", 2, {33, 22}, false, {0}, {0}};
  assert_false(checkpoint_check(p, &w, 1, true));
  expect_said(b, "packed to ternary codes");
  checkpoint_close(a);
  checkpoint_close(p);
}

static void test_pack_errors(void **state) {
  struct bench *b = *state;
  static const float w[] = {1, NAN, 2, 3};
  int8_t codes[16];
  float mean[4];
  mkdir(in(b, "n"), 0777);
  write_tensors(in(b, "n/model.safetensors"),
                "{\"a_proj.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}", w, 16);
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, in(b, "n"));
  assert_false(checkpoint_pack(c, in(b, "out"), 2));
  expect_said(b, "weight 1 of tensor 'a_proj.weight'");
  assert_int_not_equal(access(in(b, "out"), F_OK), 0);
  FILE *f = fopen(in(b, "listing"), "w");
  size_t n;
  assert_true(f && checkpoint_print(c, f, false)); /* shows what is wrong instead of failing */
  fclose(f);
  assert_non_null(
      strstr(slurp(b, in(b, "listing"), &n), "a_proj.weight  F32    [2, 2]  weight 1 is not finite"));
  assert_false(checkpoint_pack(c, in(b, "n/../n"), 2));
  expect_said(b, "holds the checkpoint itself");
  checkpoint_close(c);
  static const struct {
    unsigned char data[8];
    const char *message;
  } damaged[] = {
      {{0, 0, 0, 64, 121, 121, 243, 121}, "row 1 of the packed matrix 'x'"},
      {{0, 0, 0, 64, 121, 0, 121, 121}, "row 0 of the packed matrix 'x'"}, /* padding that is not 1 */
      {{0, 0, 0, 0xbf, 121, 121, 121, 121}, "which is no mean"}};
  for (int i = 0; i < 3; i++) {
    write_tensors(in(b, "d.safetensors"),
                  "{\"__metadata__\":{\"tern.packing\":\"base3\",\"tern.columns.x\":\"7\"},"
                  "\"x_scale\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                  "\"x\":{\"dtype\":\"U8\",\"shape\":[2,2],\"data_offsets\":[4,8]}}",
                  damaged[i].data, 8);
    c = checkpoint_open(&b->diag, &b->arena, in(b, "d.safetensors"));
    assert_false(
        checkpoint_read_codes(c, "x", 2, 7, &(struct scaling){SCALE_TENSOR, 0, BY_AUTO, 0}, codes, mean, 2));
    expect_said(b, damaged[i].message);
    assert_false(
        checkpoint_read_codes(c, "x", 2, 7, &(struct scaling){SCALE_ROW, 0, BY_AUTO, 0}, codes, mean, 2));
    expect_said(b, "packed with one scale for the matrix");
    checkpoint_close(c);
  }
}

/* ---- the trained model ------------------------------------------------------------------------------- */

/* The listing's histograms add up, and its totals are those of the model's card. */
static void test_tales(void **state) {
  struct bench *b = *state;
  if (access(TERN_SHARED "/models/tales/model.safetensors", R_OK) != 0) {
    print_message("skipped: no models in " TERN_SHARED "\n");
    skip();
  }
  struct checkpoint *c = checkpoint_open(&b->diag, &b->arena, TERN_SHARED "/models/tales");
  assert_true(checkpoint_pack(c, in(b, "p"), 2));
  struct checkpoint *p = checkpoint_open(&b->diag, &b->arena, in(b, "p"));
  compare_packed(c, p);
  checkpoint_close(p);
  FILE *f = tmpfile();
  assert_true(checkpoint_print(c, f, true));
  rewind(f);
  char line[256];
  long long value, sum = 0, ternary = 0, last[2] = {0};
  for (int dims = 0; fgets(line, sizeof line, f);) { /* one value a line */
    if (strstr(line, "\"shape\""))
      dims = 0;
    if (dims < 2 && sscanf(line, " %lld", &value) == 1)
      last[dims++] = value;
    if (sscanf(line, " \"minus\": %lld", &value) == 1)
      sum = value;
    if (sscanf(line, " \"zero\": %lld", &value) == 1)
      sum += value;
    if (sscanf(line, " \"plus\": %lld", &value) == 1)
      assert_int_equal(sum + value, last[0] * last[1]);
    sscanf(line, " \"ternary_weights\": %lld", &ternary);
  }
  fclose(f);
  assert_int_equal(ternary, 6 * (4 * 256 * 256 + 3 * 256 * 768) + 2048 * 256);
  checkpoint_close(c);
  expect_quiet(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_random), TEST(test_random_values), TEST(test_random_errors),  TEST(test_full_disk),
      TEST(test_pack),   TEST(test_pack_errors),   TEST(test_pack_long_rows), TEST(test_tales),
  };
  return cmocka_run_group_tests_name("checkpoint tools", tests, NULL, NULL);
}

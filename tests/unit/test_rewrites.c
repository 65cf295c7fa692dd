/* test_rewrites.c: simplify, cse, dce, fold-weights and merge-sums change no bit of what a model computes:
 * the interpreter runs a module with states, repeats and ternary weights before and after them, and modules
 * of random element-wise operators on constants and special values. */
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "tests/unit/ir_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- weights made from their names ------------------------------------------------------------------- */

static uint64_t mix(uint64_t x) {
  x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
  return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
}

static uint64_t seed_of(const char *name) {
  uint64_t h = 1469598103934665603u;
  for (; *name; name++)
    h = (h ^ (unsigned char)*name) * 1099511628211u;
  return h;
}

static bool some_floats(void *self, const char *name, int64_t first, int64_t count, float *out) {
  (void)self;
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)(mix(seed_of(name) + (uint64_t)(first + i)) >> 40) * 0x1p-23f - 1;
  return true;
}

static bool some_codes(void *self, const char *name, const struct weight *w, int8_t *codes, float *scales) {
  (void)self;
  for (int64_t i = 0; i < w->type.dim[0] * w->type.dim[1]; i++)
    codes[i] = (int8_t)(mix(seed_of(name) + (uint64_t)i) % 3) - 1;
  for (int64_t i = 0; i < (w->scale == WSCALE_ROW ? w->type.dim[0] : 1); i++)
    scales[i] = 1.0f / (0.25f + (float)i);
  return true;
}

static const struct weight_source source = {.floats = some_floats, .codes = some_codes};

/* ---- running ----------------------------------------------------------------------------------------- */

enum { TOKENS = 5, MOST_OUT = 64 };

struct outcome {
  int64_t n;
  float out[TOKENS][MOST_OUT];
};

static void run(const struct module *m, struct outcome *o) {
  struct interp *in = interp_new(m, &source, false);
  assert_non_null(in);
  for (uint32_t t = 0; t < TOKENS; t++) {
    const struct tensor *out;
    uint32_t token = t * 3 % 7;
    assert_true(interp_run(in, "step", &token, 1, 1, &out));
    o->n = type_count(out->type, NULL);
    assert_true(o->n <= MOST_OUT && out->type.elem == ELEM_F32);
    memcpy(o->out[t], out->f32, sizeof(float) * (size_t)o->n);
  }
  interp_free(in);
}

/* Equal bits; of NaNs only that they are NaN. */
static bool same_bits(float a, float b) {
  return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

/* The module's outcome without and with the passes; the operators of `step` before and after. */
static void unchanged_by(const char *text, const char *passes_list) {
  struct arena a = {0};
  struct diag d = {0};
  uint16_t file = diag_add_source(&d, "t.tir", text, strlen(text));
  struct module *plain = ir_parse(&a, &d, file), *passed = ir_parse(&a, &d, file);
  assert_non_null(plain);
  assert_true(passes_run(passed, passes_list, &(struct pass_options){.verify = true}));
  struct outcome before = {0}, after = {0};
  run(plain, &before);
  run(passed, &after);
  assert_int_equal(before.n, after.n);
  for (int t = 0; t < TOKENS; t++)
    for (int64_t i = 0; i < before.n; i++)
      if (!same_bits(before.out[t][i], after.out[t][i])) {
        ir_print(passed, stderr);
        fail_msg("%s: token %d, element %lld: %a, then %a\n%s", passes_list, t, (long long)i,
                 (double)before.out[t][i], (double)after.out[t][i], text);
      }
  diag_free(&d);
  arena_free(&a);
}

static void a_model_keeps_its_bits(void **state) {
  (void)state;
  unchanged_by(ir_file("rewrites"), "simplify");
  unchanged_by(ir_file("rewrites"), "cse");
  unchanged_by(ir_file("rewrites"), "dce");
  unchanged_by(ir_file("rewrites"), "fold-weights");
  unchanged_by(ir_file("rewrites"), "simplify,cse,dce,fold-weights,simplify,cse,dce");
  unchanged_by(ir_file("rewrites"), "fold-weights,fold-weights,dce"); /* the second finds nothing to do */
  unchanged_by(ir_file("rewrites"), "cse,ternarize,merge-sums,simplify,cse,dce");
}

static void passes_have_an_effect(void **state) {
  (void)state;
  struct arena a = {0};
  struct diag d = {0};
  struct module *m = ir_parse(&a, &d, ir_file_source(&d, "rewrites"));
  assert_true(
      passes_run(m, "simplify,cse,dce,fold-weights,ternarize,cse,merge-sums,dce", &(struct pass_options){0}));
  assert_null(state_find(m, "lost"));
  assert_non_null(weight_find(m, "l.{}.i+l.{}.f"));
  assert_non_null(weight_find(m, "fold.2"));
  assert_null(weight_find(m, "fold.3"));
  assert_non_null(func_find(m, "fold"));
  diag_free(&d);
  arena_free(&a);
}

/* ---- random element-wise operators ------------------------------------------------------------------- */

static const char *const unary[] = {"neg", "abs", "relu", "floor", "exp", "sqrt"};
static const char *const binary[] = {"add", "sub", "mul", "div", "min", "max"};
static const char *const numbers[] = {"0",  "-0", "1",   "-1",   "2",   "0.5",
                                      "-4", "3",  "inf", "-inf", "nan", "1e-45"};
#define COUNT(names) (sizeof names / sizeof *names)

static uint64_t pick(uint64_t *seed, uint64_t n) {
  *seed = mix(*seed + 0x632be59bd9b4e019u);
  return (*seed >> 16) % n;
}

/* One operator on values before the n-th. */
static void print_random_op(FILE *f, uint64_t *seed, int n) {
  int x = (int)pick(seed, (uint64_t)n), y = (int)pick(seed, (uint64_t)n);
  switch (pick(seed, 8)) {
  case 0:
    fprintf(f, "  %%c%d = lt %%v%d, %%v%d : bool[8]\n  %%v%d = select %%c%d, %%v%d, %%v%d : f32[8]\n", n, x,
            y, n, n, y, (int)pick(seed, (uint64_t)n));
    break;
  case 1:
    fprintf(f, "  %%v%d = round %%v%d {round = %s} : f32[8]\n", n, x,
            rounding_name((enum rounding)pick(seed, ROUND_COUNT)));
    break;
  case 2:
  case 3: fprintf(f, "  %%v%d = %s %%v%d : f32[8]\n", n, unary[pick(seed, COUNT(unary))], x); break;
  default:
    fprintf(f, "  %%v%d = %s %%v%d, %%v%d : f32[8]\n", n, binary[pick(seed, COUNT(binary))], x, y);
    break;
  }
}

/* Values 0 .. 4 are a weight and special numbers; each of the next is made of some before it, and the last
 * eight are the result. */
static void random_arithmetic_keeps_its_bits(void **state) {
  (void)state;
  for (uint64_t seed = 1, round = 0; round < 600; round++) {
    char *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);
    fprintf(f, "module m\nweight @w : f32[8]\nfunc step(%%token: u32) -> f32[64] {\n"
               "  %%v0 = weight @w : f32[8]\n");
    int n = 1;
    for (; n < 5; n++)
      fprintf(f, "  %%v%d = const {value = %s} : f32[8]\n", n, numbers[pick(&seed, COUNT(numbers))]);
    for (; n < 20; n++)
      print_random_op(f, &seed, n);
    fprintf(f, "  %%out = concat");
    for (int i = n - 8; i < n; i++)
      fprintf(f, "%s %%v%d", i > n - 8 ? "," : "", i);
    fprintf(f, " {axis = 0} : f32[64]\n  return %%out\n}\n");
    fclose(f);
    unchanged_by(text, "simplify,cse,dce,fold-weights");
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_model_keeps_its_bits),
      cmocka_unit_test(passes_have_an_effect),
      cmocka_unit_test(random_arithmetic_keeps_its_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

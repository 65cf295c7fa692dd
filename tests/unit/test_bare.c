/* test_bare.c: C for chips. The models of tests/c/cases.h and random ones are written as C, compiled without
 * a warning, conversions included, and must give the interpreter's bits and stay in the memory that they ask
 * for; and what they have in place of libm gives libm's bits. */
#include "backends/c/c.h"
#include "backends/image/write_image.h"
#include "backends/lower/facts.h"
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "runtime/core/image.h"
#include "runtime/kernels/bare.h"
#include "tests/c/cases.h"
#include "tests/random/random_model.h"

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- one compilation ------------------------------------------------------------------------- */

struct bench {
  struct arena arena;
  struct diag diag;
  struct module *m;
  struct loops *loops;
  char dir[64];
};

/* As `ternc build --bare`: one thread's step. */
static void bench_open(struct bench *b, struct module *m, enum storage packing, const char *list) {
  static const char *const left_out[] = {"batch-time", "spread", NULL};
  strcpy(b->dir, "/tmp/tern-test-bare-XXXXXX");
  b->m = m;
  assert_non_null(m);
  m->policy = &policy_chip; /* also where the text is planned already */
  struct pass_options options = {
      .context = {.packing = packing, .policy = &policy_chip}, .verify = true, .disable = left_out};
  assert_true(!*list || passes_run(m, list, &options));
  b->loops = loops_lower(&b->arena, m, &policy_chip);
  assert_non_null(b->loops);
  assert_non_null(mkdtemp(b->dir));
}

static const char *in_dir(struct bench *b, const char *name) {
  return arena_printf(&b->arena, "%s/%s", b->dir, name);
}

static void bench_close(struct bench *b) {
  static const char *const files[] = {"m.c", "m.h", "m.so"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    unlink(in_dir(b, files[i]));
  rmdir(b->dir);
  diag_free(&b->diag);
  arena_free(&b->arena);
}

static uint8_t *image_weights(struct bench *b, const struct weight_source *source) {
  FILE *f = tmpfile();
  uint64_t bytes;
  struct image_header h;
  uint8_t *weights = arena_array(&b->arena, uint8_t, b->m->weights_bytes + 4);
  assert_true(image_write(b->m, source, f, 0, &bytes, &(struct image_options){.threads = 1}));
  rewind(f);
  assert_int_equal(fread(&h, sizeof h, 1, f), 1);
  assert_int_equal(fseek(f, (long)h.weights_at, SEEK_SET), 0);
  assert_int_equal(fread(weights, 1, (size_t)b->m->weights_bytes, f), b->m->weights_bytes);
  fclose(f);
  return weights;
}

static void *compile(struct bench *b, const struct weight_source *source) {
  struct bare_options o = {.runtime = TERN_SOURCE "/runtime", .weights = image_weights(b, source)};
  assert_string_equal(b->m->name, "m");
  assert_true(bare_emit(&b->diag, b->loops, b->dir, &o));
  const char *command = arena_printf(
      &b->arena, "cc -std=c11 -O1 -Wall -Wextra -Wconversion -Werror -pedantic -fPIC -shared -I%s -o %s %s",
      b->dir, in_dir(b, "m.so"), in_dir(b, "m.c"));
  assert_int_equal(system(command), 0);
  void *handle = dlopen(in_dir(b, "m.so"), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    fail_msg("%s", dlerror());
  return handle;
}

/* ---- running it ------------------------------------------------------------------------------ */

/* Memory that begins at no more than a multiple of 4, with marks on both sides. */
enum { MARK = 0xa5, MARKS = 4 };

static uint8_t *marked(int64_t bytes) {
  uint8_t *p = aligned_alloc(64, ((size_t)bytes + 2 * MARKS + 63) / 64 * 64);
  assert_non_null(p);
  memset(p, MARK, (size_t)bytes + 2 * MARKS);
  return p + MARKS;
}

static void check_marks(uint8_t *p, int64_t bytes) {
  for (int i = 0; i < MARKS; i++) {
    assert_int_equal(p[-1 - i], MARK);
    assert_int_equal(p[bytes + i], MARK);
  }
  free(p - MARKS);
}

static void same_logits(const void *logits, const struct tensor *want, int64_t n, bool integers) {
  if (integers) {
    assert_memory_equal(logits, want->i32, (size_t)n * 4);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    float got = ((const float *)logits)[i], right = want->f32[i];
    if (memcmp(&got, &right, sizeof got) != 0 && (got == got || right == right))
      fail_msg("logit %d is %.9g, not %.9g", (int)i, (double)got, (double)right);
  }
}

typedef void init_function(void *state);
typedef void step_function(void *state, void *scratch, uint32_t token, void *logits);

static void run(struct bench *b) {
  static const uint32_t tokens[] = {3, 16, 0, 7, 7, 2};
  struct weight_source source = random_source();
  void *library = compile(b, &source);
  init_function *init = (init_function *)dlsym(library, "m_init");
  step_function *step = (step_function *)dlsym(library, "m_step");
  struct interp *in = interp_new(b->m, &source, false);
  struct bare_sizes s = bare_sizes(b->loops);
  uint8_t *state = marked(s.state), *scratch = marked(s.scratch), *logits = marked(s.logits);
  int frac;
  init(state);
  for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
    const struct tensor *want;
    assert_true(interp_run(in, "step", tokens + i, 1, 1, &want));
    step(state, scratch, tokens[i], logits);
    same_logits(logits, want, logits_width(b->m), logits_are_integers(b->m, &frac));
  }
  check_marks(state, s.state);
  check_marks(scratch, s.scratch);
  check_marks(logits, s.logits);
  interp_free(in);
  dlclose(library);
}

static void cases_equal_the_interpreter(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof kernel_cases / sizeof *kernel_cases; i++)
    for (int packing = 0; packing < (strstr(ir_file(kernel_cases[i].name), "ternary[") ? 2 : 1); packing++) {
      const struct kernel_case *c = &kernel_cases[i];
      struct bench b = {.diag.out = stderr};
      print_message("%s\n", c->name);
      struct module *m = ir_parse(&b.arena, &b.diag, ir_file_source(&b.diag, c->name));
      bench_open(&b, m, packing ? STORE_TILE3 : STORE_TILE2, c->passes);
      run(&b);
      bench_close(&b);
    }
}

static void so_do_random_models(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 24; seed++) {
    struct bench b = {.diag.out = stderr};
    print_message("seed %d\n", (int)seed);
    struct module *m = random_model(&b.arena, &b.diag, seed);
    m->name = "m";
    if (seed % 3 == 0)
      random_wide_codes(m);
    bench_open(&b, m, seed % 2 ? STORE_TILE3 : STORE_TILE2,
               "ternarize,norm-scale,merge-sums,simplify,cse,dce,fuse,dce,plan-memory");
    run(&b);
    bench_close(&b);
  }
}

/* ---- in place of libm ------------------------------------------------------------------------ */

static void same_float(float got, float right, float x) {
  if (tern_bits(got) != tern_bits(right) && (got == got || right == right))
    fail_msg("of %.9g: %.9g, not %.9g", (double)x, (double)got, (double)right);
}

static void functions_equal_those_of_libm(void **state) {
  (void)state;
  for (int64_t i = INT32_MIN; i <= INT32_MAX; i += 997) {
    float x = tern_from_bits((int32_t)i);
    same_float(tern_fabs(x), fabsf(x), x);
    same_float(tern_trunc(x), truncf(x), x);
    same_float(tern_floor(x), floorf(x), x);
    same_float(tern_round(x), roundf(x), x);
    same_float(tern_rint(x), rintf(x), x);
    same_float(tern_sqrt(x), sqrtf(x), x);
  }
  for (int i = -4000; i <= 4000; i++) { /* halves, and their neighbours */
    const float half = (float)i / 2, near[] = {half, nextafterf(half, 9e9f), nextafterf(half, -9e9f)};
    for (int k = 0; k < 3; k++) {
      same_float(tern_floor(near[k]), floorf(near[k]), near[k]);
      same_float(tern_round(near[k]), roundf(near[k]), near[k]);
      same_float(tern_rint(near[k]), rintf(near[k]), near[k]);
      same_float(tern_sqrt(near[k] * near[k]), sqrtf(near[k] * near[k]), near[k]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cases_equal_the_interpreter),
      cmocka_unit_test(so_do_random_models),
      cmocka_unit_test(functions_equal_those_of_libm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

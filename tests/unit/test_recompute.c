/* test_recompute.c: whatever a backward pass keeps or computes again, the bits are the same: of the loss, of
 * all gradients, and of the states that a call leaves; for random models and for the published one, by the
 * operators of the spec and after all passes, interpreted and compiled. */
#include "driver/compare.h"
#include "driver/engine.h"
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "passes/training/memory.h"
#include "tests/random/random_model.h"
#include "tests/unit/ir_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 6, CALLS = 2 };

static const struct recompute choices[] = {
    {.products = 0},
    {.nothing = true},
    {.codes = true},
    {.products = 1},
    {.products = 0.5},
    {.products = 1, .group = 2},
    {.products = 0, .group = 2},
    {.products = 0.5, .group = 3},
};
enum { CHOICES = sizeof choices / sizeof *choices };

struct trial {
  struct job j;
  FILE *out;
  char *said;
  size_t said_bytes;
  struct interp *in;
};

/* file: a module of tests/unit/ir; NULL: the random model of that seed. */
static void open_trial(struct trial *t, const char *file, uint64_t seed) {
  *t = (struct trial){0};
  job_start(&t->j);
  t->out = t->j.diag.out = open_memstream(&t->said, &t->said_bytes);
  t->j.source = random_source();
  t->j.options.cpu = "x86-64"; /* compiles in less time */
  t->j.module = file ? ir_parse(&t->j.arena, &t->j.diag, ir_file_source(&t->j.diag, file))
                     : random_model(&t->j.arena, &t->j.diag, seed);
  assert_non_null(t->j.module);
}

static void close_trial(struct trial *t) {
  interp_free(t->in);
  job_end(&t->j, 0);
  fclose(t->out);
  free(t->said);
}

static const char *said(struct trial *t) {
  fflush(t->out);
  return t->said ? t->said : "";
}

static const char by_spec[] = "cse,dce,training-form,differentiate,dce", whole[] = "training";
static const char step_alone[] = "cse,dce,training-form,differentiate,simplify,cse,dce,ternarize,norm-scale,"
                                 "simplify,cse,dce,fuse,dce,plan-memory";

static bool transform(struct trial *t, struct recompute choice, const char *list) {
  struct pass_options o = {.verify = true, .context = {.chunk = TOKENS, .logits = 4, .recompute = choice}};
  return passes_run(t->j.module, list, &o);
}

/* ---- what a step leaves ------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t h, const void *bytes, size_t n) {
  for (size_t i = 0; i < n; i++)
    h = (h ^ ((const unsigned char *)bytes)[i]) * 0x100000001B3u;
  return h;
}

/* Tapes, and where scans ran again, are the choice's own. */
static bool is_own(const struct state *s) {
  static const char *const kinds[] = {"tape.", "replay.", "again.", "start.", "sum."};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strncmp(s->name, kinds[i], strlen(kinds[i])) == 0)
      return true;
  return false;
}

/* NaN's bits are nobody's business. */
static uint64_t mix_floats(uint64_t h, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float v = x[i] == x[i] ? x[i] : 0;
    h = mix(h, &v, sizeof v);
  }
  return h;
}

static uint64_t mix_state(struct trial *t, const struct state *s) {
  uint64_t h = 0xcbf29ce484222325u;
  int64_t n = 1;
  for (int i = 0; i < s->n_counts; i++)
    n *= s->counts[i];
  for (int64_t k = 0; k < n && s->type.elem == ELEM_F32; k++)
    h = mix_floats(h, interp_state(t->in, s, k)->f32, type_count(s->type, NULL));
  return mix(h, s->name, strlen(s->name));
}

static uint64_t digest(struct trial *t) {
  uint64_t sum = 0; /* in any order: choices declare states as they come */
  for (const struct state *s = t->j.module->states; s; s = s->next)
    if (!is_own(s))
      sum += mix_state(t, s);
  return sum;
}

struct inputs {
  uint32_t tokens[TOKENS], targets[TOKENS];
  float share[TOKENS];
};

static struct inputs choose(const struct module *m) {
  struct inputs x;
  int64_t vocab = func_find(m, "step")->body->last->in[0]->type.dim[0];
  for (int i = 0; i < TOKENS; i++) {
    x.tokens[i] = (uint32_t)(7 * i + 3) % 16;
    x.targets[i] = (uint32_t)((5 * i + 1) % vocab);
    x.share[i] = 0.25f + 0.125f * (float)i;
  }
  return x;
}

/* The bits of CALLS steps. */
static uint64_t run(struct trial *t) {
  const struct func *f = func_find(t->j.module, "train");
  struct inputs x = choose(t->j.module);
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = TOKENS, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  uint64_t h = 0;
  t->in = interp_new(t->j.module, &t->j.source, false);
  assert_non_null(t->in);
  for (int i = 0; i < CALLS; i++) {
    const void *inputs[] = {x.tokens, x.targets, x.share};
    assert_true(interp_call(t->in, f, &(struct interp_arguments){inputs, sizes, NULL, NULL}));
    h = mix_floats(h, interp_result(t->in, f, 0)->f32, 1) + digest(t);
  }
  return h;
}

static bool can_train(struct trial *t) {
  struct type logits = func_find(t->j.module, "step")->body->last->in[0]->type;
  struct pass_options o = {.context.chunk = TOKENS};
  return logits.elem == ELEM_F32 && logits.rank == 1 && passes_run(t->j.module, "cse,dce,training-form", &o);
}

static bool trains(const char *file, uint64_t seed) {
  struct trial t;
  open_trial(&t, file, seed);
  bool can = can_train(&t);
  close_trial(&t);
  return can;
}

/* Whether all choices give the same bits. */
static bool alike(const char *file, uint64_t seed, const char *list) {
  uint64_t first = 0;
  bool same = true;
  for (int c = 0; c < CHOICES; c++) {
    struct trial t;
    open_trial(&t, file, seed);
    bool made = transform(&t, choices[c], list);
    uint64_t bits = made ? run(&t) : 0;
    first = c ? first : bits;
    if (!made || bits != first) {
      print_error("%s %llu, choice %d, %s: other bits %s\n", file ? file : "random model",
                  (unsigned long long)seed, c, list, said(&t));
      same = false;
    }
    close_trial(&t);
  }
  return same;
}

static void choices_give_the_same_bits(void **state) {
  (void)state;
  enum { SEEDS = 120 };
  int tried = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    if (!trains(NULL, seed))
      continue;
    tried++;
    wrong += !alike(NULL, seed, by_spec);
    if (tried % 2)
      wrong += !alike(NULL, seed, whole);
  }
  print_message("%d models\n", tried);
  assert_int_equal(wrong, 0);
  assert_true(tried > SEEDS / 3);
}

static void of_the_published_model_too(void **state) {
  (void)state;
  assert_true(alike("mmfree4", 0, by_spec));
  assert_true(alike("mmfree4", 0, whole));
}

/* ---- compiled ---------------------------------------------------------------------------------------- */

/* Kernel by kernel against the interpreter, by three threads. */
static bool compare(struct trial *t, struct loops *loops) {
  struct engine e;
  struct image im = {0};
  struct inputs x = choose(t->j.module);
  if (!image_in_memory(&t->j, &im) || !engine_open(&e, &t->j, loops, engine_find("native")))
    return false;
  t->in = interp_new(t->j.module, &t->j.source, false);
  size_t bytes = (size_t)t->j.module->weights_bytes;
  void *weights = aligned_alloc(TERN_ALIGN, (bytes + TERN_ALIGN) / TERN_ALIGN * TERN_ALIGN);
  assert_non_null(weights); /* a copy that can be written */
  memcpy(weights, im.weights, bytes);
  struct comparison c = {.module = t->j.module,
                         .loops = loops,
                         .source = &t->j.source,
                         .model = e.model,
                         .engine = "native",
                         .weights = weights,
                         .sequences = 1,
                         .threads = 3};
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = TOKENS, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct interp_arguments given = {(const void *const[]){x.tokens, x.targets, x.share}, sizes, NULL, NULL};
  bool ok = t->in && compare_entry(&c, t->in, loops_entry(loops, "train"), &given);
  free(weights);
  engine_close(&e);
  image_close(&im);
  return ok;
}

static bool compiles_alike(const char *file, uint64_t seed, struct recompute choice) {
  struct trial t;
  open_trial(&t, file, seed);
  struct loops *loops = NULL;
  if (transform(&t, choice, step_alone))
    loops = loops_lower(&t.j.arena, t.j.module, &policy_team);
  bool ok = loops && compare(&t, loops);
  if (!ok)
    print_error("%s %llu: %s\n", file ? file : "random model", (unsigned long long)seed, said(&t));
  close_trial(&t);
  return ok;
}

static void compiled_ones_too(void **state) {
  (void)state;
  assert_true(compiles_alike("mmfree4", 0, choices[1]));
  assert_true(compiles_alike("mmfree4", 0, choices[4]));
  for (uint64_t seed = 1, n = 0; n < 3; seed++)
    if (trains(NULL, seed))
      assert_true(compiles_alike(NULL, seed, choices[1 + n++]));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(choices_give_the_same_bits),
      cmocka_unit_test(of_the_published_model_too),
      cmocka_unit_test(compiled_ones_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_training.c: what the pass `differentiate` makes of random models, against central differences of the
 * same loss in float64, along a random direction of all float weights.
 *
 * A random model has kinks (relu, max, |x|) and steps (floor, round). Where differences of two widths
 * disagree there is one nearby, and the model says nothing about its derivative. Quantisers are steps
 * everywhere, with a derivative that is a convention: they are left out here. */
#include "driver/compare.h"
#include "driver/engine.h"
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "passes/training/derivative.h"
#include "tests/random/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 6, PARTS = 2 };

struct trial {
  struct job j;
  FILE *out;
  char *said;
  size_t said_bytes;
  struct interp *in;
  uint32_t tokens[TOKENS], targets[TOKENS];
  double share[TOKENS];
};

static void open_trial(struct trial *t, uint64_t seed) {
  *t = (struct trial){0};
  job_start(&t->j);
  t->out = t->j.diag.out = open_memstream(&t->said, &t->said_bytes);
  t->j.source = random_source();
  t->j.module = random_model(&t->j.arena, &t->j.diag, seed);
}

static void close_trial(struct trial *t) {
  interp_free(t->in);
  job_end(&t->j, 0);
  fclose(t->out);
  free(t->said);
}

/* Quantisers go away, and what undoes them. */
static void leave_out(struct op *op, void *body) {
  if (op->code != OP_QUANTIZE && op->code != OP_DEQUANTIZE)
    return;
  replace_uses(body, op->out[0], op->in[0]);
  op_unlink(op);
}

static bool gives_floats(const struct module *m) {
  const struct func *step = func_find(m, "step");
  walk(step->body, leave_out, step->body);
  struct type logits = step->body->last->in[0]->type;
  return logits.elem == ELEM_F32 && logits.rank == 1;
}

static bool trains(struct trial *t) {
  struct pass_options o = {.verify = true, .context.chunk = TOKENS};
  return passes_run(t->j.module, "cse,dce,training-form,differentiate,simplify,cse", &o);
}

static void choose_tokens(struct trial *t) {
  int64_t vocab = func_find(t->j.module, "step")->body->last->in[0]->type.dim[0];
  for (int i = 0; i < TOKENS; i++) {
    t->tokens[i] = (uint32_t)(7 * i + 3) % 16;
    t->targets[i] = (uint32_t)((5 * i + 1) % vocab);
    t->share[i] = 0.25 + 0.125 * i;
  }
}

/* The loss of tokens from `first` on, states going on from where they are. */
static double run(struct trial *t, int first, int n) {
  const void *inputs[] = {t->tokens + first, t->targets + first, t->share + first};
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = n};
  struct func *f = func_find(t->j.module, "train");
  assert_true(interp_call(t->in, f, &(struct interp_arguments){inputs, sizes, NULL}));
  return interp_result(t->in, f, 0)->f64[0];
}

static double loss(struct trial *t) {
  interp_reset(t->in);
  return run(t, 0, TOKENS);
}

/* The direction: of each weight's element the same wherever it is asked for, between -1 and 1. */
static double along(const struct weight *w, int64_t instance, int64_t i) {
  uint64_t h = 0x9E3779B97F4A7C15u * (uint64_t)(instance * 7919 + i + 1);
  for (const char *s = w->name; *s; s++)
    h = (h ^ (unsigned char)*s) * 0x100000001B3u;
  h ^= h >> 31;
  return (double)(h % 20011) / 10005 - 1;
}

/* Calls f for every float weight's instance: its numbers and those of its gradient. */
static double each_weight(struct trial *t,
                          double (*f)(const struct weight *w, int64_t k, int64_t n, double *numbers,
                                      const double *gradient, double by),
                          double by) {
  const struct module *m = t->j.module;
  double sum = 0;
  for (const struct weight *w = m->weights; w; w = w->next) {
    const struct state *s = state_find(m, arena_printf(&t->j.arena, "grad.%s", w->name));
    if (w->type.elem != ELEM_F32 || !s)
      continue;
    for (int64_t k = 0; k < weight_instances(w); k++) {
      const struct tensor *numbers = interp_weight(t->in, w, k);
      assert_non_null(numbers);
      sum += f(w, k, type_count(w->type, NULL), numbers->f64, interp_state(t->in, s, k)->f64, by);
    }
  }
  return sum;
}

static double shift(const struct weight *w, int64_t k, int64_t n, double *numbers, const double *gradient,
                    double by) {
  (void)gradient;
  for (int64_t i = 0; i < n; i++)
    numbers[i] += by * along(w, k, i);
  return 0;
}

static double dot(const struct weight *w, int64_t k, int64_t n, double *numbers, const double *gradient,
                  double by) {
  double sum = 0;
  (void)numbers, (void)by;
  for (int64_t i = 0; i < n; i++)
    sum += gradient[i] * along(w, k, i);
  return sum;
}

/* (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12 h, whose error falls with the fourth power of h. */
static double difference(struct trial *t, double h) {
  static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    each_weight(t, shift, at[i] * h);
    sum += weight[i] * loss(t);
    each_weight(t, shift, -at[i] * h);
  }
  return sum / (12 * h);
}

static bool near(double a, double b, double bound) {
  return fabs(a - b) <= bound * (fabs(a) + fabs(b) + 1e-3);
}

static int judge(struct trial *t, uint64_t seed) {
  choose_tokens(t);
  t->in = interp_new(t->j.module, &t->j.source, true);
  assert_non_null(t->in);
  each_weight(t, shift,
              0.01); /* away from numbers such as 0, at which single points have slopes of their own */
  if (!isfinite(loss(t)))
    return 0;
  double derivative = each_weight(t, dot, 0);
  double wide = difference(t, 1e-4), fine = difference(t, 2.5e-5);
  if (!near(wide, fine, 1e-8) || !isfinite(wide))
    return 0;
  if (!near(derivative, fine, 1e-6)) {
    print_error("random model %llu: the derivative is %.12g, the difference %.12g\n",
                (unsigned long long)seed, derivative, fine);
    return -1;
  }
  return 1;
}

static void derivatives_are_those_of_differences(void **state) {
  (void)state;
  enum { SEEDS = 2000, WANTED = 300 };
  int judged = 0, wrong = 0, kinks = 0, refused = 0, integers = 0;
  for (uint64_t seed = 1; seed <= SEEDS && judged < WANTED; seed++) {
    struct trial t;
    open_trial(&t, seed);
    if (!gives_floats(t.j.module))
      integers++;
    else if (!trains(&t))
      refused++;
    else {
      int verdict = judge(&t, seed);
      judged += verdict != 0;
      wrong += verdict < 0;
      kinks += verdict == 0;
    }
    close_trial(&t);
  }
  print_message("%d judged, %d near kinks, %d refused, %d of integers\n", judged, kinks, refused, integers);
  assert_int_equal(wrong, 0);
  assert_int_equal(judged, WANTED);
}

/* ---- compiled ---------------------------------------------------------------------------------------- */

/* Kernel by kernel against the interpreter, by one thread and by three. */
static bool agrees(struct trial *t, struct loops *loops, const char *kind) {
  struct engine e;
  struct image im = {0};
  float share[TOKENS];
  choose_tokens(t);
  for (int i = 0; i < TOKENS; i++)
    share[i] = (float)t->share[i];
  if (!image_in_memory(&t->j, &im) || !engine_open(&e, &t->j, loops, engine_find(kind)))
    return false;
  t->in = interp_new(t->j.module, &t->j.source, false);
  struct comparison c = {.module = t->j.module,
                         .loops = loops,
                         .source = &t->j.source,
                         .model = e.model,
                         .engine = kind,
                         .weights = im.weights,
                         .sequences = 1,
                         .threads = 3};
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = TOKENS, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct interp_arguments given = {(const void *const[]){t->tokens, t->targets, share}, sizes, NULL};
  bool ok = t->in != NULL;
  for (int again = 0; ok && again < 2; again++)
    ok = compare_entry(&c, t->in, loops_entry(loops, "train"), &given);
  engine_close(&e);
  image_close(&im);
  return ok;
}

static const char *said(struct trial *t) {
  fflush(t->out);
  return t->said ? t->said : "";
}

static void compiled_steps_give_the_same_bits(void **state) {
  (void)state;
  enum { SEEDS = 16 };
  int compared = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    struct trial t;
    struct pass_options o = {.verify = true, .context.chunk = TOKENS};
    open_trial(&t, seed);
    const struct func *step = func_find(t.j.module, "step");
    struct type logits = step->body->last->in[0]->type;
    if (logits.elem == ELEM_F32 && logits.rank == 1 && passes_run(t.j.module, "cse,dce,training-form", &o)) {
      bool made =
          passes_run(t.j.module, "differentiate,simplify,cse,ternarize,simplify,cse,fuse,plan-memory", &o);
      struct loops *loops = made ? loops_lower(&t.j.arena, t.j.module, &policy_team) : NULL;
      bool ok = loops && agrees(&t, loops, compared % 3 ? "native" : "c");
      if (!ok)
        print_error("random model %llu: %s\n", (unsigned long long)seed, said(&t));
      wrong += !ok;
      compared++;
    }
    close_trial(&t);
  }
  print_message("%d compared\n", compared);
  assert_int_equal(wrong, 0);
  assert_true(compared >= SEEDS / 3);
}

/* ---- every operator ---------------------------------------------------------------------------------- */

static void every_operator_has_a_rule(void **state) {
  (void)state;
  int missing = 0;
  for (int code = 0; code < OP_COUNT; code++)
    if (!adjoint_known((enum opcode)code)) {
      print_error("'%s': passes/training/adjoints.c has no rule for its derivative, and nothing says why\n",
                  op_info[code].text);
      missing++;
    }
  assert_int_equal(missing, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator_has_a_rule),
      cmocka_unit_test(derivatives_are_those_of_differences),
      cmocka_unit_test(compiled_steps_give_the_same_bits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

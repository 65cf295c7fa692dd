/* trained.h: a random model whose derivative is looked at: its training step in the float64 interpreter, and
 * a direction of its weights. */
#ifndef TERN_TESTS_TRAINED_H
#define TERN_TESTS_TRAINED_H

#include "driver/driver.h"
#include "ir/interp/interp.h"
#include "passes/pass.h"
#include "tests/random/random_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { TOKENS = 6 };

struct trial {
  struct job j;
  FILE *out;
  char *said;
  size_t said_bytes;
  struct interp *in;
  uint32_t tokens[TOKENS], targets[TOKENS];
  double share[TOKENS];
  int own_states; /* the model's, before those of training */
};

static inline void open_job(struct trial *t) {
  *t = (struct trial){0};
  job_start(&t->j);
  t->out = t->j.diag.out = open_memstream(&t->said, &t->said_bytes);
  t->j.source = random_source();
}

static inline void open_trial(struct trial *t, uint64_t seed) {
  open_job(t);
  t->j.module = random_model(&t->j.arena, &t->j.diag, seed);
  for (const struct state *s = t->j.module->states; s; s = s->next)
    t->own_states++;
}

static inline void close_trial(struct trial *t) {
  interp_free(t->in);
  job_end(&t->j, 0);
  fclose(t->out);
  free(t->said);
}

static inline bool gives_floats(const struct module *m) {
  struct type logits = func_find(m, "step")->body->last->in[0]->type;
  return logits.elem == ELEM_F32 && logits.rank == 1;
}

/* Every other model makes its logits in two parts. */
static inline bool trains(struct trial *t) {
  struct pass_options o = {.verify = true, .context = {.chunk = TOKENS, .logits = t->own_states % 2 ? 4 : 0}};
  bool ok = passes_run(t->j.module, "cse,dce", &o);
  t->own_states = 0; /* that are left */
  for (const struct state *s = t->j.module->states; s; s = s->next)
    t->own_states++;
  return ok && passes_run(t->j.module, "training-form,differentiate,simplify,cse", &o);
}

static inline void choose_tokens(struct trial *t) {
  int64_t vocab = func_find(t->j.module, "step")->body->last->in[0]->type.dim[0];
  for (int i = 0; i < TOKENS; i++) {
    t->tokens[i] = (uint32_t)(7 * i + 3) % 16;
    t->targets[i] = (uint32_t)((5 * i + 1) % vocab);
    t->share[i] = 0.25 + 0.125 * i;
  }
}

/* The loss of tokens from `first` on, states going on from where they are. */
static inline double run(struct trial *t, int first, int n) {
  const void *inputs[] = {t->tokens + first, t->targets + first, t->share + first};
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = n};
  uint32_t positions[TOKENS];
  for (int i = 0; i < n; i++)
    positions[i] = (uint32_t)(first + i);
  struct func *f = func_find(t->j.module, "train");
  assert_true(interp_call(t->in, f, &(struct interp_arguments){inputs, sizes, NULL, positions}));
  return interp_result(t->in, f, 0)->f64[0];
}

static inline double loss(struct trial *t) {
  interp_reset(t->in);
  return run(t, 0, TOKENS);
}

/* The direction: of each weight's element the same wherever it is asked for, between -1 and 1. */
static inline double along(const struct weight *w, int64_t instance, int64_t i) {
  uint64_t h = 0x9E3779B97F4A7C15u * (uint64_t)(instance * 7919 + i + 1);
  for (const char *s = w->name; *s; s++)
    h = (h ^ (unsigned char)*s) * 0x100000001B3u;
  h ^= h >> 31;
  return (double)(h % 20011) / 10005 - 1;
}

/* Calls f for every float weight's instance: its numbers and those of its gradient. */
static inline double each_weight(struct trial *t,
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

static inline double dot(const struct weight *w, int64_t k, int64_t n, double *numbers,
                         const double *gradient, double by) {
  double sum = 0;
  (void)numbers, (void)by;
  for (int64_t i = 0; i < n; i++)
    sum += gradient[i] * along(w, k, i);
  return sum;
}

static inline bool near(double a, double b, double bound) {
  return fabs(a - b) <= bound * (fabs(a) + fabs(b) + 1e-3);
}

#endif

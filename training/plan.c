/* plan.c: what a step of training takes. */
#include <stdio.h>

#include "training/initial.h"
#include "training/learner.h"
#include "training/saved.h"
#include "training/trainer.h"

/* ---- bytes ------------------------------------------------------------------------------------------- */

static void print_bytes(const char *what, uint64_t bytes) {
  printf("  %-44s %12.1f MB\n", what, (double)bytes / 1e6);
}

static void print_memory(const struct tern_model *m, uint32_t threads, uint64_t length) {
  const struct tern_training *about = m->training;
  uint64_t scratch = learner_scratch(m, threads), starts = learner_starts(m, length);
  printf("memory\n");
  print_bytes("weights, and ternary codes", m->weights_bytes);
  print_bytes("moments", learner_bytes(about, TERN_MEAN) + learner_bytes(about, TERN_SQUARE));
  print_bytes("gradients", learner_bytes(about, TERN_GRADIENT));
  print_bytes("saved for the backward pass",
              learner_bytes(about, TERN_SAVED) + learner_bytes(about, TERN_REPLAYED));
  print_bytes("states of a sequence, and their derivatives", learner_bytes(about, TERN_SEQUENCE) +
                                                                 learner_bytes(about, TERN_BACK) +
                                                                 learner_bytes(about, TERN_PASSING));
  if (starts)
    print_bytes("states between the parts of a sequence", starts);
  print_bytes("scratch", scratch);
  print_bytes("in all", m->weights_bytes + m->state_bytes + starts + scratch);
}

/* ---- operations and time ----------------------------------------------------------------------------- */

/* Weights that each token is multiplied by. */
static uint64_t factors(const struct tern_training *about) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < about->n_tensors; i++)
    if (about->tensors[i].role == TERN_MATRIX)
      sum += tensor_instances(&about->tensors[i]) * tensor_elements(&about->tensors[i]);
  return sum;
}

static uint32_t any_id(void *self, uint64_t i) {
  (void)self, (void)i;
  return 0;
}

/* Seconds of a step, by one window and one update of a model with its first weights, tried out. Negative,
 * with a message: the model cannot be tried. */
static double try_step(const struct tern_model *m, const struct training_options *o, uint32_t threads,
                       struct failure *f) {
  struct learner l;
  double loss, window = 0, update = 0;
  if (!learner_open(&l, m, threads, f))
    return -1;
  if (learner_consumes(&l) && o->length > l.chunk) {
    learner_close(&l);
    fail_with(f, "with --gradients layer a step is one call, of up to %u tokens; take a shorter --length",
              (unsigned)m->dims[TERN_T].most);
    return -1;
  }
  struct passage s = {any_id, NULL, 0, o->length};
  bool ok = true;
  initial_random(&l, o->seed);
  const struct adamw_rates r = {
      .rate = 0, .beta1 = o->beta1, .beta2 = o->beta2, .epsilon = 1, .clip = 1, .step = 1};
  for (int round = 0; ok && round < 2; round++) { /* the first touches the memory */
    double began = seconds_now(), between, squares;
    if (learner_consumes(&l))
      learner_step(&l, &s, 1.0f / (float)o->length, &r, &squares);
    else
      ok = learner_backward(&l, &s, 1.0f / (float)o->length, &loss, f);
    between = seconds_now();
    learner_squares(&l);
    learner_update(&l, &r);
    window = between - began;
    update = seconds_now() - between;
  }
  learner_close(&l);
  return ok ? (double)o->batch * window + update : -1;
}

static void print_time(const struct tern_model *m, const struct training_options *o, uint32_t threads) {
  struct failure f = {0};
  double operations = 6 * (double)factors(m->training) * (double)(o->batch * o->length);
  double step = try_step(m, o, threads, &f);
  printf("a step\n  %-44s %12llu\n", "tokens", (unsigned long long)(o->batch * o->length));
  printf("  %-44s %12.2f GFLOP\n", "6 x factors x tokens", operations / 1e9);
  if (step < 0) {
    printf("  its time is not known: %s\n", f.text);
    return;
  }
  printf("  %-44s %12.2f s\n", "time, by one window and one update", step);
  printf("  %-44s %12.0f\n", "tokens a second", (double)(o->batch * o->length) / step);
  printf("  %-44s %12.2f h\n", "all steps", step * (double)o->steps / 3600);
}

/* A training that goes on has its own options. */
static bool restore_options(struct training_options *o, struct diag *d) {
  struct arena a = {0};
  json_t *about = NULL;
  bool ok = !o->resume || (saved_newest(d, &a, o->resume, &about) &&
                           training_restore(o, d, json_object_get(about, "options")));
  json_decref(about);
  arena_free(&a);
  return ok;
}

bool training_print_plan(const struct tern_model *m, struct training_options *o, struct diag *d) {
  if (!restore_options(o, d))
    return false;
  uint32_t threads = o->threads ? (uint32_t)o->threads : team_processors();
  if (!m->training) {
    diag_error(d, "model %s is not made to be trained; compile it with --emit trainer", m->name);
    return false;
  }
  printf("%s: %llu parameters, %llu of them factors of products\n", m->name,
         (unsigned long long)m->parameters, (unsigned long long)factors(m->training));
  print_memory(m, threads, o->length);
  print_time(m, o, threads);
  if (fflush(stdout) == 0)
    return true;
  diag_error(d, "standard output: cannot be written");
  return false;
}

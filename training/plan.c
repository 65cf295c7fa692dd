/* plan.c: what a step of training takes, before anything is allocated. */
#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "training/learner.h"
#include "training/trainer.h"

/* ---- bytes ------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct tern_training *about, enum tern_region_kind kind) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < about->n_regions; i++)
    if (about->regions[i].kind == kind)
      sum += about->regions[i].instances * about->regions[i].bytes;
  return sum;
}

static void print_bytes(const char *what, uint64_t bytes) {
  printf("  %-44s %12.1f MB\n", what, (double)bytes / 1e6);
}

static void print_memory(const struct tern_model *m, uint32_t threads) {
  const struct tern_training *about = m->training;
  uint64_t scratch = learner_scratch(m, threads);
  printf("memory\n");
  print_bytes("weights, float32, and ternary codes", m->weights_bytes);
  print_bytes("moments", bytes_of(about, TERN_MEAN) + bytes_of(about, TERN_SQUARE));
  print_bytes("gradients", bytes_of(about, TERN_GRADIENT));
  print_bytes("saved for the backward pass", bytes_of(about, TERN_SAVED));
  print_bytes("states of a sequence, and their derivatives",
              bytes_of(about, TERN_SEQUENCE) + bytes_of(about, TERN_BACK) + bytes_of(about, TERN_PASSING));
  print_bytes("scratch", scratch);
  print_bytes("in all", m->weights_bytes + m->state_bytes + scratch);
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

enum { CHAINS = 64, ROUNDS = 1 << 16 };

/* Multiply-adds of float32 that one thread does in a second, in a loop that the compiler vectorises for any
 * processor of this family. */
static double rate_of_thread(void) {
  static volatile float sink;
  float x[CHAINS];
  double began = seconds_now(), spent;
  uint64_t rounds = 0;
  for (int i = 0; i < CHAINS; i++)
    x[i] = (float)i;
  do {
    for (int r = 0; r < ROUNDS; r++)
      for (int i = 0; i < CHAINS; i++)
        x[i] = x[i] * 0.999f + 0.001f;
    rounds += ROUNDS;
    spent = seconds_now() - began;
  } while (spent < 0.05);
  for (int i = 0; i < CHAINS; i++)
    sink = x[i];
  (void)sink;
  return (double)rounds * CHAINS / spent;
}

bool training_print_plan(const struct tern_model *m, const struct training_options *o, struct diag *d) {
  uint32_t threads = o->threads ? (uint32_t)o->threads : team_processors();
  if (!m->training) {
    diag_error(d, "model %s is not made to be trained; compile it with --emit trainer", m->name);
    return false;
  }
  uint64_t tokens = o->batch * o->length;
  double operations = 6 * (double)factors(m->training) * (double)tokens,
         rate = 2 * rate_of_thread() * threads;
  printf("%s: %llu parameters, %llu of them factors of products\n", m->name,
         (unsigned long long)m->parameters, (unsigned long long)factors(m->training));
  print_memory(m, threads);
  printf("a step\n  %-44s %12llu\n", "tokens", (unsigned long long)tokens);
  printf("  %-44s %12.2f GFLOP\n", "6 x factors x tokens", operations / 1e9);
  printf("  %-44s %12.2f s\n", "time, by what plain code does on this machine", operations / rate);
  printf("  %-44s %12.2f h\n", "all steps", operations / rate * (double)o->steps / 3600);
  if (fflush(stdout) == 0)
    return true;
  diag_error(d, "standard output: cannot be written");
  return false;
}

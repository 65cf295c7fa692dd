/* test_streaming_random.c: the streaming machine of random models in Icarus: each number that a unit stores
 * is the interpreter's, with states saved and restored and sequences that end on the way. Models that
 * fixed-point has no rules for, or that the machine refuses, are counted, and so are those with a long step.
 * A failure prints its seed; `test_streaming_random FIRST COUNT` runs those seeds, one alone also if it is
 * long. */
#include "backends/hardware/streaming/printer.h"
#include "driver/simulation.h"
#include "driver/streaming_machine.h"
#include "support/scratch.h"
#include "tests/random/random_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
  STEPS = 3,
  MODELS = 120,
  RARITY = 12, /* at least one model of so many runs */
  MOST_SEQUENCES = 3,
  LONGEST = 2000, /* clocks of a step */
  SAVED = 150     /* words of states: through the registers each takes some hundred clocks */
};
static uint64_t first_seed = 1, models = MODELS;

enum outcome { RAN, REFUSED, TOO_LONG, FAILED };

/* The options go round with the seed, each at its own pace. */
static struct hw_options options_of(uint64_t seed, bool trits) {
  return (struct hw_options){.packing = trits ? STORE_TILE3 : STORE_TILE2,
                             .lanes = (trits ? 20 : 16) << seed / 5 % 2,
                             .vector = 1 << seed % 4,
                             .sequences = 1 + (int)(seed / 2 % MOST_SEQUENCES),
                             .topk = 1 + (int)(seed / 3 % 3)};
}

static bool simulates(struct job *j, const struct hw_design *h, uint64_t seed) {
  uint32_t tokens[STEPS * MOST_SEQUENCES];
  int n = STEPS * h->options.sequences;
  for (int i = 0; i < n; i++)
    tokens[i] = (uint32_t)((seed + 5 * (uint64_t)i) % (uint64_t)h->vocab);
  struct hw_vectors v = {
      .tokens = tokens, .n = n, .generate = 1, .ends = 1 + (int64_t)seed % 3, .units = true};
  struct simulation_request o = {
      .simulator = "icarus", .stalls = seed % 2 ? (int)seed : 0, .save_restore = 1 + (int)(seed / 2 % 3)};
  struct simulation r = {0};
  char *dir = scratch_make(&j->diag, &j->arena);
  bool ok = dir && hw_write(&j->diag, h, dir, TERN_VERILOG, &j->source, &v) &&
            simulation_run(j, h, dir, &v, &o, &r);
  int64_t clocks = r.cycles - r.awaits - r.output;
  if (ok && !o.stalls && clocks != r.steps * h->step_cycles) {
    diag_error(&j->diag, "%lld steps take %lld clocks, the schedule has %lld for each", (long long)r.steps,
               (long long)clocks, (long long)h->step_cycles);
    ok = false;
  }
  scratch_remove(dir);
  return ok;
}

static enum outcome run_model(uint64_t seed) {
  char *text = NULL;
  size_t length;
  struct job j;
  job_start(&j);
  j.diag.out = open_memstream(&text, &length);
  j.module = random_model(&j.arena, &j.diag, seed);
  j.source = random_source();
  j.options.weights = "random";
  struct hw_options o = options_of(seed, j.module->packing == STORE_TILE3);
  struct loops *loops = streaming_loops(&j);
  struct hw_design *h = loops ? hw_plan(&j.arena, &j.diag, loops, &o) : NULL;
  enum outcome how = !h                                       ? REFUSED
                     : models > 1 && h->step_cycles > LONGEST ? TOO_LONG
                     : simulates(&j, h, seed)                 ? RAN
                                                              : FAILED;
  FILE *out = j.diag.out;
  job_end(&j, 0);
  fclose(out);
  if (how == FAILED)
    print_message("seed %llu fails: %s", (unsigned long long)seed, text);
  free(text);
  return how;
}

static void stores_what_the_interpreter_has(void **state) {
  (void)state;
  uint64_t count[FAILED + 1] = {0};
  for (uint64_t seed = first_seed; seed < first_seed + models; seed++)
    count[run_model(seed)]++;
  print_message("%llu random models ran, %llu were refused, %llu take too long, %llu failed\n",
                (unsigned long long)count[RAN], (unsigned long long)count[REFUSED],
                (unsigned long long)count[TOO_LONG], (unsigned long long)count[FAILED]);
  assert_int_equal(count[FAILED], 0);
  assert_true(count[RAN] >= models / RARITY);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(stores_what_the_interpreter_has)};
  if (argc > 1)
    first_seed = strtoull(argv[1], NULL, 10);
  if (argc > 2)
    models = strtoull(argv[2], NULL, 10);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

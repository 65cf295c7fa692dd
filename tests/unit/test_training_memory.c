/* test_training_memory.c: what memory.h says of a training step, against what the process then holds.
 *
 *   test_training_memory                         a small model
 *   test_training_memory FILE.tir TOKENS CHOICE [8bit]   another, for figures: none, codes, elementwise or
 * layer; moments of bfloat16, or of 8 bits with masters of bfloat16 */
#include "driver/engine.h"
#include "passes/training/memory.h"
#include "runtime/core/entries.h"
#include "support/file.h"
#include "tests/random/random_model.h"
#include "tests/unit/ir_file.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct step {
  struct job j;
  struct engine e;
  struct image im;
  uint8_t *weights, *state, *scratch;
  uint64_t scratch_bytes;
  uint32_t tokens;
};

/* Bytes of the process's own that are there: no files, of which the weights image is one. */
static int64_t resident(void) {
  char line[256];
  long long held = 0;
  FILE *f = fopen("/proc/self/status", "r");
  assert_non_null(f);
  while (fgets(line, sizeof line, f) && sscanf(line, "RssAnon: %lld kB", &held) != 1)
    ;
  fclose(f);
  return 1024 * held;
}

/* Pages come when they are first touched. */
static uint8_t *room(uint64_t bytes) {
  void *p = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_ptr_not_equal(p, MAP_FAILED);
  return p;
}

static void call(struct step *s, const char *name, void **ports) {
  const struct tern_entry *entry = entry_find(s->e.model, name);
  uint32_t sizes[MOST_DIMS] = {[-1 - DIM_T] = s->tokens, [-1 - DIM_K] = 1, [-1 - DIM_B] = 1};
  struct tern_args args = {
      .weights = s->weights, .state = s->state, .scratch = s->scratch, .ports = ports, .sizes = sizes};
  assert_non_null(entry);
  entry->run(&args, 0, 1);
}

/* small: moments of 8 bits and masters of bfloat16. */
static void open_step(struct step *s, uint16_t (*source)(struct diag *d, const char *name), const char *name,
                      uint32_t tokens, const char *choice, bool small) {
  struct job *j = &s->j;
  struct pass_options o = {.context = {.chunk = tokens,
                                       .logits = 32,
                                       .moments = small ? STORE_I8 : STORE_BF16,
                                       .masters = small ? STORE_BF16 : STORE_NONE}};
  *s = (struct step){.tokens = tokens};
  job_start(j);
  assert_true(recompute_parse(choice, &o.context.recompute));
  j->source = random_source();
  j->options.cpu = source == ir_file_source ? "x86-64" : NULL; /* which compiles in less time */
  j->module = ir_parse(&j->arena, &j->diag, source(&j->diag, name));
  assert_non_null(j->module);
  assert_true(passes_run(j->module, "training", &o));
  struct loops *loops = loops_lower(&j->arena, j->module, &policy_team);
  assert_non_null(loops);
  assert_true(image_in_memory(j, &s->im) && engine_open(&s->e, j, loops, engine_find("native")));
  for (uint32_t i = 0; i < s->e.model->n_entries; i++) {
    uint64_t bytes = entry_scratch(&s->e.model->entries[i], 1);
    s->scratch_bytes = bytes > s->scratch_bytes ? bytes : s->scratch_bytes;
  }
}

/* A step with random tokens; what memory it took. */
static int64_t take(struct step *s) {
  const struct module *m = s->j.module;
  uint32_t *tokens = calloc(s->tokens, sizeof *tokens);
  float *share = calloc(s->tokens, sizeof *share), loss[1], squares[1];
  float rates[] = {1e-3f, 0.1f, 0.05f, 1e-8f, 0.1f, 10, 20, 1};
  for (uint32_t i = 0; i < s->tokens; i++) {
    tokens[i] = i * 7 % 64;
    share[i] = 1.0f / (float)s->tokens;
  }
  int64_t before = resident();
  s->weights = room((uint64_t)m->weights_bytes);
  s->state = room((uint64_t)m->state_bytes);
  s->scratch = room(s->scratch_bytes);
  memcpy(s->weights, s->im.weights, (size_t)m->weights_bytes);
  call(s, "ternarize", NULL);
  call(s, "train", (void *[]){tokens, tokens, share, loss});
  call(s, "norm", (void *[]){squares});
  const struct tern_entry *update = entry_find(s->e.model, "update");
  uint32_t *seeds = calloc(update->n_ports > 1 ? update->ports[1].elements : 1, sizeof *seeds);
  call(s, "update", (void *[]){rates, seeds});
  assert_true(isfinite(loss[0]));
  int64_t took = resident() - before;
  free(tokens);
  free(share);
  free(seeds);
  return took;
}

static void close_step(struct step *s) {
  munmap(s->weights, (size_t)s->j.module->weights_bytes + 1);
  munmap(s->state, (size_t)s->j.module->state_bytes + 1);
  munmap(s->scratch, s->scratch_bytes + 1);
  engine_close(&s->e);
  image_close(&s->im);
  job_end(&s->j, 0);
}

static bool as_planned(struct step *s) {
  struct training_memory n = training_memory(s->j.module);
  int64_t took = take(s);
  double off = fabs((double)took - (double)n.total) / (double)n.total;
  print_message("planned %" PRId64 " bytes, took %" PRId64 ", off by %.2f %%\n", n.total, took, 100 * off);
  return off < 0.03;
}

static void a_step_takes_what_is_planned(void **state) {
  (void)state;
  static const char *const choices[] = {"none", "codes", "elementwise", "layer"};
  for (int i = 0; i < 5; i++) {
    struct step s;
    open_step(&s, ir_file_source, "mmfree_wide", 64, choices[i % 4], i == 4);
    assert_true(as_planned(&s));
    close_step(&s);
  }
}

static uint16_t from_file(struct diag *d, const char *name) {
  struct arena *a = &(struct arena){0}; /* kept until the process ends */
  size_t length = 0;
  char *text = text_read(d, a, name, 64 << 20, &length);
  assert_non_null(text);
  return diag_add_source(d, name, text, length);
}

int main(int argc, char **argv) {
  if (argc == 4 || argc == 5) {
    struct step s;
    open_step(&s, from_file, argv[1], (uint32_t)atoi(argv[2]), argv[3], argc == 5);
    return as_planned(&s) ? 0 : 1;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_step_takes_what_is_planned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_random.c: native code and generated C against the interpreter on random models, kernel by kernel and
 * whole, in all forms; and on entries of any signature. A failure prints its seed; `test_random FIRST COUNT`
 * runs those seeds and nothing else, `test_random entries` what no seed is for. */
#include "driver/compare.h"
#include "driver/engine.h"
#include "tests/random/apart.h"
#include "tests/random/call.h"
#include "tests/random/entry_calls.h"
#include "tests/random/random_model.h"

#include "ir/interp/interp.h"
#include "runtime/core/batch.h"
#include "runtime/core/entries.h"
#include "runtime/core/session.h"
#include "runtime/core/team.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TOKENS = 7, MODELS = 200 };
static uint64_t first_seed = 1, models = MODELS;

static const uint32_t tokens[TOKENS] = {3, 1, 7, 7, 2, 0, 16};

struct whole { /* logits of all positions, as they come */
  float *logits;
  size_t vocab, n;
};

static bool take_rows(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  struct whole *w = context;
  (void)first, (void)n;
  memcpy(w->logits + w->n * w->vocab, rows, keep * w->vocab * sizeof *rows);
  w->n += keep;
  return true;
}

/* Sequences that step together; each sits out now and then. */
enum { TOGETHER = 6, ROUNDS = 4 };

/* Logits of all positions as the interpreter has them: floats, or int32 in their place. */
struct wanted {
  float *logits, *together; /* of the tokens; [ROUNDS][TOGETHER, vocab] of those that stepped */
  size_t n, vocab;
  bool integers;
  int frac;
};

/* Who steps in a round, and with which token. */
static uint32_t who_steps(uint32_t round, uint32_t *which, uint32_t *ids) {
  uint32_t n = 0;
  for (uint32_t i = TOGETHER; i-- > 0;)
    if ((i + round) % 4) {
      which[n] = i;
      ids[n++] = tokens[(3 * i + round) % TOKENS];
    }
  return n;
}

static bool same_bits(const float *a, const float *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0 && (a[i] == a[i] || b[i] == b[i]))
      return false;
  return true;
}

static bool as_wanted(const struct wanted *w, const float *want, size_t n, const float *got, bool raw) {
  if (!w->integers)
    return same_bits(got, want, n);
  for (size_t i = 0; i < n; i++) {
    int32_t x;
    memcpy(&x, &want[i], sizeof x);
    float real = (float)ldexp(x, -w->frac);
    if (memcmp(&got[i], raw ? (void *)&x : (void *)&real, sizeof x) != 0)
      return false;
  }
  return true;
}

/* The engine behind the runtime's session, with threads, against the interpreter's logits. */
static bool session_agrees(const struct engine *e, const struct image *im, const struct wanted *want,
                           uint32_t chunk, bool raw) {
  struct failure f = {0};
  struct session s;
  if (!session_open(&s, e->model, im, 2, chunk, &f)) {
    print_error("session: %s\n", f.text);
    return false;
  }
  s.raw = raw;
  struct whole got = {.vocab = model_vocab(e->model)};
  got.logits = xmalloc(TOKENS * got.vocab * sizeof *got.logits);
  bool ok = session_run(&s, tokens, TOKENS, true, take_rows, &got, &f) &&
            as_wanted(want, want->logits, want->n, got.logits, raw);
  free(got.logits);
  session_close(&s);
  if (!ok)
    print_error("%s: the logits of a session with 2 threads and chunks of %u differ\n", e->name, chunk);
  return ok;
}

/* The same with sequences that step together, more of them than the model takes at once. */
static bool batch_agrees(const struct engine *e, const struct image *im, const struct wanted *want) {
  struct failure f = {0};
  struct batch b;
  uint32_t which[TOGETHER], ids[TOGETHER];
  if (!batch_open(&b, e->model, im, TOGETHER, 2, &f)) {
    print_error("batch: %s\n", f.text);
    return false;
  }
  float *got = xmalloc(TOGETHER * want->vocab * sizeof *got);
  bool ok = true;
  for (uint32_t round = 0; ok && round < ROUNDS; round++) {
    uint32_t n = who_steps(round, which, ids);
    ok = batch_step(&b, which, ids, n, got, &f) &&
         as_wanted(want, want->together + round * TOGETHER * want->vocab, n * want->vocab, got, false);
  }
  free(got);
  batch_close(&b);
  if (!ok)
    print_error("%s: the logits of sequences that step together differ\n", e->name);
  return ok;
}

struct apart_run {
  const struct engine *e;
  struct tern_args args;
};

static void run_kernel(void *self, const struct kernel *k, uint32_t i, uint32_t j, uint32_t thread) {
  const struct apart_run *r = self;
  r->e->model->kernels[k->number].run(&r->args, i, j, thread, 3);
}

static void run_entry_apart(const struct engine *e, const struct entry *entry, struct tern_args *args,
                            bool forward) {
  struct apart_run r = {e, *args};
  struct apart apart = {.threads = 3, .forward = forward, .self = &r, .run = run_kernel};
  run_apart(&apart, entry);
}

/* A call of n tokens from number `first` on, by three threads that only barriers hold together. */
static bool agrees_apart(const struct engine *e, const struct entry *entry, struct session *s, uint32_t first,
                         uint32_t n, const struct wanted *want) {
  struct tern_args args = {
      .weights = s->weights, .state = s->state, .scratch = s->scratch, .positions = s->positions};
  struct form_call call;
  for (uint32_t i = 0; i < n; i++)
    s->positions[i] = first + i;
  form_call(&call, &args, s->tokens, s->logits, NULL, n, n);
  memcpy(s->tokens, tokens + first, n * sizeof *tokens);
  run_entry_apart(e, entry, &args, first / n % 2);
  return as_wanted(want, want->logits + (size_t)first * want->vocab, n * want->vocab, s->logits, true);
}

static bool barriers_suffice(const struct engine *e, const struct loops *l, const struct image *im,
                             const struct wanted *want) {
  enum { TOGETHER_NOW = 3 };
  struct failure f;
  struct session s;
  if (!session_open(&s, e->model, im, 3, TOGETHER_NOW, &f) ||
      !session_run(&s, tokens, TOGETHER_NOW, true, NULL, NULL, &f))
    return false;
  bool ok = true;
  for (uint32_t n = 1; n <= TOGETHER_NOW; n += TOGETHER_NOW - 1) {
    session_reset(&s);
    for (uint32_t first = 0; ok && first + n <= TOKENS; first += n)
      ok = agrees_apart(e, loops_entry(l, n == 1 ? "step" : "prefill"), &s, first, n, want);
  }
  session_close(&s);
  if (!ok)
    print_error("%s: a barrier is missing\n", e->name);
  return ok;
}

/* A form's kernels on n tokens, `keep` logits; rows: numbers of sequences, or NULL. */
static bool form_agrees(struct comparison *c, struct interp *in, const char *form, const uint32_t *ids,
                        int64_t n, int64_t keep, const uint32_t *rows) {
  int64_t sizes[MOST_DIMS] = {[-1 - DIM_T] = n, [-1 - DIM_K] = keep, [-1 - DIM_B] = n};
  struct interp_arguments given = {(const void *const[]){ids}, sizes, rows, NULL};
  return compare_entry(c, in, loops_entry(c->loops, form), &given);
}

static bool batch_kernels_agree(struct comparison *c, struct interp *in) {
  static const uint32_t which[] = {4, 0, 2, 1, 3};
  c->sequences = 5;
  interp_sequences(in, c->sequences);
  return form_agrees(c, in, "batch", tokens, 4, 4, which) &&
         form_agrees(c, in, "batch", tokens + 2, 4, 4, which + 1) &&
         form_agrees(c, in, "batch", tokens, 1, 1, which);
}

static bool engine_agrees(struct job *j, const struct loops *loops, const struct image *im, const char *kind,
                          const struct wanted *want) {
  struct engine e;
  if (!engine_open(&e, j, loops, engine_find(kind)))
    return false;
  struct comparison c = {.module = j->module,
                         .loops = loops,
                         .source = &j->source,
                         .model = e.model,
                         .engine = kind,
                         .weights = im->weights,
                         .sequences = 1,
                         .threads = 3};
  struct interp *in = interp_new(j->module, &j->source, false);
  bool ok = in != NULL;
  for (int i = 0; ok && i < 3; i++)
    ok = form_agrees(&c, in, "step", tokens + i, 1, 1, NULL);
  ok = ok && form_agrees(&c, in, "prefill", tokens, 5, 2, NULL) &&
       form_agrees(&c, in, "prefill", tokens, 1, 1, NULL);
  ok = ok && batch_kernels_agree(&c, in);
  interp_free(in);
  ok = ok && c.kernels_run > 0 && model_integers(e.model) == want->integers;
  for (uint32_t chunk = 1; ok && chunk <= 4; chunk += 3)
    ok = session_agrees(&e, im, want, chunk, false) &&
         (!want->integers || session_agrees(&e, im, want, chunk, true));
  ok = ok && batch_agrees(&e, im, want) && barriers_suffice(&e, loops, im, want);
  engine_close(&e);
  return ok;
}

/* Sequences one by one, into w->together, then together. */
static bool interpreted_together(struct job *j, struct wanted *w) {
  struct interp *all = interp_new(j->module, &j->source, false), *one[TOGETHER];
  size_t row = w->vocab * sizeof *w->together;
  const struct tensor *t;
  uint32_t which[TOGETHER], ids[TOGETHER];
  w->together = xmalloc(ROUNDS * TOGETHER * row);
  bool ok = true;
  for (int i = 0; i < TOGETHER; i++)
    one[i] = interp_new(j->module, &j->source, false);
  interp_sequences(all, TOGETHER);
  for (uint32_t round = 0; ok && round < ROUNDS; round++) {
    float *logits = w->together + round * TOGETHER * w->vocab;
    uint32_t n = who_steps(round, which, ids);
    for (uint32_t i = 0; ok && i < n; i++) {
      ok = interp_run(one[which[i]], "step", &ids[i], 1, 1, &t);
      if (ok)
        memcpy(logits + i * w->vocab, t->data, row);
    }
    ok = ok && interp_run_batch(all, which, ids, n, &t) &&
         (w->integers ? memcmp(t->data, logits, n * row) == 0 : same_bits(t->f32, logits, n * w->vocab));
  }
  for (int i = 0; i < TOGETHER; i++)
    interp_free(one[i]);
  interp_free(all);
  if (!ok)
    print_error("the interpreter's sequences differ when they step together\n");
  return ok;
}

/* The interpreter's own forms must give the same bits; the one-token logits are what engines are held to.
 */
static bool interpreted(struct job *j, struct wanted *w) {
  struct interp *one = interp_new(j->module, &j->source, false),
                *many = interp_new(j->module, &j->source, false);
  const struct tensor *t;
  size_t vocab = 0;
  bool ok = one && many;
  for (size_t i = 0; ok && i < TOKENS; i++) {
    ok = interp_run(one, "step", tokens + i, 1, 1, &t);
    vocab = ok ? (size_t)t->type.dim[t->type.rank - 1] : 0;
    if (ok && !w->logits)
      *w = (struct wanted){.logits = xmalloc(TOKENS * vocab * sizeof *w->logits),
                           .n = TOKENS * vocab,
                           .vocab = vocab,
                           .integers = t->type.elem == ELEM_I32};
    if (ok)
      memcpy(w->logits + i * vocab, t->data, vocab * sizeof *w->logits);
  }
  ok = ok && interp_run(many, "prefill", tokens, TOKENS, TOKENS, &t) &&
       (w->integers ? memcmp(t->data, w->logits, w->n * sizeof *w->logits) == 0
                    : same_bits(t->f32, w->logits, w->n));
  interp_free(one);
  interp_free(many);
  if (!ok)
    print_error("the interpreter's one-token and many-token forms differ\n");
  return ok && interpreted_together(j, w);
}

static bool model_agrees(uint64_t seed) {
  struct job j;
  job_start(&j);
  j.options.verify = true;
  j.options.batch = 0; /* the module says it */
  j.module = random_model(&j.arena, &j.diag, seed);
  if (seed % 2)
    random_wide_codes(j.module);
  j.source = random_source();
  struct image im = {0};
  struct wanted want = {0};
  bool ok = ir_verify(j.module, NULL) && job_passes(&j, "default");
  struct loops *loops = ok ? loops_lower(&j.arena, j.module, &policy_team) : NULL;
  ok = loops && interpreted(&j, &want) && image_in_memory(&j, &im);
  want.frac = ok ? func_find(j.module, "step")->body->last->in[0]->frac : 0;
  ok = ok && engine_agrees(&j, loops, &im, "native", &want) && engine_agrees(&j, loops, &im, "c", &want);
  if (im.header)
    image_close(&im);
  free(want.logits);
  free(want.together);
  return job_end(&j, ok ? 0 : 1) == 0;
}

static void engines_agree(void **state) {
  (void)state;
  for (uint64_t seed = first_seed; seed < first_seed + models; seed++)
    if (!model_agrees(seed))
      fail_msg("the random model of seed %llu fails: test_random %llu 1", (unsigned long long)seed,
               (unsigned long long)seed);
}

/* ---- entries of any signature ---- */

struct entries_engine {
  struct engine e;
  struct comparison comparison;
};

static bool compare_kernels(void *self, struct interp *in, const struct entry *e,
                            const struct interp_arguments *given) {
  struct entries_engine *x = self;
  return compare_entry(&x->comparison, in, e, given);
}

static void run_with_team(void *self, const struct entry *e, struct tern_args *args, uint32_t threads) {
  const struct entries_engine *x = self;
  struct failure f;
  struct team *team = team_open(threads, &f);
  assert_non_null(team);
  team_run(team, x->e.model->entries[e->number].run, args);
  team_close(team);
}

static void run_apart_forward(void *self, const struct entry *e, struct tern_args *args, uint32_t threads) {
  (void)threads;
  run_entry_apart(self, e, args, true);
}

static void run_apart_backward(void *self, const struct entry *e, struct tern_args *args, uint32_t threads) {
  (void)threads;
  run_entry_apart(self, e, args, false);
}

/* Kernel by kernel, whole on one thread and on three, and on three that only barriers hold together. */
static bool entries_equal_the_interpreter(struct job *j, const struct loops *loops, const struct image *im,
                                          const char *kind) {
  struct entries_engine x;
  if (!engine_open(&x.e, j, loops, engine_find(kind)))
    return false;
  x.comparison = (struct comparison){.module = j->module,
                                     .loops = loops,
                                     .source = &j->source,
                                     .model = x.e.model,
                                     .engine = kind,
                                     .weights = im->weights,
                                     .sequences = ENTRY_SEQUENCES,
                                     .threads = 3};
  struct entries_check c = {.loops = loops,
                            .source = &j->source,
                            .weights = im->weights,
                            .threads = 1,
                            .self = &x,
                            .run = run_with_team,
                            .call = compare_kernels};
  check_entries(&c);
  c.threads = 3;
  check_entries(&c);
  c.call = NULL;
  c.self = &x.e;
  c.run = run_apart_forward;
  check_entries(&c);
  c.run = run_apart_backward;
  check_entries(&c);
  engine_close(&x.e);
  return x.comparison.kernels_run > 0;
}

static void so_do_entries_of_any_signature(void **state) {
  (void)state;
  for (int i = 0; i < ENTRIES_PASSES; i++) {
    struct job j;
    struct image im = {0};
    job_start(&j);
    j.options.verify = true;
    j.module = ir_parse(&j.arena, &j.diag, ir_file_source(&j.diag, "entries"));
    j.source = random_source();
    bool ok = j.module && job_passes(&j, entries_passes[i]);
    struct loops *loops = ok ? loops_lower(&j.arena, j.module, &policy_team) : NULL;
    ok = loops && image_in_memory(&j, &im) && entries_equal_the_interpreter(&j, loops, &im, "native") &&
         entries_equal_the_interpreter(&j, loops, &im, "c");
    if (im.header)
      image_close(&im);
    assert_int_equal(job_end(&j, ok ? 0 : 1), 0);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(so_do_entries_of_any_signature),
                                     cmocka_unit_test(engines_agree)};
  if (argc > 1) {
    first_seed = strtoull(argv[1], NULL, 10);
    cmocka_set_test_filter(strcmp(argv[1], "entries") == 0 ? "so_do_*" : "engines_*");
  }
  if (argc > 2)
    models = strtoull(argv[2], NULL, 10);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

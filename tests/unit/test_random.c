/* test_random.c: native code and generated C against the interpreter on random models, kernel by kernel and
 * whole, in both forms. A failure prints its seed; `test_random FIRST COUNT` runs those seeds. */
#include "driver/compare.h"
#include "driver/engine.h"
#include "tests/random/model.h"

#include "ir/interp.h"
#include "runtime/session.h"
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

/* Logits of all positions as the interpreter has them: floats, or int32 in their place. */
struct wanted {
  float *logits;
  size_t n;
  bool integers;
  int frac;
};

static bool same_bits(const float *a, const float *b, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0 && (a[i] == a[i] || b[i] == b[i]))
      return false;
  return true;
}

static bool as_wanted(const struct wanted *w, const float *got, bool raw) {
  if (!w->integers)
    return same_bits(got, w->logits, w->n);
  for (size_t i = 0; i < w->n; i++) {
    int32_t x;
    memcpy(&x, &w->logits[i], sizeof x);
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
  struct whole got = {.vocab = e->model->vocab};
  got.logits = xmalloc(TOKENS * got.vocab * sizeof *got.logits);
  bool ok = session_run(&s, tokens, TOKENS, true, take_rows, &got, &f) && as_wanted(want, got.logits, raw);
  free(got.logits);
  session_close(&s);
  if (!ok)
    print_error("%s: the logits of a session with 2 threads and chunks of %u differ\n", e->name, chunk);
  return ok;
}

static bool engine_agrees(struct job *j, const struct loops *loops, const struct image *im, const char *kind,
                          const struct wanted *want) {
  struct engine e;
  if (!engine_open(&e, j, loops, kind))
    return false;
  struct comparison c = {.module = j->module,
                         .loops = loops,
                         .source = &j->source,
                         .model = e.model,
                         .engine = kind,
                         .weights = im->weights,
                         .threads = 3};
  struct interp *in = interp_new(j->module, &j->source, false);
  bool ok = in != NULL;
  for (int i = 0; ok && i < 3; i++)
    ok = compare_form(&c, in, "step", tokens + i, 1, 1);
  ok = ok && compare_form(&c, in, "prefill", tokens, 5, 2) && compare_form(&c, in, "prefill", tokens, 1, 1);
  interp_free(in);
  ok = ok && c.kernels_run > 0 && e.model->logits == (want->integers ? TERN_LOGITS_I32 : TERN_LOGITS_F32);
  for (uint32_t chunk = 1; ok && chunk <= 4; chunk += 3)
    ok = session_agrees(&e, im, want, chunk, false) &&
         (!want->integers || session_agrees(&e, im, want, chunk, true));
  engine_close(&e);
  return ok;
}

/* The interpreter's own two forms must give the same bits; the one-token logits are what engines are held to.
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
      *w = (struct wanted){xmalloc(TOKENS * vocab * sizeof *w->logits), TOKENS * vocab,
                           t->type.elem == ELEM_I32, 0};
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
  return ok;
}

static bool model_agrees(uint64_t seed) {
  struct job j;
  job_start(&j);
  j.options.verify = true;
  j.module = random_model(&j.arena, &j.diag, seed);
  j.source = random_source();
  struct image im = {0};
  struct wanted want = {0};
  bool ok = ir_verify(j.module, NULL) && job_passes(&j, pipeline_default);
  struct loops *loops = ok ? loops_lower(&j.arena, j.module) : NULL;
  ok = loops && interpreted(&j, &want) && image_in_memory(&j, &im);
  want.frac = ok ? func_find(j.module, "step")->body->last->in[0]->frac : 0;
  ok = ok && engine_agrees(&j, loops, &im, "native", &want) && engine_agrees(&j, loops, &im, "c", &want);
  if (im.header)
    image_close(&im);
  free(want.logits);
  return job_end(&j, ok ? 0 : 1) == 0;
}

static void engines_agree(void **state) {
  (void)state;
  for (uint64_t seed = first_seed; seed < first_seed + models; seed++)
    if (!model_agrees(seed))
      fail_msg("the random model of seed %llu fails: test_random %llu 1", (unsigned long long)seed,
               (unsigned long long)seed);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(engines_agree)};
  if (argc > 1)
    first_seed = strtoull(argv[1], NULL, 10);
  if (argc > 2)
    models = strtoull(argv[2], NULL, 10);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

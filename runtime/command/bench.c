/* bench.c: times rounds of decoding, of reading a prompt, and of decoding several sequences together.
 *
 * The tokens are pseudo-random ids, so that embeddings are read from all over the table as in real use, and
 * the logits of every decoded token are computed; picking from them is not part of the time. */
#include "runtime/command/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/core/batch.h"
#include "runtime/core/entries.h"
#include "runtime/core/files.h"
#include "runtime/core/interrupt.h"
#include "runtime/core/profile.h"
#include "runtime/core/state.h"
#include "runtime/core/team.h"

enum { ROUNDS_LEAST = 3, ROUNDS_MOST = 7 };
static const double enough_seconds = 4; /* no further round after that */

struct speed {
  double decode, prefill, batch; /* tokens a second */
  uint32_t sequences;            /* of the batch; 0: not measured */
  uint64_t past;                 /* bytes of rows that a decoded token sees, in the middle of a round */
};

/* What a round runs, on ids[n]. */
struct measured {
  struct session *session;
  struct batch *batch;
  const uint32_t *ids;
  uint32_t n;
  uint32_t past; /* tokens that the session had before those that are decoded */
};
/* False after a failure or an interruption. */
typedef bool round_function(const struct measured *m, struct failure *f);

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, by_value);
  return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static bool not_interrupted(void *context, const float *rows, size_t first, uint32_t n, uint32_t keep) {
  (void)context, (void)rows, (void)first, (void)n, (void)keep;
  return !interrupted();
}

/* A round that begins in a text begins there again: rows of what was decoded are written over. */
static bool decode(const struct measured *m, struct failure *f) {
  bool ok = true;
  if (m->past)
    m->session->position = m->past;
  else
    session_reset(m->session);
  for (uint32_t i = 0; ok && i < m->n; i++)
    ok = session_step(m->session, m->ids[i], f) && !interrupted();
  return ok;
}

static bool prefill(const struct measured *m, struct failure *f) {
  session_reset(m->session);
  return session_run(m->session, m->ids, m->n, false, not_interrupted, NULL, f);
}

static bool decode_together(const struct measured *m, struct failure *f) {
  uint32_t sequences = m->batch->sequences;
  bool ok = true;
  for (uint32_t i = 0; m->batch->model->context && i < sequences; i++)
    batch_reset(m->batch, i); /* or it would be full in the end */
  for (uint32_t i = 0; ok && i < m->n; i += sequences)
    ok = batch_step(m->batch, NULL, m->ids + i, sequences, NULL, f) && !interrupted();
  return ok;
}

/* Tokens a second of one round, or 0. */
static double time_round(const struct measured *m, round_function *run, struct failure *f) {
  double start = seconds_now();
  return run(m, f) ? m->n / (seconds_now() - start) : 0;
}

static double measure(const struct measured *m, round_function *run, struct failure *f) {
  double rates[ROUNDS_MOST], start = 0;
  int done = -1; /* the first round warms up */
  while (done < ROUNDS_LEAST || (done < ROUNDS_MOST && seconds_now() - start < enough_seconds)) {
    double rate = time_round(m, run, f);
    if (rate <= 0)
      return 0;
    if (done >= 0)
      rates[done] = rate;
    else
      start = seconds_now();
    done++;
  }
  return median(rates, done);
}

static uint32_t *random_ids(uint32_t n, uint32_t vocab) {
  uint32_t *ids = malloc((size_t)n * sizeof *ids), x = 1;
  for (uint32_t i = 0; ids && i < n; i++) {
    x = x * 1664525u + 1013904223u; /* Numerical Recipes' generator; its high bits are good enough */
    ids[i] = (uint32_t)((uint64_t)x * vocab >> 32);
  }
  return ids;
}

/* The most memory that the process had in use, the mapped weights that it read included. */
static uint64_t peak_bytes(void) {
  uint64_t bytes = proc_bytes("/proc/self/status", "VmHWM");
  struct rusage usage;
  if (bytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
    bytes = (uint64_t)usage.ru_maxrss * 1024;
  return bytes;
}

/* What of the peak was planned when the model was compiled. The rest is code, the C library, and rows of the
 * embedding, whose pages are given back now and then. */
static void print_planned(const struct session *s, uint32_t sequences) {
  const struct tern_model *m = s->model;
  uint32_t threads = team_threads(s->team);
  uint64_t step = entry_scratch(model_step(m), threads), chunk = entry_scratch(model_prefill(m), threads);
  uint64_t scratch = s->chunk > 1 && chunk > step ? chunk : step;
  printf(
      "  planned              %llu bytes of weights without the embedding, %llu scratch, %llu of a state\n",
      (unsigned long long)(m->weights_bytes - m->table_bytes), (unsigned long long)scratch,
      (unsigned long long)state_fixed_bytes(m));
  if (sequences)
    printf("                       %llu scratch and %llu of states for %u sequences together\n",
           (unsigned long long)entry_scratch(model_batch(m), threads),
           (unsigned long long)(state_fixed_bytes(m) * sequences), sequences);
}

/* Rows that the token of that number sees. */
static uint64_t past_bytes(const struct tern_model *m, uint64_t position) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < m->n_pasts; i++) {
    const struct tern_past *p = &m->pasts[i];
    bytes += p->instances * p->row * (position + 1 < p->most ? position + 1 : p->most);
  }
  return bytes;
}

static void print_past(uint64_t weights, const struct speed *v) {
  printf("past read              %llu bytes/token, %.2f GB/s in decode with the weights\n",
         (unsigned long long)v->past, (double)(weights + v->past) * v->decode * 1e-9);
}

static bool print_speed(const struct session *s, struct speed v, bool json, struct failure *f) {
  const struct tern_entry *step = s->step;
  unsigned long long weights = step->weight_bytes, peak = peak_bytes();
  uint32_t threads = team_threads(s->team);
  if (json) {
    printf("{\"decode_tokens_per_s\": %.3f, \"prefill_tokens_per_s\": %.3f, \"batch_tokens_per_s\": %.3f, "
           "\"batch\": %u, \"barriers_per_token\": %u, \"weight_bytes_per_token\": %llu, \"peak_bytes\": "
           "%llu, \"past_bytes_per_token\": %llu, \"threads\": %u",
           v.decode, v.prefill, v.batch, v.sequences, step->barriers, weights, peak,
           (unsigned long long)v.past, threads);
    if (s->profile) {
      printf(", \"profile\": ");
      if (!profile_print(s->profile, stdout, true, f))
        return false;
    }
    printf("}\n");
    return true;
  }
  printf("decode                 %.2f tokens/s\n"
         "prefill                %.2f tokens/s\n",
         v.decode, v.prefill);
  if (v.sequences)
    printf("batch                  %.2f tokens/s, %u sequences together\n", v.batch, v.sequences);
  if (v.past)
    print_past(weights, &v);
  printf("weights read           %llu bytes/token, %.2f GB/s in decode\n"
         "barriers               %u/token\n"
         "peak memory            %llu bytes\n",
         weights, (double)weights * v.decode * 1e-9, step->barriers, peak);
  print_planned(s, v.sequences);
  printf("threads                %u\n", threads);
  return true;
}

/* As many steps as tokens are decoded one by one. */
static bool bench_batch(const struct session *s, const struct image *im, const struct rounds *r,
                        const uint32_t *ids, struct speed *v, struct failure *f) {
  struct batch b;
  if (!v->sequences)
    return true;
  if (!batch_open(&b, s->model, im, v->sequences, team_threads(s->team), f))
    return false;
  b.profile = s->profile;
  struct measured m = {.batch = &b, .ids = ids, .n = r->decode_tokens * v->sequences};
  v->batch = measure(&m, decode_together, f);
  batch_close(&b);
  return v->batch > 0;
}

static uint64_t most_of(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

bool print_bench(struct session *s, const struct image *im, const struct rounds *r, bool json,
                 struct failure *f) {
  struct speed v = {.sequences = r->batch ? r->batch : model_sequences(s->model)};
  uint64_t most = most_of(most_of(r->decode_tokens, most_of(r->prompt_tokens, r->past)),
                          (uint64_t)r->decode_tokens * v.sequences);
  uint32_t *ids = most <= UINT32_MAX ? random_ids((uint32_t)most, s->vocab) : NULL;
  if (!ids)
    return fail_memory(f, most * sizeof *ids, "the tokens of a round");
  struct measured m = {.session = s, .ids = ids, .n = r->decode_tokens, .past = r->past};
  while (im && !image_is_settled(im) && !interrupted())
    usleep(1000);
  if (r->past && !session_run(s, ids, r->past, false, not_interrupted, NULL, f)) {
    free(ids);
    return false;
  }
  v.decode = measure(&m, decode, f);
  v.past = past_bytes(s->model, r->past + r->decode_tokens / 2);
  m.n = r->prompt_tokens;
  v.prefill = v.decode > 0 ? measure(&m, prefill, f) : 0;
  bool ok = v.prefill > 0 && bench_batch(s, im, r, ids, &v, f);
  free(ids);
  if (!ok)
    return false;
  return print_speed(s, v, json, f) && stdout_finish(f);
}

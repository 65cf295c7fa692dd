/* batch.c: steps of several sequences, as many to a call of generated code as it takes. */
#include "runtime/core/batch.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/core/entries.h"
#include "runtime/core/profile.h"
#include "runtime/core/session.h"
#include "runtime/core/state.h"
#include "runtime/core/team.h"

static bool make_memory(struct batch *b, uint32_t threads, struct failure *f) {
  const struct tern_model *m = b->model;
  uint64_t step = entry_scratch(b->step, threads), together = entry_scratch(b->together, threads);
  uint64_t scratch = b->most > 1 && together > step ? together : step;
  uint64_t logits = (uint64_t)b->most * model_vocab(m) * sizeof *b->logits;
  uint64_t states = m->state_bytes > UINT64_MAX / b->sequences ? UINT64_MAX : b->sequences * m->state_bytes;
  b->state = state_new(m, b->sequences);
  b->scratch = aligned_room(scratch);
  b->call = aligned_zeros(3 * ((uint64_t)b->most * sizeof *b->call + TERN_ALIGN));
  b->logits = aligned_zeros(logits);
  b->positions = calloc(b->sequences, sizeof *b->positions);
  b->busy = calloc(b->sequences, sizeof *b->busy);
  return (b->state && b->scratch && b->call && b->logits && b->positions && b->busy) ||
         fail_memory(f, states > UINT64_MAX - scratch - logits ? states : states + scratch + logits,
                     "the sequences of a batch");
}

bool batch_open(struct batch *b, const struct tern_model *m, const struct image *im, uint32_t sequences,
                uint32_t threads, struct failure *f) {
  *b = (struct batch){.model = m,
                      .step = model_step(m),
                      .together = model_batch(m),
                      .weights = im ? im->weights : NULL,
                      .identity = image_identity(im),
                      .mapped = im && im->mapped,
                      .sequences = sequences,
                      .most = model_sequences(m) < sequences ? model_sequences(m) : sequences};
  b->most = b->most ? b->most : 1;
  if (sequences == 0)
    return fail_with(f, "a batch has at least one sequence");
  threads = session_threads(m, threads);
  bool ok = image_fits(im, m, f) && (b->team = team_open(threads, f)) != NULL && make_memory(b, threads, f);
  for (uint32_t i = 0; ok && i < sequences; i++)
    batch_reset(b, i);
  if (!ok)
    batch_close(b);
  return ok;
}

void batch_close(struct batch *b) {
  team_close(b->team);
  if (b->model)
    state_free(b->model, b->state, b->sequences);
  free(b->scratch);
  free(b->call);
  free(b->logits);
  free(b->positions);
  free(b->busy);
  *b = (struct batch){0};
}

bool batch_has(const struct batch *b, uint32_t sequence, struct failure *f) {
  return sequence < b->sequences ||
         fail_with(f, "there is no sequence %u: the batch has %u, from 0 on", sequence, b->sequences);
}

uint8_t *batch_state(const struct batch *b, uint32_t sequence) {
  return b->state + sequence * b->model->state_bytes;
}

void batch_reset(struct batch *b, uint32_t sequence) {
  state_reset(b->model, batch_state(b, sequence));
  b->positions[sequence] = 0;
}

static bool no_number_twice(struct batch *b, const uint32_t *which, uint32_t n, struct failure *f) {
  bool ok = true;
  uint32_t i = 0;
  for (; ok && i < n; i++) {
    ok = batch_has(b, which[i], f) &&
         (!b->busy[which[i]] || fail_with(f, "sequence %u is to step twice at once", which[i]));
    if (ok)
      b->busy[which[i]] = true;
  }
  for (uint32_t k = 0; k < i - !ok; k++)
    b->busy[which[k]] = false;
  return ok;
}

/* Array `number` of b->call: tokens, sequences, positions; each is aligned as the first. */
static uint32_t *call_array(const struct batch *b, uint32_t number) {
  uint32_t line = TERN_ALIGN / sizeof *b->call;
  return b->call + number * ((b->most + line - 1) / line * line);
}

/* One call of generated code; sequences `first` .. when `which` is NULL. */
static void call(struct batch *b, const uint32_t *which, uint32_t first, const uint32_t *tokens, uint32_t n) {
  const struct tern_model *m = b->model;
  uint32_t *rows = call_array(b, 1), *positions = call_array(b, 2);
  for (uint32_t i = 0; i < n; i++) {
    b->call[i] = tokens[i];
    rows[i] = which ? which[i] : first + i;
    positions[i] = (uint32_t)b->positions[rows[i]]++;
  }
  void *ports[] = {b->call, b->logits, rows};
  uint32_t sizes[TERN_MOST_DIMS] = {[TERN_B] = n};
  struct tern_args args = {.weights = b->weights,
                           .state = n == 1 ? batch_state(b, rows[0]) : b->state,
                           .scratch = b->scratch,
                           .ports = ports,
                           .positions = positions,
                           .sizes = sizes};
  profile_run(b->profile, b->team, n == 1 ? b->step : b->together, &args, n);
  logits_to_floats(m, b->logits, n);
  if (b->mapped)
    table_touch(m, b->weights, &b->touched, n);
}

bool batch_step(struct batch *b, const uint32_t *which, const uint32_t *tokens, uint32_t n, float *logits,
                struct failure *f) {
  const struct tern_model *m = b->model;
  size_t vocab = model_vocab(m);
  if (!which && n > b->sequences)
    return fail_with(f, "%u tokens for a batch of %u sequences", n, b->sequences);
  if (!tokens_fit(m, tokens, n, f) || !team_ready(b->team, f) || (which && !no_number_twice(b, which, n, f)))
    return false;
  for (uint32_t i = 0; i < n; i++)
    if (!context_fits(m, m->context, b->positions[which ? which[i] : i], 1, f))
      return false;
  for (uint32_t first = 0; first < n;) {
    uint32_t part = n - first < b->most ? n - first : b->most;
    call(b, which ? which + first : NULL, first, tokens + first, part);
    if (logits)
      memcpy(logits + first * vocab, b->logits, part * vocab * sizeof *logits);
    first += part;
  }
  return true;
}

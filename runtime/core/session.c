/* session.c: runs tokens through the forms of a model, a chunk at a time. */
#include "runtime/core/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/core/entries.h"
#include "runtime/core/profile.h"
#include "runtime/core/state.h"
#include "runtime/core/team.h"

bool image_fits(const struct image *im, const struct tern_model *m, struct failure *f) {
  if (!language_fits(m, f))
    return false;
  if (m->weights_bytes == 0)
    return true;
  if (!im)
    return fail_with(f, "model %s needs its weights, and there are none", m->name);
  if (im->header->layout != m->layout || im->header->weights_bytes != m->weights_bytes)
    return fail_with(
        f,
        "the weights do not belong to model %s (layout %016llx of %llu bytes, expected %016llx of %llu); "
        "pack them again with the ternc and the options that compiled it",
        m->name, (unsigned long long)im->header->layout, (unsigned long long)im->header->weights_bytes,
        (unsigned long long)m->layout, (unsigned long long)m->weights_bytes);
  return true;
}

/* A thread more pays when its share of a token's weights takes longer to read than the barriers of a token.
 */
enum { BYTES_A_THREAD = 4 << 20 };

uint32_t session_threads(const struct tern_model *m, uint32_t asked) {
  uint64_t busy = 1 + (model_step(m) ? model_step(m)->weight_bytes : 0) / BYTES_A_THREAD;
  uint32_t processors = team_processors();
  return asked ? asked : m->threads ? m->threads : busy < processors ? (uint32_t)busy : processors;
}

static bool chunk_fits(const struct tern_model *m, uint32_t chunk, struct failure *f) {
  uint32_t most = model_chunk(m) ? model_chunk(m) : 1;
  return chunk <= most ||
         fail_with(f,
                   "a chunk of %u tokens: model %s takes at most %u; ask for fewer, or compile it for more",
                   chunk, m->name, most);
}

bool session_open(struct session *s, const struct tern_model *m, const struct image *im, uint32_t threads,
                  uint32_t chunk, struct failure *f) {
  *s = (struct session){.model = m,
                        .weights = im ? im->weights : NULL,
                        .identity = image_identity(im),
                        .mapped = im && im->mapped};
  if (!image_fits(im, m, f) || !chunk_fits(m, chunk, f))
    return false;
  s->step = model_step(m);
  s->prefill = model_prefill(m);
  s->chunk = chunk ? chunk : model_chunk(m) ? model_chunk(m) : 1;
  s->vocab = model_vocab(m);
  threads = session_threads(m, threads);
  s->team = team_open(threads, f);
  if (!s->team)
    return false;
  uint64_t scratch = entry_scratch(s->step, threads);
  if (s->chunk > 1 && entry_scratch(s->prefill, threads) > scratch)
    scratch = entry_scratch(s->prefill, threads);
  s->context = m->context;
  s->state = state_new(m, 1);
  s->scratch = aligned_room(scratch);
  s->tokens = aligned_zeros((uint64_t)s->chunk * sizeof *s->tokens);
  s->positions = aligned_zeros((uint64_t)s->chunk * sizeof *s->positions);
  bool ok = s->state && s->scratch && s->tokens && s->positions;
  if (!ok)
    fail_memory(f, m->state_bytes + scratch, "a sequence of this model");
  if (ok)
    session_reset(s);
  else
    session_close(s);
  return ok;
}

bool session_limit(struct session *s, uint64_t context, struct failure *f) {
  const struct tern_model *m = s->model;
  s->context = context && m->context ? context : m->context;
  if (context <= m->context)
    return true;
  if (!m->context)
    return fail_with(
        f, "model %s keeps a state of one size for any number of tokens: it has no context to choose",
        m->name);
  return fail_with(f, "a context of %llu tokens: model %s was compiled for at most %llu",
                   (unsigned long long)context, m->name, (unsigned long long)m->context);
}

void session_close(struct session *s) {
  team_close(s->team);
  if (s->model)
    state_free(s->model, s->state, 1);
  free(s->scratch);
  free(s->tokens);
  free(s->positions);
  free(s->logits);
  *s = (struct session){0};
}

void session_reset(struct session *s) {
  state_reset(s->model, s->state);
  s->position = 0;
}

static bool make_rows(struct session *s, uint32_t rows, struct failure *f) {
  if (rows <= s->rows)
    return true;
  uint64_t bytes = (uint64_t)rows * s->vocab * sizeof(float);
  float *grown = aligned_zeros(bytes);
  if (!grown)
    return fail_memory(f, bytes, "the logits of one chunk");
  free(s->logits);
  s->logits = grown;
  s->rows = rows;
  return true;
}

bool tokens_fit(const struct tern_model *m, const uint32_t *tokens, size_t n, struct failure *f) {
  uint32_t vocab = model_vocab(m);
  for (size_t i = 0; i < n; i++)
    if (tokens[i] >= vocab)
      return fail_with(f, "token %zu is %u, but model %s knows ids from 0 to %u", i, tokens[i], m->name,
                       vocab - 1);
  return true;
}

enum { SMALLEST_TABLE = 8 << 20, TOUCHED_TOKENS = 8 };

/* They stay in the system's file cache, but a long text does not make the whole table resident. */
static void release_table(const struct tern_model *m, const uint8_t *weights) {
  uintptr_t page = 4096, first = (uintptr_t)weights + m->table_at, last = first + m->table_bytes;
  first = (first + page - 1) / page * page;
  last = last / page * page;
  if (m->table_bytes >= SMALLEST_TABLE && last > first)
    madvise((void *)first, last - first, MADV_DONTNEED);
}

void table_touch(const struct tern_model *m, const uint8_t *weights, uint32_t *touched, uint32_t n) {
  *touched += n;
  if (*touched < TOUCHED_TOKENS)
    return;
  release_table(m, weights);
  *touched = 0;
}

void logits_to_floats(const struct tern_model *m, float *logits, size_t rows) {
  double unit = ldexp(1, -model_logits(m)->frac);
  size_t n = model_integers(m) ? rows * model_vocab(m) : 0;
  for (size_t i = 0; i < n; i++) {
    int32_t x;
    memcpy(&x, &logits[i], sizeof x);
    logits[i] = (float)(x * unit);
  }
}

/* One call of generated code: n <= chunk tokens. */
static void call(struct session *s, const uint32_t *tokens, uint32_t n, uint32_t keep) {
  memcpy(s->tokens, tokens, n * sizeof *tokens);
  for (uint32_t i = 0; i < n; i++)
    s->positions[i] = (uint32_t)(s->position + i);
  void *ports[] = {s->tokens, s->logits};
  uint32_t sizes[TERN_MOST_DIMS] = {[TERN_T] = n, [TERN_K] = keep};
  struct tern_args args = {.weights = s->weights,
                           .state = s->state,
                           .scratch = s->scratch,
                           .ports = ports,
                           .positions = s->positions,
                           .sizes = sizes};
  profile_run(s->profile, s->team, n == 1 ? s->step : s->prefill, &args, n);
  if (!s->raw)
    logits_to_floats(s->model, s->logits, keep);
  s->position += n;
  if (s->mapped)
    table_touch(s->model, s->weights, &s->touched, n);
}

bool session_run(struct session *s, const uint32_t *tokens, size_t n, bool all, session_visit *visit,
                 void *context, struct failure *f) {
  uint32_t most = n < s->chunk ? (uint32_t)n : s->chunk;
  if (!tokens_fit(s->model, tokens, n, f) || !context_fits(s->model, s->context, s->position, n, f) ||
      !team_ready(s->team, f) || !make_rows(s, all && most ? most : 1, f))
    return false;
  for (size_t first = 0; first < n;) {
    uint32_t part = n - first < s->chunk ? (uint32_t)(n - first) : s->chunk;
    uint32_t keep = all ? part : first + part == n;
    call(s, tokens + first, part, keep);
    if (visit && !visit(context, s->logits, first, part, keep))
      return false;
    first += part;
  }
  return true;
}

bool session_step(struct session *s, uint32_t token, struct failure *f) {
  return session_run(s, &token, 1, false, NULL, NULL, f);
}

size_t session_saved_bytes(const struct session *s) {
  return state_saved_bytes(s->model, s->position);
}

void session_save(const struct session *s, void *bytes) {
  state_save(s->model, s->identity, s->state, s->position, bytes);
}

bool session_restore(struct session *s, const void *bytes, size_t n, struct failure *f) {
  return state_restore(s->model, s->identity, s->state, &s->position, bytes, n, f);
}

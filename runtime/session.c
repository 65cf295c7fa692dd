/* session.c: runs tokens through the forms of a model, a chunk at a time, and saves and restores its state.
 */
#include "session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "team.h"

#define SAVED_MAGIC "TERNSTA1"

struct saved_header {
  char magic[8];
  uint64_t shape; /* state_shape() */
  uint64_t state_bytes, position;
};

bool image_fits(const struct image *im, const struct tern_model *m, struct failure *f) {
  if (m->abi != TERN_ABI)
    return fail_with(f, "model %s was compiled for version %u of the runtime, this is %d; compile it again",
                     m->name, m->abi, TERN_ABI);
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

static uint32_t threads_of(const struct tern_model *m, uint32_t asked) {
  uint64_t busy = 1 + m->weight_bytes_per_token / BYTES_A_THREAD;
  uint32_t processors = team_processors();
  return asked ? asked : m->threads ? m->threads : busy < processors ? (uint32_t)busy : processors;
}

static bool chunk_fits(const struct tern_model *m, uint32_t chunk, struct failure *f) {
  uint32_t most = m->chunk ? m->chunk : 1;
  return chunk <= most ||
         fail_with(f,
                   "a chunk of %u tokens: model %s takes at most %u; ask for fewer, or compile it for more",
                   chunk, m->name, most);
}

bool session_open(struct session *s, const struct tern_model *m, const struct image *im, uint32_t threads,
                  uint32_t chunk, struct failure *f) {
  *s = (struct session){.model = m, .weights = im ? im->weights : NULL, .mapped = im && im->mapped};
  if (!image_fits(im, m, f) || !chunk_fits(m, chunk, f))
    return false;
  s->chunk = chunk ? chunk : m->chunk ? m->chunk : 1;
  uint64_t scratch = m->step_scratch;
  if (s->chunk > 1 && m->prefill_scratch > scratch)
    scratch = m->prefill_scratch;
  s->state = aligned_zeros(m->state_bytes);
  s->scratch = aligned_room(scratch);
  s->tokens = aligned_zeros((uint64_t)s->chunk * sizeof *s->tokens);
  bool ok = s->state && s->scratch && s->tokens;
  if (!ok)
    fail_memory(f, m->state_bytes + scratch, "a sequence of this model");
  ok = ok && (s->team = team_open(threads_of(m, threads), f)) != NULL;
  if (ok)
    session_reset(s);
  else
    session_close(s);
  return ok;
}

void session_close(struct session *s) {
  team_close(s->team);
  free(s->state);
  free(s->scratch);
  free(s->tokens);
  free(s->logits);
  *s = (struct session){0};
}

void state_fill(uint8_t *state, const struct tern_fill *fill) {
  uint8_t byte = (uint8_t)fill->bits;
  uint16_t half = (uint16_t)fill->bits;
  const void *element = fill->size == 1   ? (void *)&byte
                        : fill->size == 2 ? (void *)&half
                                          : (void *)&fill->bits;
  for (uint64_t i = 0; i < fill->count; i++)
    memcpy(state + fill->at + i * fill->size, element, fill->size);
}

void session_reset(struct session *s) {
  const struct tern_model *m = s->model;
  memset(s->state, 0, m->state_bytes);
  for (uint32_t i = 0; i < m->n_fills; i++)
    state_fill(s->state, &m->fills[i]);
  s->position = 0;
}

static bool make_rows(struct session *s, uint32_t rows, struct failure *f) {
  if (rows <= s->rows)
    return true;
  uint64_t bytes = (uint64_t)rows * s->model->vocab * sizeof(float);
  float *grown = aligned_zeros(bytes);
  if (!grown)
    return fail_memory(f, bytes, "the logits of one chunk");
  free(s->logits);
  s->logits = grown;
  s->rows = rows;
  return true;
}

static bool tokens_fit(const struct session *s, const uint32_t *tokens, size_t n, struct failure *f) {
  for (size_t i = 0; i < n; i++)
    if (tokens[i] >= s->model->vocab)
      return fail_with(f, "token %zu is %u, but model %s knows ids from 0 to %u", i, tokens[i],
                       s->model->name, s->model->vocab - 1);
  return true;
}

enum { SMALLEST_TABLE = 8 << 20, TOUCHED_TOKENS = 8 };

/* Gives the pages of the embedding back that the last tokens touched: they stay in the system's file cache,
 * but a long text does not make the whole table resident. */
static void release_table(struct session *s) {
  uintptr_t page = 4096, first = (uintptr_t)s->weights + s->model->table_at,
            last = first + s->model->table_bytes;
  first = (first + page - 1) / page * page;
  last = last / page * page;
  if (s->mapped && s->model->table_bytes >= SMALLEST_TABLE && last > first)
    madvise((void *)first, last - first, MADV_DONTNEED);
  s->touched = 0;
}

/* Integer logits x become the floats x * 2^-logits_frac, in place. */
static void to_floats(float *logits, size_t n, int32_t frac) {
  double unit = ldexp(1, -frac);
  for (size_t i = 0; i < n; i++) {
    int32_t x;
    memcpy(&x, &logits[i], sizeof x);
    logits[i] = (float)(x * unit);
  }
}

/* One call of generated code: n <= chunk tokens. */
static void call(struct session *s, const uint32_t *tokens, uint32_t n, uint32_t keep) {
  memcpy(s->tokens, tokens, n * sizeof *tokens);
  struct tern_args args = {
      .weights = s->weights,
      .state = s->state,
      .scratch = s->scratch,
      .tokens = s->tokens,
      .logits = s->logits,
      .n = n,
      .keep = keep,
  };
  team_run(s->team, n == 1 ? s->model->step : s->model->prefill, &args);
  if (s->model->logits == TERN_LOGITS_I32 && !s->raw)
    to_floats(s->logits, (size_t)keep * s->model->vocab, s->model->logits_frac);
  s->position += n;
  s->touched += n;
  if (s->touched >= TOUCHED_TOKENS)
    release_table(s);
}

bool session_run(struct session *s, const uint32_t *tokens, size_t n, bool all, session_visit *visit,
                 void *context, struct failure *f) {
  uint32_t most = n < s->chunk ? (uint32_t)n : s->chunk;
  if (!tokens_fit(s, tokens, n, f) || !make_rows(s, all && most ? most : 1, f))
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

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n) {
  for (const uint8_t *p = bytes, *end = p + n; p < end; p++)
    h = (h ^ *p) * 0x100000001b3u; /* FNV-1a */
  return h;
}

/* Two models with the same weights may still arrange their states differently, so the name, the dimensions
 * and the initial values count too. */
static uint64_t state_shape(const struct tern_model *m) {
  uint64_t h = hash_bytes(0xcbf29ce484222325u, &m->layout, sizeof m->layout);
  h = hash_bytes(h, m->name, strlen(m->name) + 1);
  h = hash_bytes(h, m->dims, strlen(m->dims) + 1);
  for (uint32_t i = 0; i < m->n_fills; i++) {
    h = hash_bytes(h, &m->fills[i].at, sizeof m->fills[i].at);
    h = hash_bytes(h, &m->fills[i].count, sizeof m->fills[i].count);
  }
  return h;
}

size_t session_saved_bytes(const struct session *s) {
  return sizeof(struct saved_header) + s->model->state_bytes;
}

void session_save(const struct session *s, void *bytes) {
  struct saved_header h = {
      .shape = state_shape(s->model), .state_bytes = s->model->state_bytes, .position = s->position};
  memcpy(h.magic, SAVED_MAGIC, sizeof h.magic);
  memcpy(bytes, &h, sizeof h);
  memcpy((uint8_t *)bytes + sizeof h, s->state, s->model->state_bytes);
}

bool session_restore(struct session *s, const void *bytes, size_t n, struct failure *f) {
  struct saved_header h;
  if (n < sizeof h)
    return fail_with(f, "%zu bytes are no saved state: one of model %s has %zu", n, s->model->name,
                     session_saved_bytes(s));
  memcpy(&h, bytes, sizeof h);
  if (memcmp(h.magic, SAVED_MAGIC, sizeof h.magic) != 0)
    return fail_with(f, "this is no saved state: it does not begin with " SAVED_MAGIC);
  if (h.shape != state_shape(s->model) || h.state_bytes != s->model->state_bytes)
    return fail_with(f,
                     "the saved state is of another model than %s; restore it with the program that saved it",
                     s->model->name);
  if (n != session_saved_bytes(s))
    return fail_with(f, "the saved state is damaged: %zu bytes, expected %zu; save it again", n,
                     session_saved_bytes(s));
  memcpy(s->state, (const uint8_t *)bytes + sizeof h, s->model->state_bytes);
  s->position = h.position;
  return true;
}

/* state.c: a sequence's first state, and saved ones. */
#include "runtime/core/state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/core/checksum.h"

#define SAVED_MAGIC "TERNSTA2" /* the last letter counts versions of the format */

struct saved_header {
  char magic[8];
  uint64_t shape;   /* of the model: tern_model.state_shape */
  uint64_t weights; /* image_header.parts_sum; 0 for a model without weights */
  uint64_t state_bytes, position;
  uint64_t sum; /* checksum of the state */
};

void state_fill(uint8_t *state, const struct tern_fill *fill) {
  uint8_t byte = (uint8_t)fill->bits;
  uint16_t half = (uint16_t)fill->bits;
  const void *element = fill->size == 1   ? (void *)&byte
                        : fill->size == 2 ? (void *)&half
                                          : (void *)&fill->bits;
  for (uint64_t i = 0; i < fill->count; i++)
    memcpy(state + fill->at + i * fill->size, element, fill->size);
}

/* What a token changes as a whole, and what is not of pasts. */
static uint64_t fixed_bytes(const struct tern_model *m) {
  return m->state_bytes - m->past_bytes;
}

uint8_t *state_new(const struct tern_model *m, uint64_t sequences) {
  if (sequences && m->state_bytes > (SIZE_MAX - TERN_ALIGN) / sequences)
    return NULL;
  if (!m->past_bytes)
    return aligned_zeros(sequences * m->state_bytes);
  void *p = mmap(NULL, sequences * m->state_bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

void state_free(const struct tern_model *m, uint8_t *states, uint64_t sequences) {
  if (states && m->past_bytes)
    munmap(states, sequences * m->state_bytes);
  else
    free(states);
}

bool context_fits(const struct tern_model *m, uint64_t context, uint64_t position, uint64_t n,
                  struct failure *f) {
  if (context == 0 || (position <= context && n <= context - position))
    return true;
  return fail_with(
      f,
      "%llu tokens are too many for a context of %llu, of which %llu are taken; ask for a longer "
      "one, up to the %llu that model %s was compiled for, or begin anew",
      (unsigned long long)n, (unsigned long long)context, (unsigned long long)position,
      (unsigned long long)m->context, m->name);
}

void state_reset(const struct tern_model *m, uint8_t *state) {
  memset(state, 0, fixed_bytes(m));
  for (uint32_t i = 0; i < m->n_fills; i++)
    state_fill(state, &m->fills[i]);
}

/* ---- rows of pasts ----------------------------------------------------------------------------- */

static uint64_t rows_seen(const struct tern_past *p, uint64_t position) {
  return position < p->most ? position : p->most;
}

static uint64_t row_at(const struct tern_past *p, uint64_t instance, uint64_t row) {
  return p->at + instance * p->stride + row * p->row;
}

/* Between the state and `bytes`, which have the rows one after another, the oldest first. */
static void save_rows(const struct tern_past *p, const uint8_t *state, uint64_t position, uint8_t *bytes) {
  uint64_t n = rows_seen(p, position);
  for (uint64_t i = 0; i < p->instances * n; i++) {
    uint64_t number = position - n + i % n, row = p->ring ? number % p->ring : number;
    memcpy(bytes + i * p->row, state + row_at(p, i / n, row), p->row);
  }
}

static void restore_rows(const struct tern_past *p, uint8_t *state, uint64_t position, const uint8_t *bytes) {
  uint64_t n = rows_seen(p, position);
  for (uint64_t i = 0; i < p->instances * n; i++) {
    uint64_t number = position - n + i % n, row = p->ring ? number % p->ring : number;
    memcpy(state + row_at(p, i / n, row), bytes + i * p->row, p->row);
    if (p->ring)
      memcpy(state + row_at(p, i / n, row + p->ring), bytes + i * p->row, p->row);
  }
}

uint64_t state_token_bytes(const struct tern_model *m) {
  uint64_t bytes = 0;
  for (uint32_t i = 0; i < m->n_pasts; i++)
    bytes += m->pasts[i].ring ? 0 : m->pasts[i].instances * m->pasts[i].row;
  return bytes;
}

uint64_t state_fixed_bytes(const struct tern_model *m) {
  uint64_t bytes = fixed_bytes(m);
  for (uint32_t i = 0; i < m->n_pasts; i++)
    bytes += m->pasts[i].instances * m->pasts[i].row * 2 * m->pasts[i].ring;
  return bytes;
}

/* ---- saving -------------------------------------------------------------------------------------- */

/* Of a state: what is always there, then the rows that the next token sees. */
static uint64_t content_bytes(const struct tern_model *m, uint64_t position) {
  uint64_t bytes = fixed_bytes(m);
  for (uint32_t i = 0; i < m->n_pasts; i++)
    bytes += m->pasts[i].instances * rows_seen(&m->pasts[i], position) * m->pasts[i].row;
  return bytes;
}

size_t state_saved_bytes(const struct tern_model *m, uint64_t position) {
  return sizeof(struct saved_header) + content_bytes(m, position);
}

void state_save(const struct tern_model *m, uint64_t weights, const uint8_t *state, uint64_t position,
                void *bytes) {
  struct saved_header h = {
      .shape = m->state_shape, .weights = weights, .state_bytes = m->state_bytes, .position = position};
  uint8_t *content = (uint8_t *)bytes + sizeof h, *to = content + fixed_bytes(m);
  memcpy(h.magic, SAVED_MAGIC, sizeof h.magic);
  memcpy(content, state, fixed_bytes(m));
  for (uint32_t i = 0; i < m->n_pasts; i++) {
    save_rows(&m->pasts[i], state, position, to);
    to += m->pasts[i].instances * rows_seen(&m->pasts[i], position) * m->pasts[i].row;
  }
  h.sum = checksum(content, (size_t)content_bytes(m, position));
  memcpy(bytes, &h, sizeof h);
}

static bool check_magic(const char *magic, struct failure *f) {
  if (memcmp(magic, SAVED_MAGIC, sizeof((struct saved_header *)0)->magic) == 0)
    return true;
  if (memcmp(magic, SAVED_MAGIC, sizeof((struct saved_header *)0)->magic - 1) == 0)
    return fail_with(f, "the saved state is of another version of ternc; save it again with this one");
  return fail_with(f, "this is no saved state: it does not begin with " SAVED_MAGIC);
}

bool state_restore(const struct tern_model *m, uint64_t weights, uint8_t *state, uint64_t *position,
                   const void *bytes, size_t n, struct failure *f) {
  struct saved_header h = {0};
  memcpy(&h, bytes, n < sizeof h ? n : sizeof h);
  if (n < sizeof h.magic)
    return fail_with(f, "%zu bytes are no saved state: one of model %s has at least %zu", n, m->name,
                     state_saved_bytes(m, 0));
  if (!check_magic(h.magic, f))
    return false;
  if (n >= sizeof h && (h.shape != m->state_shape || h.state_bytes != m->state_bytes))
    return fail_with(
        f, "the saved state is of another model than %s; restore it with the program that saved it", m->name);
  if (n >= sizeof h && h.weights != weights)
    return fail_with(
        f, "the saved state is of model %s with other weights; restore it with those it was saved with",
        m->name);
  if (n >= sizeof h && m->context && h.position > m->context)
    return fail_with(f, "the saved state is damaged: %llu tokens in a context of %llu; save it again",
                     (unsigned long long)h.position, (unsigned long long)m->context);
  size_t least = state_saved_bytes(m, h.position);
  if (n < least || (n > least && !m->n_pasts)) /* of histories there may be room for more */
    return fail_with(f, "the saved state is damaged: %zu bytes, expected %zu; save it again", n,
                     state_saved_bytes(m, h.position));
  const uint8_t *content = (const uint8_t *)bytes + sizeof h, *from = content + fixed_bytes(m);
  if (checksum(content, (size_t)content_bytes(m, h.position)) != h.sum)
    return fail_with(f, "the saved state is damaged: it does not have its checksum; save it again");
  memcpy(state, content, fixed_bytes(m));
  for (uint32_t i = 0; i < m->n_pasts; i++) {
    restore_rows(&m->pasts[i], state, h.position, from);
    from += m->pasts[i].instances * rows_seen(&m->pasts[i], h.position) * m->pasts[i].row;
  }
  *position = h.position;
  return true;
}

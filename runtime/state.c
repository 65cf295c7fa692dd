/* state.c: a sequence's first state, and saved ones. */
#include "state.h"

#include <string.h>

#define SAVED_MAGIC "TERNSTA1"

struct saved_header {
  char magic[8];
  uint64_t shape; /* state_shape() */
  uint64_t state_bytes, position;
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

void state_reset(const struct tern_model *m, uint8_t *state) {
  memset(state, 0, m->state_bytes);
  for (uint32_t i = 0; i < m->n_fills; i++)
    state_fill(state, &m->fills[i]);
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

size_t state_saved_bytes(const struct tern_model *m) {
  return sizeof(struct saved_header) + m->state_bytes;
}

void state_save(const struct tern_model *m, const uint8_t *state, uint64_t position, void *bytes) {
  struct saved_header h = {.shape = state_shape(m), .state_bytes = m->state_bytes, .position = position};
  memcpy(h.magic, SAVED_MAGIC, sizeof h.magic);
  memcpy(bytes, &h, sizeof h);
  memcpy((uint8_t *)bytes + sizeof h, state, m->state_bytes);
}

bool state_restore(const struct tern_model *m, uint8_t *state, uint64_t *position, const void *bytes,
                   size_t n, struct failure *f) {
  struct saved_header h;
  if (n < sizeof h)
    return fail_with(f, "%zu bytes are no saved state: one of model %s has %zu", n, m->name,
                     state_saved_bytes(m));
  memcpy(&h, bytes, sizeof h);
  if (memcmp(h.magic, SAVED_MAGIC, sizeof h.magic) != 0)
    return fail_with(f, "this is no saved state: it does not begin with " SAVED_MAGIC);
  if (h.shape != state_shape(m) || h.state_bytes != m->state_bytes)
    return fail_with(
        f, "the saved state is of another model than %s; restore it with the program that saved it", m->name);
  if (n != state_saved_bytes(m))
    return fail_with(f, "the saved state is damaged: %zu bytes, expected %zu; save it again", n,
                     state_saved_bytes(m));
  memcpy(state, (const uint8_t *)bytes + sizeof h, m->state_bytes);
  *position = h.position;
  return true;
}

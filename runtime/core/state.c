/* state.c: a sequence's first state, and saved ones. */
#include "runtime/core/state.h"

#include <string.h>

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

void state_reset(const struct tern_model *m, uint8_t *state) {
  memset(state, 0, m->state_bytes);
  for (uint32_t i = 0; i < m->n_fills; i++)
    state_fill(state, &m->fills[i]);
}

size_t state_saved_bytes(const struct tern_model *m) {
  return sizeof(struct saved_header) + m->state_bytes;
}

void state_save(const struct tern_model *m, uint64_t weights, const uint8_t *state, uint64_t position,
                void *bytes) {
  struct saved_header h = {
      .shape = m->state_shape, .weights = weights, .state_bytes = m->state_bytes, .position = position};
  memcpy(h.magic, SAVED_MAGIC, sizeof h.magic);
  h.sum = checksum(state, m->state_bytes);
  memcpy(bytes, &h, sizeof h);
  memcpy((uint8_t *)bytes + sizeof h, state, m->state_bytes);
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
    return fail_with(f, "%zu bytes are no saved state: one of model %s has %zu", n, m->name,
                     state_saved_bytes(m));
  if (!check_magic(h.magic, f))
    return false;
  if (n >= sizeof h && (h.shape != m->state_shape || h.state_bytes != m->state_bytes))
    return fail_with(
        f, "the saved state is of another model than %s; restore it with the program that saved it", m->name);
  if (n >= sizeof h && h.weights != weights)
    return fail_with(
        f, "the saved state is of model %s with other weights; restore it with those it was saved with",
        m->name);
  if (n != state_saved_bytes(m))
    return fail_with(f, "the saved state is damaged: %zu bytes, expected %zu; save it again", n,
                     state_saved_bytes(m));
  if (checksum((const uint8_t *)bytes + sizeof h, m->state_bytes) != h.sum)
    return fail_with(f, "the saved state is damaged: it does not have its checksum; save it again");
  memcpy(state, (const uint8_t *)bytes + sizeof h, m->state_bytes);
  *position = h.position;
  return true;
}

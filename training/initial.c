/* initial.c: fills a learner's weights. */
#include "training/initial.h"

#include <string.h>

#include "frontend/checkpoint/random_values.h"
#include "support/holes.h"

const char *tensor_name(struct arena *a, const struct tern_tensor *t, uint64_t instance) {
  const int64_t index[] = {(int64_t)(instance / t->inner), (int64_t)(instance % t->inner)};
  return holes_filled(a, t->name, 2, index);
}

/* ---- random ------------------------------------------------------------------------------------------ */

static float number_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

_Static_assert((int)TENSOR_PIECE == RANDOM_BLOCK, "a tensor is filled block by block");

static void fill(struct learner *l, const struct tern_tensor *t, uint64_t instance, uint64_t seed,
                 uint64_t number) {
  float mean = number_of(t->mean_bits), deviation = number_of(t->deviation_bits), numbers[TENSOR_PIECE];
  for (uint64_t i = 0, n; i < tensor_elements(t); i += n) {
    n = tensor_piece(t, i);
    if (deviation > 0)
      random_values(seed, number, i / TENSOR_PIECE, (int64_t)n, mean, deviation, numbers);
    for (uint64_t k = 0; deviation <= 0 && k < n; k++)
      numbers[k] = mean;
    learner_write(l, t, instance, i, n, numbers);
  }
}

void initial_random(struct learner *l, uint64_t seed) {
  uint64_t number = 0;
  for (uint32_t i = 0; i < l->about->n_tensors; i++) {
    const struct tern_tensor *t = &l->about->tensors[i];
    for (uint64_t k = 0; k < tensor_instances(t); k++)
      fill(l, t, k, seed, number++);
  }
  learner_ternarize(l);
}

/* ---- a checkpoint ------------------------------------------------------------------------------------ */

struct wanted_tensor tensor_wanted(const struct tern_tensor *t, const char *name) {
  const uint64_t dims[] = {t->dim0, t->dim1, t->dim2, t->dim3, t->dim4};
  struct wanted_tensor w = {.name = name, .rank = (int)t->rank};
  for (uint32_t i = 0; i < t->rank; i++)
    w.shape[i] = (int64_t)dims[i];
  return w;
}

/* Every tensor is there and has its shape. */
static bool is_there(const struct learner *l, struct arena *a, struct checkpoint *c) {
  VEC(struct wanted_tensor) wanted = {0};
  for (uint32_t i = 0; i < l->about->n_tensors; i++) {
    const struct tern_tensor *t = &l->about->tensors[i];
    for (uint64_t k = 0; k < tensor_instances(t); k++)
      vec_push(a, wanted, tensor_wanted(t, tensor_name(a, t, k)));
  }
  return checkpoint_check(c, wanted.at, wanted.n, true);
}

static bool read_tensor(struct learner *l, struct checkpoint *c, const char *name,
                        const struct tern_tensor *t, uint64_t instance) {
  float numbers[TENSOR_PIECE];
  for (uint64_t i = 0, n; i < tensor_elements(t); i += n) {
    n = tensor_piece(t, i);
    if (!checkpoint_read_f32(c, name, (int64_t)i, (int64_t)n, numbers))
      return false;
    learner_write(l, t, instance, i, n, numbers);
  }
  return true;
}

static bool read_tensors(struct learner *l, struct arena *a, struct checkpoint *c) {
  for (uint32_t i = 0; i < l->about->n_tensors; i++) {
    const struct tern_tensor *t = &l->about->tensors[i];
    for (uint64_t k = 0; k < tensor_instances(t); k++)
      if (!read_tensor(l, c, tensor_name(a, t, k), t, k))
        return false;
  }
  return true;
}

/* Codes have a scale of their own, and floats that are trained have the mean of their magnitudes. */
static void tell_codes(const struct learner *l, struct arena *a, const struct checkpoint *c, struct diag *d) {
  const char *first = NULL;
  int others = 0;
  for (uint32_t i = 0; i < l->about->n_tensors; i++)
    for (uint64_t k = 0; k < tensor_instances(&l->about->tensors[i]); k++) {
      const char *name = tensor_name(a, &l->about->tensors[i], k);
      bool codes = l->about->tensors[i].ternary && checkpoint_has_codes(c, name);
      others += codes && first;
      first = codes && !first ? name : first;
    }
  if (first)
    diag_note(
        d,
        "'%s' and %d more are ternary codes in the checkpoint; the training begins with these codes, and "
        "makes their scales anew from the mean magnitude, which differs from the stored ones",
        first, others);
}

bool initial_load(struct learner *l, struct diag *d, const char *path, const char *prefix) {
  struct arena a = {0};
  struct checkpoint *c = checkpoint_open(d, &a, path);
  bool ok = c && (!prefix || checkpoint_prefix(c, prefix)) && is_there(l, &a, c) && read_tensors(l, &a, c);
  if (ok)
    tell_codes(l, &a, c, d);
  if (c)
    checkpoint_close(c);
  arena_free(&a);
  if (ok)
    learner_ternarize(l);
  return ok;
}

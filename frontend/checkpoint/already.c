/* already.c: floats that are ternary already: -s, 0 and s. Most matrices are none, which shows in their first
 * few numbers; only one that is gets read to its end. */
#include "frontend/checkpoint/convert.h"
#include "frontend/checkpoint/private.h"

#include <math.h>
#include <stdlib.h>

enum { FIRST_PIECE = 256 };

struct look {
  int64_t width, span;
  int64_t segment; /* that the last number was in */
  float s;         /* of it; 0: none yet */
  float largest;
  bool zero; /* one was seen */
};

static bool all_fit(struct look *k, const float *values, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    int64_t column = (at + i) % k->width,
            segment = (at + i) / k->width * k->width + column / k->span * k->span;
    float x = fabsf(values[i]);
    if (segment != k->segment) {
      k->segment = segment;
      k->s = 0;
    }
    k->zero |= x == 0;
    if (x == 0)
      continue;
    if (k->s == 0)
      k->s = k->largest = x;
    if (!(x == k->s && isfinite(x)))
      return false;
  }
  return true;
}

bool already_ternary(struct checkpoint *c, const struct stored_tensor *t, int64_t width, int64_t span,
                     float *largest) {
  struct look k = {.width = width, .span = span, .segment = -1};
  int64_t count = tensor_count(t), size = dtype_bytes(t->info.dtype);
  void *raw = xmalloc(READ_ELEMENTS * sizeof(double));
  float *values = xmalloc(READ_ELEMENTS * sizeof *values);
  bool fits = count > 0;
  for (int64_t at = 0, n; fits && at < count; at += n) {
    int64_t most = at == 0 ? FIRST_PIECE : READ_ELEMENTS;
    n = count - at < most ? count - at : most;
    /* A failure is reported by whoever needs the weights. */
    fits = tensor_pread(c, t, at * size, raw, n * size) == 0;
    if (fits)
      convert_widen(t->info.dtype, raw, n, values);
    fits = fits && all_fit(&k, values, at, n);
  }
  free(raw);
  free(values);
  *largest = k.largest;
  return fits && k.zero && k.largest > 0;
}

bool checkpoint_already_ternary(struct checkpoint *c, const char *name, const struct scaling *scaling,
                                bool *rows) {
  const struct stored_tensor *t = tensor_find(c, name);
  float largest;
  *rows = false;
  if (t && t->scale) /* packed: the original was */
    return json_object_get(c->shards.at[t->shard].metadata,
                           arena_printf(c->arena, "tern.largest.%s", t->stored));
  if (!t || t->info.rank != 2 || !dtype_is_float(t->info.dtype) || t->beside)
    return false;
  int64_t all = tensor_count(t), cols = t->info.shape[1];
  int64_t width = scaling->kind == SCALE_TENSOR ? all : cols,
          span = scaling->kind == SCALE_GROUP ? scaling->group : width;
  if (already_ternary(c, t, width, span, &largest))
    return true;
  return scaling->kind == SCALE_TENSOR && cols > 1 && (*rows = already_ternary(c, t, cols, cols, &largest));
}

/* interp_weights.c: the interpreter's weights. Loaded ones come through the weight source when they are first
 * used; merged ones are put together from their parts; folded ones are defined by the function `fold`. */
#include "ir/interp/interp_impl.h"

#include "runtime/kernels/math.h"
#include "runtime/kernels/pack.h"
#include "runtime/kernels/ternarize.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct symbol_slot *weight_slot(struct interp *in, const struct weight *w) {
  struct symbol_slot *s;
  const void *key = w;
  HASH_FIND_PTR(in->weights, &key, s);
  if (!s) {
    s = xmalloc(sizeof *s);
    *s = (struct symbol_slot){.symbol = w, .n = weight_instances(w)};
    s->tensors = xmalloc(sizeof *s->tensors * (size_t)s->n);
    memset(s->tensors, 0, sizeof *s->tensors * (size_t)s->n);
    HASH_ADD_PTR(in->weights, symbol, s);
  }
  return s;
}

void free_symbols(struct symbol_slot **slots) {
  struct symbol_slot *s, *next;
  HASH_ITER(hh, *slots, s, next) {
    HASH_DEL(*slots, s);
    for (int64_t i = 0; i < s->n; i++) {
      free(s->tensors[i].data);
      free(s->tensors[i].scales);
      free(s->tensors[i].tangents);
    }
    free(s->tensors);
    free(s);
  }
}

int64_t scale_count(const struct weight *w) {
  int64_t rows = w->type.dim[0], cols = w->type.dim[1];
  switch (w->scale) {
  case WSCALE_ROW: return rows;
  case WSCALE_GROUP: return rows * ((cols + w->group - 1) / w->group);
  default: return 1;
  }
}

static bool load_ternary(struct interp *in, const struct weight *w, const char *name, struct tensor *t) {
  int64_t n = scale_count(w);
  float *scales = xmalloc(sizeof *scales * (size_t)n); /* float32 at either precision */
  bool ok = in->source.codes(in->source.self, name, w, t->i8, scales);
  if (ok)
    need_scales(in, t, n);
  for (int64_t i = 0; ok && i < n; i++)
    set_real(in, t->scales, i, (double)scales[i]);
  free(scales);
  return ok;
}

/* The first numbers of one that is trained as bfloat16 have as many bits as what a step makes of them. */
static void round_trained(const struct weight *w, struct tensor *t, int64_t n) {
  for (int64_t i = 0; w->trained && w->source == STORE_BF16 && i < n; i++)
    t->f32[i] = tern_bf16(tern_to_bf16(t->f32[i]));
}

static bool load_floats(struct interp *in, const struct weight *w, const char *name, struct tensor *t) {
  int64_t n = type_count(t->type, NULL);
  if (!in->float64) {
    bool read = in->source.floats(in->source.self, name, 0, n, t->f32);
    if (read)
      round_trained(w, t, n);
    return read;
  }
  float *floats = xmalloc(sizeof *floats * (size_t)n);
  bool ok = in->source.floats(in->source.self, name, 0, n, floats);
  for (int64_t i = 0; ok && i < n; i++)
    t->f64[i] = (double)floats[i];
  free(floats);
  return ok;
}

static bool load_merged(struct interp *in, const struct weight *w, int64_t instance, struct tensor *t) {
  int8_t *row = t->i8;
  for (int i = 0; i < w->n_parts; i++) {
    const struct weight *part = weight_find(in->m, w->parts[i]);
    const struct tensor *p = part ? interp_weight(in, part, instance) : NULL;
    if (!p)
      return false;
    size_t bytes = tensor_bytes(in, p->type);
    memcpy(row, p->data, bytes);
    row += bytes;
  }
  return true;
}

const struct tensor *interp_weight(struct interp *in, const struct weight *w, int64_t instance) {
  struct tensor *t = &weight_slot(in, w)->tensors[instance];
  if (t->data)
    return t;
  if (w->origin == WEIGHT_FOLDED) {
    diag_at(in->d, SEVERITY_ERROR, w->at, "the folded weight '%s' is not defined by 'fold'", w->name);
    return NULL;
  }
  t->type = w->type;
  t->data = xmalloc(tensor_bytes(in, w->type));
  need_tangents(in, t, type_count(w->type, NULL));
  clear_tangents(t, type_count(w->type, NULL));
  const char *name = weight_tensor(in->m->arena, w, instance);
  bool ok = w->origin == WEIGHT_MERGED ? load_merged(in, w, instance, t)
            : elem_codes(w->type.elem) ? load_ternary(in, w, name, t)
                                       : load_floats(in, w, name, t);
  if (!ok) {
    free(t->data);
    free(t->scales);
    free(t->tangents);
    *t = (struct tensor){0};
    return NULL;
  }
  return t;
}

/* Columns that have a scale in common; 0: all elements have (runtime/kernels/ternarize.h). */
static int64_t span_of(const struct weight *w) {
  return w->scale == WSCALE_TENSOR ? 0 : w->scale == WSCALE_ROW ? w->type.dim[1] : w->group;
}

/* clamp(round(w * s), -1, 1), the product in float32; of a NaN 0 */
static int8_t code_of(float w, float s) {
  float x = rintf(w * s);
  return x >= 1 ? 1 : x <= -1 ? -1 : 0;
}

/* Codes and scales of a master, which is rounded to float32: as they are made where the model runs. */
static void define_codes(struct interp *in, const struct weight *w, struct tensor *t,
                         const struct tensor *master) {
  int64_t m = w->type.dim[0], n = w->type.dim[1], span = span_of(w), scales = scale_count(w);
  bool largest = w->rule == RULE_LARGEST;
  float *floats = xmalloc(sizeof *floats * (size_t)(m * n)), *s = xmalloc(sizeof *s * (size_t)scales);
  double *sums = xmalloc(sizeof *sums * (size_t)tern_ternarize_sums(m, n, span));
  uint8_t *packed = xmalloc((size_t)tern_tile2_bytes(m, n));
  for (int64_t i = 0; i < m * n; i++)
    floats[i] = (float)get_real(in, master->data, i);
  tern_ternarize_sum(floats, m, n, span, largest, sums, 0, 1);
  tern_ternarize_tile2(floats, m, n, span, largest, sums, s, packed, 0, 1);
  need_scales(in, t, scales);
  int64_t across = span ? (n + span - 1) / span : 1;
  for (int64_t i = 0; i < scales; i++)
    set_real(in, t->scales, i, (double)s[i]);
  for (int64_t i = 0; i < m * n; i++)
    t->i8[i] = code_of(floats[i], s[span ? i / n * across + i % n / span : 0]);
  free(floats);
  free(s);
  free(sums);
  free(packed);
}

bool define_weight(struct interp *in, const struct op *op, int64_t instance) {
  const struct weight *w = weight_find(in->m, op->attr.symbol);
  struct tensor *t = &weight_slot(in, w)->tensors[instance];
  const struct tensor *value = operand(in, op->in[0]);
  if (w->type.elem == ELEM_TERNARY) {
    t->type = w->type;
    t->data = xrealloc(t->data, tensor_bytes(in, w->type));
    define_codes(in, w, t, value);
    return true;
  }
  size_t bytes = tensor_bytes(in, w->type);
  t->type = w->type;
  t->data = xrealloc(t->data, bytes);
  memcpy(t->data, value->data, bytes);
  return true;
}

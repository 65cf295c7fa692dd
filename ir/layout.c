/* layout.c: hash, counts and sizes of a module's weights. */
#include "ir/layout.h"

#include <string.h>

static uint64_t fnv(uint64_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 0x100000001b3u;
  return h;
}

static uint64_t fnv_number(uint64_t h, int64_t x) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++)
    bytes[i] = (unsigned char)((uint64_t)x >> (8 * i));
  return fnv(h, bytes, sizeof bytes);
}

uint64_t layout_hash(const struct module *m) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const struct weight *w = m->weights; w; w = w->next) {
    if (w->stored == STORE_NONE && w->scales < 0)
      continue;
    h = fnv(h, w->name, strlen(w->name) + 1);
    h = fnv_number(h, w->type.elem);
    for (int i = 0; i < w->type.rank; i++)
      h = fnv_number(h, w->type.dim[i]);
    for (int i = 0; i < w->n_counts; i++)
      h = fnv_number(h, w->counts[i]);
    h = fnv_number(fnv_number(h, w->stored), w->scale);
    h = fnv_number(fnv_number(fnv_number(h, w->offset), w->scales), w->stride);
  }
  return fnv_number(h, m->weights_bytes);
}

uint64_t parameter_count(const struct module *m) {
  uint64_t n = 0;
  for (const struct weight *w = m->weights; w; w = w->next)
    if (w->origin == WEIGHT_LOADED)
      n += (uint64_t)(type_count(w->type, 1, 1) * weight_instances(w));
  return n;
}

const char *params_text(struct arena *a, const struct module *m) {
  const char *text = "";
  for (int i = 0; i < m->params.n; i++)
    text = arena_printf(a, "%s%s%s=%.10g", text, i ? " " : "", m->params.at[i].name, m->params.at[i].value);
  return text;
}

int64_t weight_scale_count(const struct weight *w) {
  if (w->type.elem != ELEM_TERNARY)
    return 0;
  switch (w->scale) {
  case WSCALE_ROW: return w->type.dim[0];
  case WSCALE_GROUP: return w->type.dim[0] * ((w->type.dim[1] + w->group - 1) / w->group);
  default: return 1;
  }
}

/* Tiles of 64 bytes, 16 rows by `chunk` columns each. */
static int64_t tile_bytes(const struct weight *w, int64_t chunk) {
  return (w->type.dim[0] + 15) / 16 * ((w->type.dim[1] + chunk - 1) / chunk) * 64;
}

int64_t weight_bytes(const struct weight *w) {
  int64_t n = type_count(w->type, 1, 1);
  switch (w->stored) {
  case STORE_F32:
  case STORE_I32: return 4 * n;
  case STORE_I8: return n;
  case STORE_I16:
  case STORE_F16:
  case STORE_BF16: return 2 * n;
  case STORE_TILE2: return tile_bytes(w, 16);
  case STORE_TILE3: return tile_bytes(w, 20);
  default: return 0;
  }
}

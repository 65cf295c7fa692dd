/* layout.c: hash, counts and sizes of a module's weights. */
#include "ir/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t text_hash(const char *text, size_t n) {
  uint64_t h = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (unsigned char)text[i]) * 0x100000001b3u; /* FNV-1a */
  return h;
}

/* The hash of what `print` prints of the module. */
static uint64_t hash_of(const struct module *m, void (*print)(const struct module *m, FILE *out)) {
  char *text = NULL;
  size_t n = 0;
  FILE *out = or_die(open_memstream(&text, &n));
  print(m, out);
  or_die(fclose(out) == 0 ? text : NULL);
  uint64_t h = text_hash(text, n);
  free(text);
  return h;
}

/* All but what kernels and image do not depend on: the checkpoint's type of a weight that is stored in
 * another, or not stored. */
void plan_print_weights(const struct module *m, FILE *out) {
  for (const struct weight *w = m->weights; w; w = w->next) {
    struct weight stored = *w;
    stored.source = STORE_NONE;
    if (w->stored != STORE_NONE || w->scales >= 0)
      ir_print_weight(&stored, out);
  }
  fprintf(out, "weights %lld\n", (long long)m->weights_bytes);
}

void plan_print(const struct module *m, FILE *out) {
  fprintf(out, "model %s\n", m->name);
  ir_print_params(m, out);
  plan_print_weights(m, out);
  for (const struct state *s = m->states; s; s = s->next)
    if (!s->within)
      ir_print_state(m, s, out);
  fprintf(out, "states %lld\n", (long long)m->state_bytes);
}

uint64_t layout_hash(const struct module *m) {
  return hash_of(m, plan_print_weights);
}

uint64_t state_hash(const struct module *m) {
  return hash_of(m, plan_print);
}

/* Another weight is the same tensor in another form: the codes of what is trained as floats. */
static bool is_counted(const struct module *m, const struct weight *w) {
  const char *tensor = w->tensor ? w->tensor : w->name;
  for (const struct weight *before = m->weights; before != w; before = before->next)
    if (before->origin == WEIGHT_LOADED &&
        strcmp(before->tensor ? before->tensor : before->name, tensor) == 0)
      return false;
  return true;
}

uint64_t parameter_count(const struct module *m) {
  uint64_t n = 0;
  for (const struct weight *w = m->weights; w; w = w->next)
    if (w->origin == WEIGHT_LOADED && is_counted(m, w))
      n += (uint64_t)(type_count(w->type, NULL) * weight_instances(w));
  return n;
}

const char *params_text(struct arena *a, const struct module *m) {
  const char *text = "";
  for (int i = 0; i < m->params.n; i++)
    text = arena_printf(a, "%s%s%s=%.10g", text, i ? " " : "", m->params.at[i].name, m->params.at[i].value);
  return text;
}

int64_t weight_scale_count(const struct weight *w) {
  if (!elem_codes(w->type.elem))
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
  int64_t n = type_count(w->type, NULL);
  switch (w->stored) {
  case STORE_F32:
  case STORE_I32: return 4 * n;
  case STORE_I8: return n;
  case STORE_I16:
  case STORE_F16:
  case STORE_BF16: return 2 * n;
  case STORE_TILE2: return tile_bytes(w, 16);
  case STORE_TILE3: return tile_bytes(w, 20);
  case STORE_TILE4: return tile_bytes(w, 8);
  case STORE_TILE8: return tile_bytes(w, 4);
  default: return 0;
  }
}

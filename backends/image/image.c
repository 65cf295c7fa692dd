/* image.c: the image, tensor by tensor. Codes are read from the source and packed by threads over panel
 * pairs; floats go in pieces; folded weights come from the interpreter, which evaluates the function `fold`
 * once. */
#include "backends/image/write_image.h"

#include "ir/interp/interp.h"
#include "ir/layout.h"
#include "runtime/core/checksum.h"
#include "runtime/core/image.h"
#include "runtime/core/machine.h"
#include "runtime/kernels/math.h"
#include "runtime/kernels/pack.h"
#include "support/progress.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct writer {
  const struct module *m;
  const struct weight_source *source;
  struct interp *interp; /* made when a folded weight is met */
  FILE *out;
  uint64_t image_at;   /* file offset of the image */
  uint64_t weights_at; /* of the weights in it */
  int threads;
  struct progress progress;
  int error;     /* why the file could not be sought in; 0: it could */
  int8_t *codes; /* room for the largest matrix */
  uint8_t *packed;
  struct arena arena; /* for: */
  VEC(struct image_part) parts;
  VEC(char) names;
};

static void put(struct writer *w, uint64_t at, const void *data, size_t bytes) {
  if (fseeko(w->out, (off_t)at, SEEK_SET) == 0)
    fwrite(data, 1, bytes, w->out);
  else if (!w->error)
    w->error = errno ? errno : EIO;
}

/* ---- parts with a checksum --------------------------------------------------------------------------- */

/* Where the name is among the names; one that follows itself is there once. */
static uint64_t part_name(struct writer *w, const char *name) {
  uint64_t last = w->parts.n ? w->parts.at[w->parts.n - 1].name : 0;
  if (w->parts.n && strcmp(w->names.at + last, name) == 0)
    return last;
  uint64_t at = (uint64_t)w->names.n;
  do
    vec_push(&w->arena, w->names, *name);
  while (*name++);
  return at;
}

/* at: from the start of the image. */
static void put_part(struct writer *w, const char *name, uint64_t at, const void *data, size_t bytes) {
  struct image_part part = {
      .at = at, .bytes = bytes, .sum = checksum(data, bytes), .name = part_name(w, name)};
  vec_push(&w->arena, w->parts, part);
  put(w, w->image_at + at, data, bytes);
}

/* at: from the start of the weights. */
static void put_weight(struct writer *w, const char *name, int64_t at, const void *data, size_t bytes) {
  put_part(w, name, w->weights_at + (uint64_t)at, data, bytes);
}

static const char *instance_name(const struct writer *w, const struct weight *weight, int64_t instance) {
  return weight_tensor(w->m->arena, weight, instance);
}

/* ---- matrices of codes -------------------------------------------------------------------------------- */

struct share { /* one thread's panel pairs */
  const int8_t *codes;
  uint8_t *packed;
  int64_t m, n, first, last;
  void (*pack)(const int8_t *codes, int64_t m, int64_t n, uint8_t *out, int64_t begin, int64_t end);
};

static void *pack_share(void *p) {
  struct share *s = p;
  s->pack(s->codes, s->m, s->n, s->packed, s->first, s->last);
  return NULL;
}

enum { MOST_THREADS = 64 };

static void pack(struct writer *w, const struct weight *weight) {
  static void (*const packers[STORE_COUNT])(const int8_t *, int64_t, int64_t, uint8_t *, int64_t,
                                            int64_t) = {[STORE_TILE2] = tern_pack_tile2_pairs,
                                                        [STORE_TILE3] = tern_pack_tile3_pairs,
                                                        [STORE_TILE4] = tern_pack_tile4_pairs,
                                                        [STORE_TILE8] = tern_pack_tile8_pairs};
  int64_t m = weight->type.dim[0], n = weight->type.dim[1];
  int64_t pairs = (m + 31) / 32;
  struct share shares[MOST_THREADS];
  pthread_t threads[MOST_THREADS];
  int started = 0;
  for (int k = 0; k < w->threads; k++) {
    shares[k] = (struct share){w->codes,
                               w->packed,
                               m,
                               n,
                               pairs * k / w->threads,
                               pairs * (k + 1) / w->threads,
                               packers[weight->stored]};
    if (k + 1 == w->threads || pthread_create(&threads[started], NULL, pack_share, &shares[k]) != 0)
      pack_share(&shares[k]);
    else
      started++;
  }
  for (int k = 0; k < started; k++)
    pthread_join(threads[k], NULL);
}

/* Reads one instance's codes to `codes`; its scales go to the image when they are
 * placed. */
static bool read_ternary(struct writer *w, const struct weight *weight, int64_t instance, int8_t *codes) {
  const char *name = instance_name(w, weight, instance);
  int64_t n = weight_scale_count(weight);
  float *scales = xmalloc(sizeof *scales * (size_t)n);
  bool ok = w->source->codes(w->source->self, name, weight, codes, scales);
  if (ok && weight->scales >= 0)
    put_weight(w, name, weight->scales + instance * weight->stride, scales, sizeof *scales * (size_t)n);
  free(scales);
  return ok;
}

static bool write_ternary(struct writer *w, const struct weight *weight, int64_t instance) {
  int8_t *codes = w->codes;
  if (weight->origin == WEIGHT_MERGED) {
    for (int i = 0; i < weight->n_parts; i++) {
      const struct weight *part = weight_find(w->m, weight->parts[i]);
      if (!read_ternary(w, part, instance, codes))
        return false;
      codes += type_count(part->type, NULL);
    }
  } else if (!read_ternary(w, weight, instance, codes)) {
    return false;
  }
  if (weight->stored == STORE_NONE)
    return true; /* only its scales are used */
  pack(w, weight);
  put_weight(w, instance_name(w, weight, instance), weight->offset + instance * weight->stride, w->packed,
             (size_t)weight_bytes(weight));
  return true;
}

/* The folded tensor of an instance, or NULL after a diagnostic. */
static const struct tensor *folded_tensor(struct writer *w, const struct weight *weight, int64_t instance) {
  if (!w->interp)
    w->interp = interp_new(w->m, w->source, false);
  return w->interp ? interp_weight(w->interp, weight, instance) : NULL;
}

/* ---- floats ------------------------------------------------------------------------------------------ */

/* The 16-bit form of a float that came from it, so exact. */
static uint16_t narrow(enum storage s, float x) {
  uint32_t bits = (uint32_t)tern_bits(x);
  if (s == STORE_BF16)
    return (uint16_t)(bits >> 16);
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000)
    return (uint16_t)(sign | 0x7c00 | (magnitude >> 13 & 0x3ff));
  /* the inverse of tern_f16: bias 127 to bias 15 by an exact power of two */
  float scaled = tern_from_bits((int32_t)magnitude) * 1.925929944387236e-34f; /* 2^-112 */
  return (uint16_t)(sign | (uint32_t)tern_bits(scaled) >> 13);
}

enum { PIECE = 1 << 20 }; /* values at a time */

static bool write_floats(struct writer *w, const struct weight *weight, int64_t instance) {
  const char *name = instance_name(w, weight, instance);
  const struct tensor *folded = NULL;
  if (weight->origin == WEIGHT_FOLDED && !(folded = folded_tensor(w, weight, instance)))
    return false;
  int64_t n = type_count(weight->type, NULL);
  int64_t room = n < PIECE ? n : PIECE;
  float *floats = xmalloc(sizeof *floats * (size_t)room);
  uint16_t *halves = xmalloc(sizeof *halves * (size_t)room);
  size_t size = weight->stored == STORE_F32 ? 4 : 2;
  bool ok = true;
  for (int64_t first = 0; ok && first < n; first += PIECE) {
    int64_t count = n - first < PIECE ? n - first : PIECE;
    if (folded)
      memcpy(floats, folded->f32 + first, sizeof *floats * (size_t)count);
    else
      ok = w->source->floats(w->source->self, name, first, count, floats);
    if (size == 2)
      for (int64_t i = 0; ok && i < count; i++)
        halves[i] = narrow(weight->stored, floats[i]);
    if (ok)
      put_weight(w, name, weight->offset + instance * weight->stride + first * (int64_t)size,
                 size == 4 ? (void *)floats : (void *)halves, (size_t)count * size);
  }
  free(floats);
  free(halves);
  return ok;
}

/* ---- integers ---------------------------------------------------------------------------------------- */

/* As wide as they are, in the byte order of the machine, which is that of the image. */
static bool write_integers(struct writer *w, const struct weight *weight, int64_t instance) {
  const struct tensor *t = folded_tensor(w, weight, instance);
  if (t)
    put_weight(w, instance_name(w, weight, instance), weight->offset + instance * weight->stride, t->data,
               (size_t)weight_bytes(weight));
  return t != NULL;
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static bool placed(const struct weight *w) {
  return w->stored != STORE_NONE || w->scales >= 0;
}

static bool write_weights(struct writer *w) {
  int64_t codes = 0, packed = 0;
  uint64_t total = 0;
  for (const struct weight *x = w->m->weights; x; x = x->next) {
    int64_t n = type_count(x->type, NULL);
    if (elem_codes(x->type.elem) && n > codes)
      codes = n;
    if (storage_packed(x->stored) && weight_bytes(x) > packed)
      packed = weight_bytes(x);
    if (placed(x))
      total += (uint64_t)(n * weight_instances(x));
  }
  w->codes = xmalloc((size_t)codes);
  w->packed = xmalloc((size_t)packed);
  progress_start(&w->progress, "packing", total);
  bool ok = true;
  for (const struct weight *x = w->m->weights; x && ok; x = x->next)
    for (int64_t i = 0; placed(x) && ok && i < weight_instances(x); i++) {
      /* a merged matrix brings its parts' scales along */
      ok = elem_codes(x->type.elem)     ? write_ternary(w, x, i)
           : elem_integer(x->type.elem) ? write_integers(w, x, i)
                                        : write_floats(w, x, i);
      progress_add(&w->progress, (uint64_t)type_count(x->type, NULL));
    }
  progress_end(&w->progress);
  free(w->codes);
  free(w->packed);
  interp_free(w->interp);
  return ok;
}

static uint64_t page_up(uint64_t n) {
  return (n + IMAGE_PAGE - 1) / IMAGE_PAGE * IMAGE_PAGE;
}

/* The table after the weights, and last the header. */
static void write_table(struct writer *w, struct image_header *h) {
  size_t rows = sizeof *w->parts.at * (size_t)w->parts.n, bytes = rows + (size_t)w->names.n;
  uint8_t *table = xmalloc(bytes);
  if (bytes > 0) { /* both are there, or none */
    memcpy(table, w->parts.at, rows);
    memcpy(table + rows, w->names.at, (size_t)w->names.n);
  }
  h->parts_at = (h->weights_at + h->weights_bytes + 7) / 8 * 8;
  h->n_parts = (uint64_t)w->parts.n;
  h->names_bytes = (uint64_t)w->names.n;
  h->parts_sum = checksum(table, bytes);
  h->total_bytes = page_up(h->parts_at + bytes);
  h->header_sum = image_header_sum(h);
  put(w, w->image_at + h->total_bytes - 1, "", 1); /* before what may reach to the end */
  put(w, w->image_at + h->parts_at, table, bytes);
  put(w, w->image_at, h, sizeof *h);
  free(table);
}

bool image_write(const struct module *m, const struct weight_source *source, FILE *out, uint64_t at,
                 uint64_t *bytes, const struct image_options *o) {
  struct image_header h = {.magic = IMAGE_MAGIC, .layout = layout_hash(m)};
  h.tokenizer_at = sizeof h;
  h.tokenizer_bytes = o->tokenizer_bytes;
  h.weights_at = page_up(h.tokenizer_at + h.tokenizer_bytes);
  h.weights_bytes = (uint64_t)m->weights_bytes;
  int threads = o->threads ? o->threads : (int)machine_processors("");
  struct writer w = {.m = m, .source = source, .out = out, .image_at = at, .weights_at = h.weights_at};
  w.threads = threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
  if (h.tokenizer_bytes)
    put_part(&w, "tokenizer", h.tokenizer_at, o->tokenizer, o->tokenizer_bytes);
  bool ok = write_weights(&w);
  if (ok)
    write_table(&w, &h);
  arena_free(&w.arena);
  *bytes = h.total_bytes;
  if (w.error)
    diag_error(m->diag, "the weights image: cannot write: %s", strerror(w.error));
  return ok && !w.error;
}

/* flat_ids.c: text to ids and ids to text, part by part. */
#include "frontend/tokenizer/flat_ids.h"

#include "frontend/tokenizer/text_parts.h"
#include "runtime/core/input.h"
#include "runtime/core/interrupt.h"
#include <stdlib.h>
#include <string.h>

enum { IDS_OF_16_BITS = 1 << 16 };

/* The ids that texts may have: the end of a text may lie beyond the tokens. */
static uint32_t bound_of(const struct tokenizer *t) {
  uint32_t n = tokenizer_size(t), end = (uint32_t)(tokenizer_eos(t) + 1);
  return n > end ? n : end;
}

static bool ends_in(const char *path, const char *ending) {
  size_t n = strlen(path), k = strlen(ending);
  return n >= k && strcmp(path + n - k, ending) == 0;
}

int flat_ids_said(const char *path) {
  return ends_in(path, ".u16") ? 2 : ends_in(path, ".u32") ? 4 : 0;
}

int flat_ids_width(struct diag *d, const char *path, const struct tokenizer *t) {
  uint32_t bound = bound_of(t);
  int said = flat_ids_said(path);
  if (said == 2 && bound > IDS_OF_16_BITS) {
    diag_error(d, "%s: the tokenizer has %u ids, and 16 bits hold %d; give a name that ends in .u32", path,
               bound, (int)IDS_OF_16_BITS);
    return 0;
  }
  return said ? said : bound <= IDS_OF_16_BITS ? 2 : 4;
}

/* ---- text to ids ---- */

struct encoding {
  struct diag *d;
  const struct tokenizer *t;
  FILE *out;
  int width;
  uint64_t n;
};

void flat_ids_put(FILE *out, uint32_t id, int width) {
  for (int i = 0; i < width; i++)
    putc_unlocked((int)(id >> 8 * i & 0xFF), out);
}

static void put_id(struct encoding *x, uint32_t id) {
  flat_ids_put(x->out, id, x->width);
  x->n++;
}

static bool encode_part(void *context, const struct tokenizer_part *part, size_t *used) {
  struct encoding *x = context;
  uint32_t *ids;
  if (interrupted())
    return false;
  size_t n = tokenizer_encode_part(x->t, part, &ids, used);
  if (!ids) {
    diag_error(x->d, "not enough memory to encode the text");
    return false;
  }
  for (size_t i = 0; i < n; i++)
    put_id(x, ids[i]);
  free(ids);
  return true;
}

bool flat_ids_encode(struct diag *d, const struct tokenizer *t, const struct flat_ids *how, FILE *out,
                     uint64_t *n) {
  struct encoding x = {.d = d, .t = t, .out = out, .width = how->width};
  int32_t end = tokenizer_eos(t);
  for (int i = 0; i < how->n_files; i++) {
    if (i && end >= 0)
      put_id(&x, (uint32_t)end);
    if (!text_parts(d, how->files[i], how->special, !tokenizer_takes_parts(t), encode_part, &x))
      return false;
  }
  *n = x.n;
  return true;
}

/* ---- ids to text ---- */

struct decoding {
  struct diag *d;
  const struct tokenizer *t;
  const char *path;
  FILE *out;
  int width;
  uint64_t n; /* ids so far */
  bool begun; /* something was written */
};

static bool write_id(struct decoding *x, uint32_t id) {
  size_t bytes;
  if (id >= bound_of(x->t)) {
    diag_error(
        x->d,
        "%s: id %llu is %u, and the tokenizer has %u; is it the tokenizer that the file was made with, "
        "and are its ids %d bits wide (names say so: .u16, .u32)?",
        input_name(x->path), (unsigned long long)x->n, id, bound_of(x->t), 8 * x->width);
    return false;
  }
  const char *piece = tokenizer_piece(x->t, id, !x->begun, &bytes);
  fwrite(piece, 1, bytes, x->out);
  x->begun |= bytes > 0;
  x->n++;
  return true;
}

static bool decode_part(void *context, const struct tokenizer_part *part, size_t *used) {
  struct decoding *x = context;
  size_t width = (size_t)x->width;
  for (*used = 0; part->n - *used >= width; *used += width) {
    uint32_t id = 0;
    for (size_t i = 0; i < width; i++)
      id |= (uint32_t)(uint8_t)part->text[*used + i] << 8 * i;
    if (!write_id(x, id))
      return false;
  }
  if (!part->last || *used == part->n)
    return true;
  diag_error(x->d, "%s: it ends within an id of %d bits; is it whole?", input_name(x->path), 8 * x->width);
  return false;
}

bool flat_ids_decode(struct diag *d, const struct tokenizer *t, const char *path, int width, FILE *out) {
  struct decoding x = {.d = d, .t = t, .path = path, .out = out, .width = width};
  return text_parts(d, path, TOKENIZER_SPECIAL_NEVER, false, decode_part, &x);
}

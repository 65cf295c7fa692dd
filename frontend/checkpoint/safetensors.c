/* safetensors.c: reads and writes the container's header.
 *
 * Nothing in a header is believed: every number is checked against the file's size and the others, in
 * arithmetic that notices overflow, before it is used. The data must be covered end to end by the tensors, as
 * the format demands. */
#include "frontend/checkpoint/safetensors.h"
#include "support/escape.h"
#include "support/file.h"
#include "support/kind.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, MOST_HEADER_BYTES = 100 << 20, ALIGNMENT = 8, LONGEST_NAME = 1000 };

static const struct {
  const char *name;
  int bytes;
  enum dtype type;
} dtypes[] = {
    {"F32", 4, DTYPE_F32},       {"F16", 2, DTYPE_F16},    {"BF16", 2, DTYPE_BF16},
    {"U8", 1, DTYPE_U8},         {"BOOL", 1, DTYPE_OTHER}, {"I8", 1, DTYPE_I8},
    {"I16", 2, DTYPE_OTHER},     {"U16", 2, DTYPE_OTHER},  {"I32", 4, DTYPE_OTHER},
    {"U32", 4, DTYPE_OTHER},     {"I64", 8, DTYPE_OTHER},  {"U64", 8, DTYPE_OTHER},
    {"F64", 8, DTYPE_F64},       {"C64", 8, DTYPE_OTHER},  {"F8_E4M3", 1, DTYPE_OTHER},
    {"F8_E5M2", 1, DTYPE_OTHER},
};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

/* One header under examination. What is wrong with the file as a whole ends it; what is wrong with one tensor
 * is noted there, and harms only a model that needs it. */
struct header {
  struct checkpoint *c;
  const char *path;
  int64_t data_bytes;
  int first;         /* index of its first tensor in c->tensors */
  bool lost;         /* some tensor's place is not known */
  const char *fault; /* of the file */
};

#define bad(h, ...)      ((h)->fault = arena_printf((h)->c->arena, __VA_ARGS__), false)
#define spoil(h, t, ...) spoil_with(t, arena_printf((h)->c->arena, __VA_ARGS__))

static bool spoil_with(struct stored_tensor *t, const char *fault) {
  t->fault = fault;
  return false;
}

/* Control characters would reach the user's terminal with every diagnostic. */
static const char *printable(struct arena *a, const char *s, size_t most) {
  return message_bytes(a, s, strnlen(s, most));
}

static bool check_name(const struct header *h, const char *name, struct stored_tensor *t) {
  t->info.name = t->stored = printable(h->c->arena, name, LONGEST_NAME);
  if (!*name || strcmp(t->info.name, name) != 0)
    return spoil(h, t, "%s: the name of tensor %d is empty, longer than %d bytes or has control characters",
                 h->path, h->c->tensors.n - h->first, LONGEST_NAME);
  return true;
}

/* *element_bytes: 0 where the type is not known; such a tensor can be copied. */
static bool parse_dtype(const struct header *h, json_t *v, struct stored_tensor *t, int *element_bytes) {
  const char *name = json_string_value(v);
  t->info.dtype = DTYPE_OTHER;
  t->info.dtype_name = name ? printable(h->c->arena, name, 20) : "?";
  *element_bytes = 0;
  for (int i = 0; name && i < DTYPES; i++)
    if (strcmp(name, dtypes[i].name) == 0) {
      t->info.dtype = dtypes[i].type;
      *element_bytes = dtypes[i].bytes;
    }
  return name || spoil(h, t, "%s: tensor '%s' has an unknown type '?'; save it as F32, F16 or BF16", h->path,
                       t->info.name);
}

/* shape: and the number of bytes that it asks for. */
static bool parse_shape(const struct header *h, json_t *v, struct stored_tensor *t, int element_bytes,
                        int64_t *bytes) {
  if (!json_is_array(v))
    return spoil(h, t, "%s: tensor '%s': 'shape' must be a list of numbers", h->path, t->info.name);
  if (json_array_size(v) > MAX_RANK)
    return spoil(h, t, "%s: tensor '%s' has %zu dimensions; at most %d can be used", h->path, t->info.name,
                 json_array_size(v), MAX_RANK);
  t->info.rank = (int)json_array_size(v);
  *bytes = element_bytes;
  for (int i = 0; i < t->info.rank; i++) {
    json_t *n = json_array_get(v, (size_t)i);
    t->info.shape[i] = json_integer_value(n);
    if (!json_is_integer(n) || t->info.shape[i] < 0)
      return spoil(h, t, "%s: tensor '%s': dimension %d of its shape is not a whole number", h->path,
                   t->info.name, i);
    if (__builtin_mul_overflow(*bytes, t->info.shape[i], bytes))
      return spoil(h, t, "%s: tensor '%s': its shape asks for more than 2^63 bytes", h->path, t->info.name);
  }
  return true;
}

/* Where it is; t->bytes stays 0 and h->lost is set when that is not said. */
static bool parse_offsets(struct header *h, json_t *v, struct stored_tensor *t) {
  json_t *begin = json_array_get(v, 0), *end = json_array_get(v, 1);
  long long from = json_integer_value(begin), to = json_integer_value(end);
  h->lost = true;
  if (json_array_size(v) != 2 || !json_is_integer(begin) || !json_is_integer(end) || from < 0 || to < from)
    return spoil(h, t, "%s: tensor '%s': 'data_offsets' must be [begin, end] with 0 <= begin <= end", h->path,
                 t->info.name);
  if (to > h->data_bytes)
    return spoil(h, t,
                 "%s: tensor '%s' ends at byte %lld of the data, but the file has %lld; it is cut short or "
                 "damaged: fetch it again",
                 h->path, t->info.name, to, (long long)h->data_bytes);
  h->lost = false;
  t->begin = from;
  t->bytes = to - from;
  return true;
}

static bool check_bytes(const struct header *h, struct stored_tensor *t, int64_t shape_bytes) {
  if (t->bytes == shape_bytes)
    return true;
  return spoil(
      h, t, "%s: tensor '%s' of %s %s needs %lld bytes, but its offsets give it %lld; the file is damaged",
      h->path, t->info.name, t->info.dtype_name, shape_text(h->c->arena, t->info.rank, t->info.shape),
      (long long)shape_bytes, (long long)t->bytes);
}

static void parse_tensor(struct header *h, const char *name, json_t *v) {
  struct stored_tensor t = {.shard = h->c->shards.n - 1, .info = {.file = h->path, .dtype_name = "?"}};
  bool lost = h->lost;
  int element_bytes = 0;
  int64_t bytes = 0;
  const char *first = NULL; /* the first thing that is wrong; places are wanted of all */
  if (!check_name(h, name, &t) || !parse_dtype(h, json_object_get(v, "dtype"), &t, &element_bytes) ||
      !parse_shape(h, json_object_get(v, "shape"), &t, element_bytes, &bytes))
    first = t.fault;
  if (parse_offsets(h, json_object_get(v, "data_offsets"), &t) && !first && element_bytes)
    check_bytes(h, &t, bytes);
  t.fault = first ? first : t.fault;
  t.info.rank = t.fault ? 0 : t.info.rank;
  h->lost |= lost;
  vec_push(h->c->arena, h->c->tensors, t);
}

static int by_place(const void *p, const void *q) {
  const struct stored_tensor *a = p, *b = q;
  if (a->begin != b->begin)
    return a->begin < b->begin ? -1 : 1;
  return (a->bytes > b->bytes) - (a->bytes < b->bytes); /* empty ones first */
}

/* Both of two tensors that share bytes are spoiled. */
static void spoil_overlap(const struct header *h, struct stored_tensor *t, struct stored_tensor *before) {
  if (!t->fault)
    spoil(h, t,
          "%s: tensor '%s' begins at byte %lld of the data, but tensor '%s' ends at byte %lld: they overlap; "
          "the file is damaged",
          h->path, t->info.name, (long long)t->begin, before->info.name,
          (long long)(before->begin + before->bytes));
  if (!before->fault)
    spoil(h, before, "%s: tensor '%s' overlaps tensor '%s'; the file is damaged", h->path, before->info.name,
          t->info.name);
}

static bool gap(struct header *h, const struct stored_tensor *t, int64_t end,
                const struct stored_tensor *before) {
  return bad(h,
             "%s: tensor '%s' begins at byte %lld of the data, but %s%s%s at byte %lld: nothing says what is "
             "between; the file is damaged",
             h->path, t->info.name, (long long)t->begin, before ? "tensor '" : "",
             before ? before->info.name : "", before ? "' ends" : "the data begins", (long long)end);
}

/* Sorts the tensors by place and holds that each begins where the last one ended. Bytes of a tensor whose
 * place is not known may be anywhere. */
static bool check_cover(struct header *h) {
  struct checkpoint *c = h->c;
  struct stored_tensor *t = c->tensors.at ? c->tensors.at + h->first : NULL;
  int n = c->tensors.n - h->first, last = 0;
  int64_t end = 0;
  if (n)
    qsort(t, (size_t)n, sizeof *t, by_place);
  for (int i = 0; i < n; i++) {
    if (t[i].begin < end && t[i].bytes)
      spoil_overlap(h, &t[i], &t[last]);
    if (t[i].begin > end && !h->lost)
      return gap(h, &t[i], end, i ? &t[last] : NULL);
    if (t[i].begin + t[i].bytes >= end) {
      end = t[i].begin + t[i].bytes;
      last = i;
    }
  }
  if (end != h->data_bytes && !h->lost)
    return bad(h, "%s: the tensors end at byte %lld of the data, but the file has %lld; the file is damaged",
               h->path, (long long)end, (long long)h->data_bytes);
  return true;
}

static bool parse_metadata(struct header *h, json_t *metadata) {
  const char *key;
  json_t *v;
  json_t *texts = json_object(); /* what else there may be, nothing asks for */
  json_object_foreach(metadata, key, v) if (json_is_string(v) && !json_odd_number(v))
      json_object_set(texts, key, v);
  struct shard *s = &h->c->shards.at[h->c->shards.n - 1];
  const char *packing = json_string_value(json_object_get(texts, "tern.packing"));
  s->metadata = texts;
  s->codes = packing && strcmp(packing, "base3+codes") == 0;
  s->base3 = s->codes || (packing && strcmp(packing, "base3") == 0);
  if (packing && !s->base3)
    return bad(h,
               "%s: its matrices are packed in a way this version does not know; pack the checkpoint again",
               h->path);
  return true;
}

static bool parse_entries(struct header *h, json_t *root) {
  const char *name;
  json_t *v;
  bool ok = true;
  json_object_foreach(root, name, v) {
    if (strcmp(name, "__metadata__") == 0)
      ok &= parse_metadata(h, v);
    else
      parse_tensor(h, name, v);
  }
  return ok && check_cover(h);
}

static bool parse_header(struct header *h, const char *text, size_t bytes) {
  struct json_fault fault;
  json_t *root = json_parse(text, bytes, &fault);
  if (!root)
    return bad(h, "%s: byte %zu of its header is not JSON: %s; the file is damaged or no safetensors file",
               h->path, LENGTH_BYTES + fault.at, fault.what);
  bool ok =
      json_is_object(root) ? parse_entries(h, root) : bad(h, "%s: its header is no JSON object", h->path);
  json_decref(root);
  return ok;
}

static uint64_t little_endian(const unsigned char b[LENGTH_BYTES]) {
  uint64_t n = 0;
  for (int i = LENGTH_BYTES - 1; i >= 0; i--)
    n = n << 8 | b[i];
  return n;
}

/* The header's length, held against the file's size; 0: it is wrong. */
static uint64_t header_length(struct header *h, int fd, int64_t size) {
  unsigned char start[512];
  ssize_t n = pread(fd, start, sizeof start, 0);
  const char *kind = n < 0 ? NULL : file_kind(start, (size_t)n);
  if (kind)
    return bad(h, "%s: %s", h->path, kind);
  if (size < LENGTH_BYTES || n < LENGTH_BYTES)
    return bad(h, "%s: has %lld bytes, too few for a safetensors file; it is cut short: fetch it again",
               h->path, (long long)size);
  uint64_t length = little_endian(start);
  bool ascii = (length & 0x8080808080808080u) == 0;
  if (length > MOST_HEADER_BYTES && ascii && !not_text(h->c->arena, (const char *)start, (size_t)n))
    return bad(h, "%s: is a text, no safetensors file; it begins with \"%s\"", h->path,
               message_bytes(h->c->arena, (const char *)start, n < 40 ? (size_t)n : 40));
  if (length > MOST_HEADER_BYTES)
    return bad(
        h, "%s: claims a header of %llu bytes, and at most %d are read; it is damaged or no safetensors file",
        h->path, (unsigned long long)length, MOST_HEADER_BYTES);
  if (length < 2 || length > (uint64_t)(size - LENGTH_BYTES))
    return bad(
        h, "%s: claims a header of %llu bytes in a file of %lld; it is cut short or damaged: fetch it again",
        h->path, (unsigned long long)length, (long long)size);
  return length;
}

static bool read_header(struct header *h, int fd, int64_t size) {
  uint64_t length = header_length(h, fd, size);
  if (!length)
    return false;
  char *text = xmalloc(length);
  struct shard *s = &h->c->shards.at[h->c->shards.n - 1];
  s->data_at = LENGTH_BYTES + (int64_t)length;
  s->data_bytes = h->data_bytes = size - s->data_at;
  bool ok = pread(fd, text, length, LENGTH_BYTES) == (ssize_t)length
                ? parse_header(h, text, length)
                : bad(h, "%s: cannot read its header: %s", h->path, strerror(errno));
  free(text);
  return ok;
}

const char *safetensors_open(struct checkpoint *c, const char *path) {
  struct header h = {.c = c, .path = arena_strdup(c->arena, path), .first = c->tensors.n};
  int64_t size;
  int fd = file_try(c->arena, path, &size, &h.fault);
  if (fd < 0)
    return h.fault;
  vec_push(c->arena, c->shards, (struct shard){.path = h.path, .fd = fd}); /* checkpoint_close closes it */
  if (read_header(&h, fd, size))
    return NULL;
  c->tensors.n = h.first;
  return h.fault;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static json_t *entry_json(const struct safetensors_entry *e, int64_t begin) {
  json_t *shape = json_array();
  for (int i = 0; i < e->rank; i++)
    json_array_append_new(shape, json_integer(e->shape[i]));
  return json_pack("{s:s, s:o, s:[I,I]}", "dtype", e->dtype, "shape", shape, "data_offsets",
                   (json_int_t)begin, (json_int_t)(begin + e->bytes));
}

void safetensors_write_header(FILE *f, json_t *metadata, const struct safetensors_entry *e, int n) {
  json_t *root = json_object();
  int64_t at = 0;
  json_object_set(root, "__metadata__", metadata);
  for (int i = 0; i < n; at += e[i++].bytes)
    json_object_set_new(root, e[i].name, entry_json(&e[i], at));
  char *text = json_dumps(root, JSON_COMPACT);
  size_t length = strlen(text), padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  for (int i = 0; i < LENGTH_BYTES; i++)
    fputc((int)(padded >> 8 * i & 255), f);
  fprintf(f, "%s%*s", text, (int)(padded - length), "");
  free(text);
  json_decref(root);
}

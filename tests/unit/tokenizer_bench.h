/* tokenizer_bench.h: what the tests of tokenizers share: a folder for a tokenizer's files, what is said of
 * them, and a small BPE as tokenizer.json. */
#ifndef TERN_TESTS_TOKENIZER_BENCH_H
#define TERN_TESTS_TOKENIZER_BENCH_H

#include "frontend/checkpoint/checkpoint.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/tokenizer_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TALES TERN_SHARED "/models/tales"

struct fixture {
  struct arena arena;
  struct diag diag;
  char dir[64];   /* a temporary directory */
  char *messages; /* what diag printed */
  size_t n_messages;
};

static inline int setup(void **state) {
  struct fixture *f = calloc(1, sizeof *f);
  const char *base = getenv("TMPDIR");
  snprintf(f->dir, sizeof f->dir, "%.40s/tern-test-XXXXXX", base ? base : "/tmp");
  assert_non_null(mkdtemp(f->dir));
  f->diag.out = open_memstream(&f->messages, &f->n_messages);
  *state = f;
  return 0;
}

static inline void put_file(struct fixture *f, const char *name, const void *text, size_t n) {
  FILE *file = fopen(arena_printf(&f->arena, "%s/%s", f->dir, name), "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, n, file), n);
  assert_int_equal(fclose(file), 0);
}

static inline void remove_file(struct fixture *f, const char *name) {
  unlink(arena_printf(&f->arena, "%s/%s", f->dir, name));
}

static inline int teardown(void **state) {
  struct fixture *f = *state;
  remove_file(f, "tokenizer.model");
  remove_file(f, "tokenizer.json");
  remove_file(f, "tokenizer_config.json");
  remove_file(f, "generation_config.json");
  remove_file(f, "special_tokens_map.json");
  remove_file(f, "added_tokens.json");
  remove_file(f, "config.json");
  assert_int_equal(rmdir(f->dir), 0);
  fclose(f->diag.out);
  free(f->messages);
  diag_free(&f->diag);
  arena_free(&f->arena);
  free(f);
  return 0;
}

/* ---- helpers ---- */

static inline bool have_tales(void) {
  return access(TALES "/tokenizer.model", R_OK) == 0;
}

static inline struct tokenizer *open_block(const void *block, size_t bytes) {
  char error[256] = "";
  struct tokenizer *t = tokenizer_open(block, bytes, error, sizeof error);
  if (!t)
    print_error("%s\n", error);
  assert_non_null(t);
  return t;
}

static inline struct tokenizer *open_dir(struct fixture *f, const char *dir) {
  uint8_t *block;
  size_t bytes;
  checkpoint_tokenizer(&f->diag, &f->arena, dir, &block, &bytes);
  fflush(f->diag.out);
  if (!block)
    print_error("%s", f->messages);
  assert_non_null(block);
  return open_block(block, bytes);
}

static inline struct tokenizer *open_json(struct fixture *f, const char *json) {
  put_file(f, "tokenizer.json", json, strlen(json));
  return open_dir(f, f->dir);
}

/* The ids of a text as "1 2 3". */
static inline const char *ids_of(struct fixture *f, const struct tokenizer *t, const char *text, size_t n) {
  uint32_t *ids;
  size_t count = tokenizer_encode(t, text, n, TOKENIZER_SPECIAL_NEVER, &ids);
  char *s = arena_alloc(&f->arena, count * 8 + 1), *w = s;
  for (size_t i = 0; i < count; i++)
    w += sprintf(w, i ? " %u" : "%u", ids[i]);
  free(ids);
  return s;
}

#define assert_ids(f, t, text, expected) assert_string_equal(ids_of(f, t, text, strlen(text)), expected)

/* What encoding and decoding makes of a text. */
static inline char *round_trip(struct fixture *f, const struct tokenizer *t, const char *text, size_t n,
                               size_t *length) {
  uint32_t *ids;
  size_t count = tokenizer_encode(t, text, n, TOKENIZER_SPECIAL_NEVER, &ids), k;
  char *out = arena_alloc(&f->arena, 4 * n + 16);
  *length = 0;
  for (size_t i = 0; i < count; i++) {
    const char *piece = tokenizer_piece(t, ids[i], i == 0, &k);
    memcpy(out + *length, piece, k);
    *length += k;
  }
  free(ids);
  return out;
}

/* A BPE of a few letters; `rest` goes into the object, `model` into the model. */
static inline const char *small_json(struct fixture *f, const char *rest, const char *model,
                                     const char *merges) {
  return arena_printf(
      &f->arena,
      "{\"model\": {\"type\": \"BPE\", \"unk_token\": \"?\", \"vocab\": {\"?\": 0, \"a\": 1, \"b\": 2, "
      "\"c\": 3, \"ab\": 4, \"bc\": 5, \"abc\": 6, \"\xE2\x96\x81\": 7, \"\xE2\x96\x81"
      "a\": 8}, \"merges\": %s%s}%s}",
      merges, model, rest);
}

#define MERGES "[\"b c\", \"a b\", \"ab c\", \"a bc\", \"\xE2\x96\x81 a\"]"
#define METASPACE(more)                                                                                      \
  ", \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\xE2\x96\x81\"" more "}"

#endif

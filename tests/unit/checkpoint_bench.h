/* checkpoint_bench.h: what the tests of checkpoints share: a directory that goes again, diagnostics that are
 * collected, files of any content. */
#ifndef TERN_TESTS_CHECKPOINT_BENCH_H
#define TERN_TESTS_CHECKPOINT_BENCH_H

#include "frontend/checkpoint/checkpoint.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bench {
  char dir[64];
  struct arena arena;
  struct diag diag;
  char *said; /* what diagnostics printed so far */
  size_t said_bytes, seen;
};

static inline int set_up(void **state) {
  struct bench *b = calloc(1, sizeof *b);
  strcpy(b->dir, "/tmp/test_checkpoint-XXXXXX");
  assert_non_null(mkdtemp(b->dir));
  b->diag.out = open_memstream(&b->said, &b->said_bytes);
  *state = b;
  return 0;
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at) {
  (void)st, (void)kind, (void)at;
  return remove(path);
}

static inline int tear_down(void **state) {
  struct bench *b = *state;
  nftw(b->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
  fclose(b->diag.out);
  free(b->said);
  diag_free(&b->diag);
  arena_free(&b->arena);
  free(b);
  return 0;
}

/* What was said since the last call contains `text`, and errors were among it. */
static inline void expect_said(struct bench *b, const char *text) {
  fflush(b->diag.out);
  if (!strstr(b->said + b->seen, text) || !b->diag.errors)
    fail_msg("expected '%s' among the diagnostics:\n%s", text, b->said + b->seen);
  b->diag.errors = 0;
  b->seen = b->said_bytes;
}

static inline void expect_quiet(struct bench *b) {
  fflush(b->diag.out);
  if (b->diag.errors)
    fail_msg("unexpected: %s", b->said + b->seen);
}

static inline const char *in(struct bench *b, const char *name) {
  return arena_printf(&b->arena, "%s/%s", b->dir, name);
}

static inline void write_file(const char *path, const void *data, size_t bytes) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, bytes, f), bytes);
  fclose(f);
}

static inline void write_text(const char *path, const char *text) {
  write_file(path, text, strlen(text));
}

/* A safetensors file of a header that need not be right, with a length that need not be either. */
static inline void write_raw(const char *path, uint64_t length, const char *header, const void *data,
                             size_t bytes) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  fwrite(&length, sizeof length, 1, f);
  fputs(header, f);
  fwrite(data, 1, bytes, f);
  fclose(f);
}

static inline void write_tensors(const char *path, const char *header, const void *data, size_t bytes) {
  write_raw(path, strlen(header), header, data, bytes);
}

static inline char *slurp(struct bench *b, const char *path, size_t *bytes) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  char *text = arena_alloc(&b->arena, 1 << 20);
  *bytes = fread(text, 1, 1 << 20, f);
  fclose(f);
  return text;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif

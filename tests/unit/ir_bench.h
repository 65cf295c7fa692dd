/* ir_bench.h: what the tests of the IR share: a module from its text, what is said of it, and its text again.
 */
#ifndef TERN_TESTS_IR_BENCH_H
#define TERN_TESTS_IR_BENCH_H

#include "ir/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One compilation with what it says to the user. */
struct bench {
  struct arena arena;
  struct diag diag;
  char *said;
  size_t said_bytes;
};

static inline struct bench *bench_new(void) {
  struct bench *b = xmalloc(sizeof *b);
  *b = (struct bench){0};
  b->diag.out = open_memstream(&b->said, &b->said_bytes);
  return b;
}

static inline const char *said(struct bench *b) {
  fflush(b->diag.out);
  return b->said ? b->said : "";
}

static inline void bench_free(struct bench *b) {
  fclose(b->diag.out);
  free(b->said);
  diag_free(&b->diag);
  arena_free(&b->arena);
  free(b);
}

static inline struct module *parse_bytes(struct bench *b, const char *text, size_t length) {
  return ir_parse(&b->arena, &b->diag, diag_add_source(&b->diag, "t.tir", text, length));
}

static inline struct module *parse(struct bench *b, const char *text) {
  return parse_bytes(b, text, strlen(text));
}

/* The caller frees. */
static inline char *print(const struct module *m) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  ir_print(m, out);
  fclose(out);
  return text;
}

#endif

/* loops_common.h: what the tests of lowering share: a module from its text, passes over it, and its loops. */
#ifndef TERN_TESTS_LOOPS_COMMON_H
#define TERN_TESTS_LOOPS_COMMON_H

#include "backends/lower/lower.h"
#include "passes/pass.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bench {
  struct arena arena;
  struct diag diag;
  char *said;
  size_t said_bytes;
  struct module *m;
  struct loops *loops;
};

/* Parses, runs the passes of `list` and lowers; `loops` is NULL after a diagnostic, which `said` has. */
static inline void bench_open_packed(struct bench *b, const char *text, const char *list,
                                     enum storage packing) {
  *b = (struct bench){0};
  b->diag.out = open_memstream(&b->said, &b->said_bytes);
  b->m = ir_parse(&b->arena, &b->diag, diag_add_source(&b->diag, "m.tir", text, strlen(text)));
  struct pass_options options = {.context.packing = packing, .verify = true};
  bool ok = b->m && (!*list || passes_run(b->m, list, &options));
  b->loops = ok ? loops_lower(&b->arena, b->m, &policy_team) : NULL;
  fflush(b->diag.out);
}

static inline void bench_open(struct bench *b, const char *text, const char *list) {
  bench_open_packed(b, text, list, STORE_NONE);
}

static inline void bench_close(struct bench *b) {
  fclose(b->diag.out);
  free(b->said);
  diag_free(&b->diag);
  arena_free(&b->arena);
}

/* The loops as text; the caller frees. */
static inline char *printed(const struct loops *l) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *out = open_memstream(&text, &bytes);
  loops_print(l, out);
  fclose(out);
  char *copy = xstrdup(text);
  free(text);
  return copy;
}

static inline int count(const char *text, const char *what) {
  int n = 0;
  for (const char *p = text; (p = strstr(p, what)); p++)
    n++;
  return n;
}

#endif

/* bare_parts.h: what the files that print C for chips share. */
#ifndef TERN_BACKENDS_C_BARE_PARTS_H
#define TERN_BACKENDS_C_BARE_PARTS_H

#include "backends/c/c.h"
#include "backends/c/print_c.h"

struct bare {
  struct arena *arena;
  struct diag *d;
  const struct loops *loops;
  const struct bare_options *options;
  struct bare_sizes sizes;
  const char *name, *upper; /* what functions and macros begin with */
  const char *logit;        /* the type of a logit */
  int frac;                 /* its fraction bits, of an integer */
  bool floats;              /* it computes with floats */
};

/* `text` with $n: the model's name; $N: in capitals; $s: the spec's file; $l: the type of a logit. */
void bare_text(FILE *out, const struct bare *b, const char *text);

/* ---- bare_header.c ---- */
void bare_header(FILE *out, const struct bare *b);

/* ---- bare_library.c ---- */
/* Prints those functions, types and macros of runtime/kernels and of ops.c that `code` uses, and those that
 * they use. False after a diagnostic: a source cannot be read. */
bool bare_library(FILE *out, const struct bare *b, const char *code);

#endif

/* diag.h: what a user is told when something is wrong.
 *
 * A diagnostic has a place (file, line, column), a severity and a message; where the text of the file is
 * known, the source line and a caret follow, the caret counted in terminal columns. All output goes through
 * one `struct diag`, so that a host (a test, a library user) can collect it. Nothing here exits. */
#ifndef TERN_SUPPORT_DIAG_H
#define TERN_SUPPORT_DIAG_H

#include "support/arena.h"
#include <stdbool.h>
#include <stdio.h>

/* A span of one line of a source file. Lines and columns count from 1, columns in bytes; `end` is one past
 * the last byte. file 0: no place. */
struct loc {
  uint16_t file;
  uint16_t column, end;
  uint32_t line;
};

struct source {
  const char *name; /* as it is shown to the user */
  const char *text; /* whole, terminated; NULL when it is not kept */
  size_t length;
};

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

enum { DIAG_MAX_ERRORS = 20 }; /* further errors are counted, not printed */

struct diag {
  struct arena arena;
  FILE *out; /* NULL: stderr */
  VEC(struct source) sources;
  int errors, warnings;
  bool lenient; /* what is reported as an error harms nothing here: it is told and counted as a warning */
};

/* Registers a text under the name that diagnostics show; returns its file number (from 1). Text is not
 * copied. */
uint16_t diag_add_source(struct diag *d, const char *name, const char *text, size_t length);

/* A message at a place. loc.file == 0 prints the message alone ("error: ..."). */
void diag_at(struct diag *d, enum severity s, struct loc at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* An error that is not in a source text: it names its own place, e.g. "model.safetensors: ...". */
void diag_error(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag_note(struct diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The last line of a run that failed: says how many errors were not shown. */
void diag_finish(struct diag *d);
void diag_free(struct diag *d);

/* The candidate nearest to `word` (Damerau-Levenshtein, at most a third of its length away), or NULL.
 * For "did you mean 'x'?". */
const char *diag_nearest(const char *word, const char *const *candidates, int n);

#endif

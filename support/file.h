/* file.h: reading files whole, and writing them so that a failure leaves nothing behind. */
#ifndef TERN_SUPPORT_FILE_H
#define TERN_SUPPORT_FILE_H

#include "support/diag.h"

/* The whole of a file, terminated by a zero that `*length` does not count; in the arena. NULL after a
 * diagnostic. Refuses directories and files over `limit` bytes. */
char *file_read(struct diag *d, struct arena *a, const char *path, size_t limit, size_t *length);

/* A file that appears under its name only when it is whole: it is written beside its place under a temporary
 * name and renamed by output_close. "-" is standard output. Every error, a full disk included, is reported
 * once and the temporary file removed; output_abort removes it too (safe on a closed one). */
struct output {
  FILE *file; /* write here */
  char *path, *temporary;
  struct diag *diag;
};
bool output_open(struct output *o, struct diag *d, const char *path);
bool output_close(struct output *o, bool executable);
void output_abort(struct output *o);

#endif

/* files.h: whole files in, atomic files out, token ids as text. "-" is standard input or output. */
#ifndef TERN_RUNTIME_FILES_H
#define TERN_RUNTIME_FILES_H

#include "base.h"

#include <stdio.h>

/* The bytes of a file, malloc'ed and followed by a zero byte that *n does not count. */
bool read_whole(const char *path, char **bytes, size_t *n, struct failure *f);

/* Decimal ids separated by white space; each must be below `bound`. `*ids` is malloc'ed. */
bool read_ids(const char *path, uint32_t bound, uint32_t **ids, size_t *n, struct failure *f);

/* A file that appears under its name only when it is whole. Devices and pipes are written in place. */
struct written {
  FILE *file; /* write here */
  const char *path;
  char *temporary, *target; /* NULL when written in place */
};

bool written_open(struct written *w, const char *path, struct failure *f);
/* Puts the file in its place, or removes what was written when `ok` is false or a write failed. */
bool written_close(struct written *w, bool ok, struct failure *f);

/* Passes what was printed to standard output on; false with a message when some of it was lost. */
bool stdout_finish(struct failure *f);

#endif

/* directory.h: a directory of files that appear together, all whole or none. */
#ifndef TERN_FRONTEND_CHECKPOINT_DIRECTORY_H
#define TERN_FRONTEND_CHECKPOINT_DIRECTORY_H

#include "support/file.h"

enum { DIRECTORY_MOST_FILES = 16 };

struct directory {
  struct diag *diag;
  const char *path;
  bool open;
  struct arena arena;
  struct output files[DIRECTORY_MOST_FILES];
  int n;
};

/* Every function that returns false or NULL has reported why; then and after directory_close only
 * directory_abort may follow, which may always be called. */
bool directory_open(struct directory *o, struct diag *d, const char *path); /* made if missing */
FILE *directory_add(struct directory *o, const char *name);                 /* a file to write */
bool directory_copy(struct directory *o, const char *from, const char *name);
/* Gives the files their names, all of them or none. */
bool directory_close(struct directory *o);
/* Removes what is not closed, and the directory if it was made here; files that were there before stay. */
void directory_abort(struct directory *o);

#endif

/* directory.c: several atomic outputs (support/file.h) in one directory, closed together. */
#include "frontend/checkpoint/directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_COPIED_BYTES = 1 << 30 }; /* of tokenizer and configuration files */

bool directory_open(struct directory *o, struct diag *d, const char *path) {
  *o = (struct directory){.diag = d};
  o->path = arena_strdup(&o->arena, path);
  struct stat st;
  o->made = mkdir(path, 0777) == 0;
  if (o->made || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
    return true;
  diag_error(d, "%s: cannot make this directory: %s", path, strerror(errno));
  return false;
}

FILE *directory_add(struct directory *o, const char *name) {
  o->names[o->n] = arena_printf(&o->arena, "%s/%s", o->path, name);
  return output_open(&o->files[o->n], o->diag, o->names[o->n]) ? o->files[o->n++].file : NULL;
}

bool directory_copy(struct directory *o, const char *from, const char *name) {
  struct arena a = {0};
  size_t length;
  char *text = file_read(o->diag, &a, from, MOST_COPIED_BYTES, &length);
  FILE *to = text ? directory_add(o, name) : NULL;
  if (to)
    fwrite(text, 1, length, to);
  arena_free(&a);
  return to != NULL;
}

/* The last file first: it is the one that was written last, and when that failed errno still says why. */
bool directory_close(struct directory *o) {
  int next = o->n;
  while (next > 0 && output_close(&o->files[next - 1], false))
    next--;
  bool ok = next == 0;
  for (int i = next; !ok && o->made && i < o->n; i++)
    unlink(o->names[i]);
  if (ok) {
    o->made = false; /* it stays */
    directory_abort(o);
  }
  return ok;
}

void directory_abort(struct directory *o) {
  for (int i = 0; i < o->n; i++)
    output_abort(&o->files[i]);
  if (o->made)
    rmdir(o->path);
  arena_free(&o->arena);
  o->n = 0;
  o->made = false;
}

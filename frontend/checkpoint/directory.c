/* directory.c: a group of outputs (support/file.h) in one folder. */
#include "frontend/checkpoint/directory.h"

enum { MOST_COPIED_BYTES = 1 << 30 }; /* of tokenizer and configuration files */

bool directory_open(struct directory *o, struct diag *d, const char *path) {
  *o = (struct directory){.diag = d, .open = true};
  o->path = arena_strdup(&o->arena, path);
  outputs_begin();
  return output_folder(d, path);
}

FILE *directory_add(struct directory *o, const char *name) {
  const char *path = arena_printf(&o->arena, "%s/%s", o->path, name);
  return output_open_seekable(&o->files[o->n], o->diag, path) ? o->files[o->n++].file : NULL;
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

bool directory_close(struct directory *o) {
  bool ok = true;
  for (int i = 0; i < o->n && ok; i++)
    ok = output_close(&o->files[i], false);
  for (int i = 0; i < o->n; i++)
    output_abort(&o->files[i]);
  o->open = false;
  ok = outputs_end(o->diag, ok);
  directory_abort(o);
  return ok;
}

void directory_abort(struct directory *o) {
  for (int i = 0; i < o->n; i++)
    output_abort(&o->files[i]);
  if (o->open)
    outputs_end(o->diag, false);
  arena_free(&o->arena);
  o->n = 0;
  o->open = false;
}

/* files.c: reads a spec and its imports.
 *
 * A file is read once, however often it is imported; its imports come before it, so that params are evaluated
 * in an order in which each sees those it uses. A file sees its own names and those of its imports. */
#include "frontend/language/spec_files.h"
#include "frontend/language/spec_parse.h"
#include "support/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IMPORT_DEPTH = 32, MAX_FILE_BYTES = 4 << 20 };

/* ---- messages ---------------------------------------------------------------------------------------- */

static struct spec_file *file_numbered(const struct spec_program *p, uint16_t number) {
  for (int i = 0; i < p->files.n; i++)
    if (p->files.at[i]->number == number)
      return p->files.at[i];
  return NULL;
}

void program_chain(struct spec_program *p, struct loc at) {
  struct spec_file *f = file_numbered(p, at.file);
  if (!f || f->chain_shown)
    return;
  f->chain_shown = true;
  for (; f && f->imported.file; f = file_numbered(p, f->imported.file))
    diag_at(p->diag, SEVERITY_NOTE, f->imported, "'%s' is imported here", f->path);
}

void program_error(struct spec_program *p, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_at(p->diag, SEVERITY_ERROR, at, "%s", arena_vprintf(p->arena, format, ap));
  va_end(ap);
  program_chain(p, at);
}

void program_note(struct spec_program *p, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  diag_at(p->diag, SEVERITY_NOTE, at, "%s", arena_vprintf(p->arena, format, ap));
  va_end(ap);
}

/* ---- names ------------------------------------------------------------------------------------------- */

static bool sees(const struct spec_program *p, const struct spec_file *from, int file) {
  return from->sees[file] || p->files.at[file] == from;
}

struct block_node *program_block(const struct spec_program *p, const struct spec_file *from,
                                 const char *name) {
  for (int i = 0; i < p->files.n; i++)
    for (int k = 0; sees(p, from, i) && k < p->files.at[i]->blocks.n; k++)
      if (strcmp(p->files.at[i]->blocks.at[k]->name.text, name) == 0)
        return p->files.at[i]->blocks.at[k];
  return NULL;
}

struct param_node *program_param(const struct spec_program *p, const struct spec_file *from,
                                 const char *name) {
  for (int i = 0; i < p->files.n; i++)
    for (int k = 0; sees(p, from, i) && k < p->files.at[i]->params.n; k++)
      if (strcmp(p->files.at[i]->params.at[k]->name.text, name) == 0)
        return p->files.at[i]->params.at[k];
  return NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static const char *beside(struct arena *a, const char *file, const char *path) {
  const char *slash = strrchr(file, '/');
  if (path[0] == '/' || !slash)
    return path;
  return arena_printf(a, "%.*s%s", (int)(slash + 1 - file), file, path);
}

static int file_index(const struct spec_program *p, const struct spec_file *f) {
  for (int i = 0; i < p->files.n; i++)
    if (p->files.at[i] == f)
      return i;
  return -1;
}

static struct spec_file *read_file(struct spec_program *p, const char *path, struct loc imported, int depth);

/* Reads one import; the importing file sees all that the imported one does. */
static bool read_import(struct spec_program *p, struct spec_file *f, const struct import_node *import,
                        int depth) {
  if (depth >= MAX_IMPORT_DEPTH) {
    program_error(p, import->at, "imports nest more than %d deep", MAX_IMPORT_DEPTH);
    return false;
  }
  const char *path = import->name ? library_file(p, import) : beside(p->arena, f->path, import->path);
  struct spec_file *g = path ? read_file(p, path, import->at, depth + 1) : NULL;
  if (!g)
    return false;
  f->sees[file_index(p, g)] = true;
  for (int i = 0; i < MAX_FILES; i++)
    f->sees[i] |= g->sees[i];
  return true;
}

static struct spec_file *find_file(struct spec_program *p, const char *path, const char *real,
                                   struct loc imported, bool *cycle) {
  for (int i = 0; i < p->files.n; i++)
    if (strcmp(p->files.at[i]->real, real) == 0) {
      *cycle = p->files.at[i]->open;
      if (*cycle)
        program_error(p, imported, "'%s' imports itself, here or through what it imports", path);
      return p->files.at[i];
    }
  return NULL;
}

static struct spec_file *read_text(struct spec_program *p, const char *path, const char *real,
                                   struct loc imported, bool *ok) {
  size_t length;
  const char *text = text_read(p->diag, p->arena, path, MAX_FILE_BYTES, &length);
  if (!text) {
    if (imported.file)
      program_note(p, imported, "it is imported here");
    return NULL;
  }
  struct spec_file *f = arena_new(p->arena, struct spec_file);
  f->path = path;
  f->real = real;
  f->imported = imported;
  f->number = diag_add_source(p->diag, path, text, length);
  vec_push(p->arena, p->files, f);
  *ok = parse_text(p->arena, p->diag, f, text, length);
  if (!*ok)
    program_chain(p, (struct loc){.file = f->number});
  return f;
}

/* NULL after diagnostics; files with syntax errors are kept, so that their imports are read too. */
static struct spec_file *read_file(struct spec_program *p, const char *path, struct loc imported, int depth) {
  char *resolved = realpath(path, NULL);
  const char *real = resolved ? arena_strdup(p->arena, resolved) : path;
  free(resolved);
  bool cycle = false, ok = true;
  struct spec_file *f = find_file(p, path, real, imported, &cycle);
  if (f)
    return cycle ? NULL : f;
  if (p->files.n == MAX_FILES) {
    program_error(p, imported, "more than %d files are imported", MAX_FILES);
    return NULL;
  }
  f = read_text(p, path, real, imported, &ok);
  if (!f)
    return NULL;
  f->open = true;
  for (int i = 0; i < f->imports.n; i++)
    ok &= read_import(p, f, &f->imports.at[i], depth);
  f->open = false;
  vec_push(p->arena, p->order, f);
  return ok ? f : NULL;
}

/* ---- one declaration a name -------------------------------------------------------------------------- */

static bool unique(struct spec_program *p, name_list *seen, struct name *name, const char *what) {
  for (int i = 0; i < seen->n; i++)
    if (strcmp(seen->at[i]->text, name->text) == 0) {
      program_error(p, name->at, "%s '%s' is declared twice", what, name->text);
      program_note(p, seen->at[i]->at, "the first declaration is here");
      return false;
    }
  vec_push(p->arena, *seen, name);
  return true;
}

static bool check_block(struct spec_program *p, struct block_node *b) {
  name_list seen = {0};
  bool ok = true;
  for (int i = 0; i < b->consts.n; i++)
    ok &= unique(p, &seen, &b->consts.at[i]->name, "the name");
  for (int i = 0; i < b->params.n; i++)
    ok &= unique(p, &seen, &b->params.at[i]->name, "the argument");
  return ok;
}

static bool check_names(struct spec_program *p) {
  name_list params = {0}, blocks = {0};
  bool ok = true;
  for (int i = 0; i < p->order.n; i++) {
    struct spec_file *f = p->order.at[i];
    for (int k = 0; k < f->params.n; k++)
      ok &= unique(p, &params, &f->params.at[k]->name, "the parameter");
    for (int k = 0; k < f->blocks.n; k++)
      ok &= unique(p, &blocks, &f->blocks.at[k]->name, "the block") && check_block(p, f->blocks.at[k]);
  }
  return ok;
}

bool program_read(struct spec_program *p, const char *path) {
  int errors = p->diag->errors;
  read_file(p, arena_strdup(p->arena, path), (struct loc){0}, 0);
  return p->diag->errors == errors && check_names(p);
}

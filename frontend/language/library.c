/* library.c: imports by name, of the library that is installed with the compiler: std.norms is the file
 * std/norms.tern of its folder. */
#include "frontend/language/spec_files.h"

#include "support/file.h"
#include <glob.h>
#include <string.h>

/* The name by which the library's file is imported. */
static const char *name_of(struct spec_program *p, const char *file) {
  char *name = arena_strdup(p->arena, file + strlen(p->library) + 1);
  name[strlen(name) - strlen(".tern")] = 0;
  for (char *c = name; *c; c++)
    if (*c == '/')
      *c = '.';
  return name;
}

/* The names of the folder in which the file is missing; more than enough of them, in order. */
typedef VEC(const char *) names;
static void siblings(struct spec_program *p, const char *path, names *list) {
  glob_t found;
  int folder = (int)(strrchr(path, '/') - path);
  if (glob(arena_printf(p->arena, "%.*s/*.tern", folder, path), 0, NULL, &found) != 0)
    return;
  for (size_t i = 0; i < found.gl_pathc; i++)
    vec_push(p->arena, *list, name_of(p, found.gl_pathv[i]));
  globfree(&found);
}

static void unknown(struct spec_program *p, const struct import_node *import, const char *path) {
  names list = {0};
  siblings(p, path, &list);
  const char *near = diag_nearest(import->name, list.at, list.n);
  const char *hint = near ? arena_printf(p->arena, "; did you mean '%s'?", near) : "";
  program_error(p, import->at, "the library has no '%s': there is no %s%s", import->name, path, hint);
  const char *all = "";
  for (int i = 0; i < list.n; i++)
    all = arena_printf(p->arena, "%s%s%s", all, i ? ", " : "", list.at[i]);
  if (list.n)
    program_note(p, import->at, "it has %s; a file of your own is imported by its path, \"FILE.tern\"", all);
}

const char *library_file(struct spec_program *p, const struct import_node *import) {
  if (!p->library) {
    program_error(p, import->at, "'%s' is in the library, and no library was given", import->name);
    return NULL;
  }
  const char *path = arena_printf(p->arena, "%s/%s", p->library, import->path);
  if (file_exists(path))
    return path;
  unknown(p, import, path);
  return NULL;
}

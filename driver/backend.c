/* backend.c: the rows of backends.def, by name. */
#include "driver/backend.h"

#include <string.h>

const struct backend backends[] = {
#define BACKEND(function, text, words, ...)                                                                  \
  {.name = text, .help = words, .emit = emit_##function, __VA_ARGS__},
#define VARIANT(function, text, chosen, ...)                                                                 \
  {.name = text, .option = chosen, .emit = emit_##function, __VA_ARGS__},
#include "driver/backends.def"
};
const int backend_count = sizeof backends / sizeof *backends;

const char backend_words[] = ""
#define BACKEND(function, text, ...) "|" text
#include "driver/backends.def"
    ;

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

const struct backend *backend_find(const char *name, const char *variant) {
  for (int i = 0; i < backend_count; i++)
    if (strcmp(backends[i].name, name) == 0 && same(backends[i].option, variant))
      return &backends[i];
  return NULL;
}

const struct backend *backend_by_default(void) {
  for (int i = 0; i < backend_count; i++)
    if (backends[i].by_default)
      return &backends[i];
  return NULL;
}

const char *backend_of_variant(const char *option) {
  for (int i = 0; i < backend_count; i++)
    if (same(backends[i].option, option))
      return backends[i].name;
  return NULL;
}

const char *backend_accepting(enum accepted what) {
  for (int i = 0; i < backend_count; i++)
    if (backends[i].accepts & what)
      return backends[i].name;
  return NULL;
}

const char *backend_names(struct arena *a, const char *between) {
  const char *list = "";
  for (int i = 0; i < backend_count; i++)
    if (!backends[i].option)
      list = arena_printf(a, "%s%s%s", list, *list ? between : "", backends[i].name);
  return list;
}

const char *backend_nearest(const char *name) {
  struct arena a = {0};
  const char **names = arena_array(&a, const char *, backend_count);
  int n = 0;
  for (int i = 0; i < backend_count; i++)
    if (!backends[i].option)
      names[n++] = backends[i].name;
  const char *near = diag_nearest(name, names, n);
  arena_free(&a);
  return near;
}

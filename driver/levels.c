/* levels.c: an object a processor, and ld -r over them. */
#include "driver/levels.h"

#include <string.h>

int levels_count(const struct native_options *o) {
  int n = 1;
  for (const char *at = o->cpu ? o->cpu : ""; *at; at++)
    n += *at == ',';
  return n;
}

/* The options of one of them. */
static struct native_options level_options(struct job *j, const struct native_options *o, int level) {
  struct native_options one = *o;
  const char *at = o->cpu;
  one.level = level;
  one.levels = levels_count(o);
  for (int i = 0; i < level; i++)
    at = strchr(at, ',') + 1;
  if (at)
    one.cpu = arena_strndup(&j->arena, at, strcspn(at, ","));
  return one;
}

static bool names_differ(struct job *j, const struct native_options *o) {
  for (int i = 0, n = levels_count(o); i < n && n > 1; i++) {
    const char *name = level_options(j, o, i).cpu;
    bool twice = false;
    for (int k = 0; k < i; k++)
      twice |= strcmp(level_options(j, o, k).cpu, name) == 0;
    if (*name && !twice)
      continue;
    diag_error(&j->diag, "--cpu %s: %s; expected different processors with commas between, the least first",
               o->cpu, *name ? arena_printf(&j->arena, "%s is there twice", name) : "a name is missing");
    return false;
  }
  return true;
}

/* A program takes the last one that its processor runs; one before it that asks for more would never be. */
static bool names_rise(struct job *j, const struct native_options *o) {
  for (int k = 1, n = levels_count(o); k < n; k++)
    for (int i = 0; i < k; i++) {
      struct native_options a = level_options(j, o, i), b = level_options(j, o, k);
      bool implies;
      if (!native_implies(&j->diag, &a, &b, &implies))
        return false;
      if (!implies)
        continue;
      diag_error(
          &j->diag,
          "--cpu %s: what runs %s runs %s too, which stands behind it, so that %s would never be taken; "
          "write the least first, or leave one out",
          o->cpu, a.cpu, b.cpu, a.cpu);
      return false;
    }
  return true;
}

bool levels_fast_trits(struct job *j, const struct native_options *o, bool *fast) {
  if (!names_differ(j, o) || !names_rise(j, o))
    return false;
  *fast = true;
  for (int i = 0; i < levels_count(o); i++) {
    struct native_options one = level_options(j, o, i);
    bool this = false;
    if (!native_fast_trits(&j->diag, &one, &this))
      return false;
    *fast &= this;
  }
  return true;
}

bool levels_object(struct job *j, const struct loops *l, const struct native_options *o, const char *dir,
                   const char *path) {
  int n = levels_count(o);
  if (n == 1)
    return native_write(&j->diag, l, o, NATIVE_OBJECT, path);
  VEC(const char *) argv = {0};
  vec_push(&j->arena, argv, "ld");
  vec_push(&j->arena, argv, "-r");
  vec_push(&j->arena, argv, "-o");
  vec_push(&j->arena, argv, path);
  for (int i = 0; i < n; i++) {
    struct native_options one = level_options(j, o, i);
    const char *object = arena_printf(&j->arena, "%s/level%d.o", dir, i);
    if (!native_write(&j->diag, l, &one, NATIVE_OBJECT, object))
      return false;
    vec_push(&j->arena, argv, object);
  }
  vec_push(&j->arena, argv, NULL);
  return run_program(&j->diag, argv.at);
}

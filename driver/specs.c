/* specs.c: which shipped spec a checkpoint is for: the one whose `for` has the model_type of config.json, or
 * without one one of its architectures, which is how `for` is held against it (require.c). The specs are
 * those of the installed folder share/tern/examples. */
#include "driver/driver.h"

#include "support/escape.h"
#include <glob.h>
#include <string.h>

struct shipped {
  const char *path;
  spec_kinds kinds;
};
typedef VEC(struct shipped) shipped_list;

static bool list_specs(struct job *j, shipped_list *list) {
  const char *folder = tern_file(j, "share/tern/examples");
  glob_t found;
  if (!folder)
    return false;
  if (glob(arena_printf(&j->arena, "%s/*/*.tern", folder), 0, NULL, &found) != 0)
    return true;
  for (size_t i = 0; i < found.gl_pathc; i++) {
    struct shipped s = {.path = arena_strdup(&j->arena, found.gl_pathv[i])};
    spec_kinds_of(&j->arena, s.path, tern_library(j), &s.kinds);
    if (s.kinds.n)
      vec_push(&j->arena, *list, s);
  }
  globfree(&found);
  return true;
}

static const struct shipped *spec_for(const shipped_list *list, const char *kind) {
  for (int i = 0; i < list->n; i++)
    for (int k = 0; k < list->at[i].kinds.n; k++)
      if (strcmp(list->at[i].kinds.at[k], kind) == 0)
        return &list->at[i];
  return NULL;
}

static const struct shipped *choose(const shipped_list *list, const model_kinds *names, const char **kind) {
  const struct shipped *s = NULL;
  for (int i = 0; i < names->n && !s; i++)
    s = spec_for(list, *kind = names->at[i]);
  return s;
}

const char *specs_known(struct job *j) {
  shipped_list list = {0};
  model_kinds names = {0};
  const char *kind;
  checkpoint_kinds(j->checkpoint, &names);
  const struct shipped *s = names.n && list_specs(j, &list) ? choose(&list, &names, &kind) : NULL;
  return s ? s->path : NULL;
}

/* A model of one of the shipped architectures that has a type of its own. */
static void tell_architecture(struct job *j, const shipped_list *list) {
  model_kinds names = {0};
  const char *kind = NULL;
  checkpoint_architectures(j->checkpoint, &names);
  const struct shipped *s = choose(list, &names, &kind);
  if (s)
    diag_note(&j->diag,
              "its 'architectures' say '%s', which %s is for; if it computes this model too, name it as SPEC "
              "and give --no-require",
              message_text(&j->arena, kind), s->path);
}

static bool unknown(struct job *j, const shipped_list *list, const model_kinds *names) {
  const char *known = "";
  for (int i = 0; i < list->n; i++) {
    known = arena_printf(&j->arena, "%s\n    %s: ", known, list->at[i].path);
    for (int k = 0; k < list->at[i].kinds.n; k++)
      known = arena_printf(&j->arena, "%s%s%s", known, k ? ", " : "", list->at[i].kinds.at[k]);
  }
  diag_error(&j->diag, "%s/config.json says that this is '%s', for which no spec is shipped; name a SPEC",
             checkpoint_dir(j->checkpoint), message_text(&j->arena, names->at[0]));
  diag_note(&j->diag, "shipped are%s", known);
  tell_architecture(j, list);
  return false;
}

bool specs_find(struct job *j, const char **spec) {
  shipped_list list = {0};
  model_kinds names = {0};
  const char *kind = NULL, *dir = checkpoint_dir(j->checkpoint);
  checkpoint_kinds(j->checkpoint, &names);
  if (checkpoint_config_unread(j->checkpoint)) {
    diag_error(&j->diag,
               "%s/config.json, which tells the spec, cannot be read (above); mend it, or name a SPEC", dir);
    return false;
  }
  if (!names.n) {
    diag_error(
        &j->diag,
        checkpoint_has_config(j->checkpoint)
            ? "%s/config.json has neither 'model_type' nor 'architectures', which tell the spec; name a SPEC"
            : "%s has no config.json, which tells the spec; name a SPEC",
        dir);
    return false;
  }
  if (!list_specs(j, &list))
    return false;
  const struct shipped *s = choose(&list, &names, &kind);
  if (!s)
    return unknown(j, &list, &names);
  diag_note(&j->diag, "%s/config.json says '%s': the spec is %s", dir, kind, s->path);
  *spec = s->path;
  return true;
}

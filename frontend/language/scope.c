/* scope.c: names in scope, and what is said when a name is not there. One stack of bindings; an instance sees
 * those from its own start on, then the params of its file. */
#include "frontend/language/elaborate.h"

#include <string.h>

/* ---- messages ---------------------------------------------------------------------------------------- */

void fail(struct elaborator *e, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  program_error(e->program, at, "%s", arena_vprintf(e->arena, format, ap));
  va_end(ap);
}

void note(struct elaborator *e, struct loc at, const char *format, ...) {
  va_list ap;
  va_start(ap, format);
  program_note(e->program, at, "%s", arena_vprintf(e->arena, format, ap));
  va_end(ap);
}

const char *type_of(struct elaborator *e, struct type t) {
  return type_text(e->arena, e->m, t);
}

const char *suggestion(struct elaborator *e, const char *word, const char *const *candidates, int n) {
  const char *near = strlen(word) > 2 ? diag_nearest(word, candidates, n) : NULL;
  return near ? arena_printf(e->arena, "; did you mean '%s'?", near) : "";
}

/* ---- bindings ---------------------------------------------------------------------------------------- */

static int scope_start(const struct elaborator *e) {
  return e->instance ? e->instance->scope : 0;
}

struct binding *bind(struct elaborator *e, enum binding_kind kind, const char *name, struct loc at,
                     bool *used) {
  struct binding *b = arena_new(e->arena, struct binding);
  *b = (struct binding){.kind = kind, .path.text = name, .at = at, .used = used};
  vec_push(e->arena, e->scope, b);
  return b;
}

void unbind(struct elaborator *e, int from, bool remember) {
  for (int i = from; remember && i < e->scope.n; i++)
    vec_push(e->arena, e->ended, (struct name){.text = e->scope.at[i]->path.text, .at = e->scope.at[i]->at});
  e->scope.n = from;
}

bool is_path(const struct binding *b) {
  return b->kind == BIND_WEIGHT || b->kind == BIND_USE;
}

struct binding *find_name(struct elaborator *e, const char *name) {
  for (int i = e->scope.n; i-- > scope_start(e);)
    if (!is_path(e->scope.at[i]) && strcmp(e->scope.at[i]->path.text, name) == 0)
      return e->scope.at[i];
  return NULL;
}

/* ---- what is not there ------------------------------------------------------------------------------- */

static const char *last_part(const char *path) {
  const char *dot = strrchr(path, '.');
  return dot ? dot + 1 : path;
}

static void ended_note(struct elaborator *e, const char *name) {
  for (int i = e->ended.n; i-- > 0;)
    if (strcmp(e->ended.at[i].text, name) == 0) {
      note(e, e->ended.at[i].at,
           "a name that a repeat introduces ends with the repeat; assign it before to keep it");
      return;
    }
}

void unknown_name(struct elaborator *e, const struct node *n) {
  const char *name = node_text(e->arena, n);
  name_texts all = {0};
  for (int i = e->scope.n; i-- > scope_start(e);) {
    vec_push(e->arena, all, e->scope.at[i]->path.text);
    if (is_path(e->scope.at[i]))
      vec_push(e->arena, all, last_part(e->scope.at[i]->path.text));
  }
  for (int i = 0; i < e->params.n; i++)
    if (program_param(e->program, e->file, e->params.at[i].name))
      vec_push(e->arena, all, e->params.at[i].name);
  block_names(e, &all);
  fail(e, n->at, "there is no '%s' here%s", name, suggestion(e, name, all.at, all.n));
  const struct param_node *later = e->instance ? NULL : program_param(e->program, e->file, name);
  if (later)
    note(e, later->name.at, "the parameter '%s' is declared here, after its use", name);
  ended_note(e, name);
}

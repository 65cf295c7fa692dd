/* scope.c: names in scope, paths of tensors, and what is said when a name is not there.
 *
 * One stack of bindings; an instance sees those from its own start on, then the params of its file. A weight
 * or an instance is named by its whole path or by the end of it ("norm.weight", "weight"); the whole path
 * wins, and an end that fits several is an error. */
#include "frontend/language/elaborate.h"
#include "support/whole.h"

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

static bool is_path(const struct binding *b) {
  return b->kind == BIND_WEIGHT || b->kind == BIND_USE;
}

struct binding *find_name(struct elaborator *e, const char *name) {
  for (int i = e->scope.n; i-- > scope_start(e);)
    if (!is_path(e->scope.at[i]) && strcmp(e->scope.at[i]->path.text, name) == 0)
      return e->scope.at[i];
  return NULL;
}

/* ---- paths ------------------------------------------------------------------------------------------- */

/* A path's index: a repeat's (*value), or a whole number (*whole, *value NULL). */
static bool path_index(struct elaborator *e, const struct node *n, bool report, struct value **value,
                       int64_t *whole) {
  const struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  *value = NULL;
  if (b && b->kind == BIND_INDEX) {
    *value = b->item.value;
    return true;
  }
  if (report)
    return eval_whole(e, n, "an index in a path", 0, whole);
  double number = n->kind == NODE_NUMBER ? n->number : b && b->item.kind == ITEM_NUMBER ? b->item.number : -1;
  return whole_number(number, 0, 999999999, whole);
}

static bool path_subscript(struct elaborator *e, const struct node *n, struct path *out, bool report) {
  struct value *index;
  int64_t whole;
  if (n->args.n != 1 || n->args.at[0].value->kind == NODE_RANGE) {
    if (report)
      fail(e, n->at, "a path has one index in brackets");
    return false;
  }
  if (!path_index(e, n->args.at[0].value, report, &index, &whole))
    return false;
  if (!index) {
    out->text = arena_printf(e->arena, "%s.%lld", out->text, (long long)whole);
    return true;
  }
  if (out->n == MAX_REPEATS) {
    if (report)
      fail(e, n->at, "a path has at most %d indices", MAX_REPEATS);
    return false;
  }
  out->text = arena_printf(e->arena, "%s.{}", out->text);
  out->index[out->n++] = index;
  return true;
}

bool path_of(struct elaborator *e, const struct node *n, struct path *out, bool report) {
  switch (n->kind) {
  case NODE_NAME: *out = (struct path){.text = n->text}; return true;
  case NODE_FIELD:
    if (!path_of(e, n->a, out, report))
      return false;
    out->text = arena_printf(e->arena, "%s.%s", out->text, n->text);
    return true;
  case NODE_INDEX: return path_of(e, n->a, out, report) && path_subscript(e, n, out, report);
  default: return false;
  }
}

/* Whether `whole` is `part` or ends with "." and it, with the same indices. */
static bool path_ends(const struct path *whole, const struct path *part) {
  size_t n = strlen(whole->text), k = strlen(part->text);
  if (k > n || strcmp(whole->text + n - k, part->text) != 0 || (k < n && whole->text[n - k - 1] != '.') ||
      part->n > whole->n)
    return false;
  for (int i = 0; i < part->n; i++)
    if (whole->index[whole->n - part->n + i] != part->index[i])
      return false;
  return true;
}

struct binding *find_path(struct elaborator *e, const struct node *n, bool *reported) {
  struct path path;
  struct binding *found = NULL, *other = NULL;
  *reported = false;
  if (!path_of(e, n, &path, false))
    return NULL;
  for (int i = e->scope.n; i-- > scope_start(e);) {
    struct binding *b = e->scope.at[i];
    if (!is_path(b) || !path_ends(&b->path, &path))
      continue;
    if (strlen(b->path.text) == strlen(path.text))
      return b;
    other = found;
    found = b;
    if (other)
      break;
  }
  if (other) {
    fail(e, n->at, "'%s' can be '%s' or '%s'; write more of the path", node_text(e->arena, n),
         found->path.text, other->path.text);
    note(e, found->at, "'%s' is declared here", found->path.text);
    note(e, other->at, "'%s' is declared here", other->path.text);
    *reported = true;
    return NULL;
  }
  return found;
}

static int repeat_depth(const struct elaborator *e, const struct value *index) {
  for (int i = 0; i < e->repeats.n; i++)
    if (e->repeats.at[i] == index)
      return i;
  return -1;
}

bool path_join(struct elaborator *e, struct path local, struct loc at, struct path *out) {
  const struct path *prefix = &e->instance->prefix;
  if (prefix->n + local.n > MAX_REPEATS) {
    fail(e, at, "the whole path '%s.%s' has more than %d indices", prefix->text, local.text, MAX_REPEATS);
    return false;
  }
  *out = *prefix;
  out->text = prefix->text[0] ? arena_printf(e->arena, "%s.%s", prefix->text, local.text) : local.text;
  for (int i = 0; i < local.n; i++)
    out->index[out->n++] = local.index[i];
  for (int i = 1; i < out->n; i++)
    if (repeat_depth(e, out->index[i]) <= repeat_depth(e, out->index[i - 1])) {
      fail(e, at, "the indices of '%s' must be those of different repeats, the outer one first", out->text);
      return false;
    }
  return true;
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
  VEC(const char *) all = {0};
  for (int i = e->scope.n; i-- > scope_start(e);) {
    vec_push(e->arena, all, e->scope.at[i]->path.text);
    if (is_path(e->scope.at[i]))
      vec_push(e->arena, all, last_part(e->scope.at[i]->path.text));
  }
  for (int i = 0; i < e->params.n; i++)
    if (program_param(e->program, e->file, e->params.at[i].name))
      vec_push(e->arena, all, e->params.at[i].name);
  fail(e, n->at, "there is no '%s' here%s", name, suggestion(e, name, all.at, all.n));
  const struct param_node *later = e->instance ? NULL : program_param(e->program, e->file, name);
  if (later)
    note(e, later->name.at, "the parameter '%s' is declared here, after its use", name);
  ended_note(e, name);
}

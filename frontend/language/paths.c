/* paths.c: paths of tensors and instances.
 *
 * A weight or an instance is named by its whole path or by the end of it ("norm.weight", "weight"); the whole
 * path wins, and an end that fits several is an error. An index in a path is a whole number, or a sum of the
 * indices of repeats, each times a whole number, and of a whole number: a hole. */
#include "frontend/language/elaborate.h"
#include "support/whole.h"

#include <string.h>

/* ---- indices ------------------------------------------------------------------------------------------ */

static bool constants(struct elaborator *e, const struct node *n);

/* A name of a number, a string or a list. */
static bool constant_name(struct elaborator *e, const char *name) {
  struct item item = item_poison();
  const struct binding *b = find_name(e, name);
  if (strcmp(name, "true") == 0 || strcmp(name, "false") == 0)
    return true;
  if (b)
    item = b->kind == BIND_INDEX ? item_poison() : b->item;
  else
    param_item(e, name, &item);
  return item.kind == ITEM_NUMBER || item.kind == ITEM_TEXT || item.kind == ITEM_LIST;
}

static bool constant_args(struct elaborator *e, const struct node *n) {
  for (int i = 0; i < n->args.n; i++)
    if (!constants(e, n->args.at[i].value))
      return false;
  return true;
}

/* Whether a call's function is one of numbers. */
static bool of_numbers(struct elaborator *e, const struct node *callee) {
  static const char *const names[] = {"floor", "ceil", "round",  "min", "max",    "abs",
                                      "sqrt",  "exp",  "square", "log", "config", "length"};
  for (size_t i = 0; callee->kind == NODE_NAME && i < sizeof names / sizeof *names; i++)
    if (strcmp(callee->text, names[i]) == 0)
      return !program_block(e->program, e->file, names[i]);
  return false;
}

/* Whether an expression is made of nothing but what is known now: then evaluating it leaves no operators. */
static bool constants(struct elaborator *e, const struct node *n) {
  switch (n->kind) {
  case NODE_NUMBER:
  case NODE_STRING: return true;
  case NODE_NAME: return constant_name(e, n->text);
  case NODE_NEGATE:
  case NODE_NOT: return constants(e, n->a);
  case NODE_BINARY: return constants(e, n->a) && constants(e, n->b);
  case NODE_CHOICE: return constants(e, n->a) && constants(e, n->b) && constants(e, n->c);
  case NODE_LIST: return constant_args(e, n);
  case NODE_INDEX: return constants(e, n->a) && constant_args(e, n);
  case NODE_CALL: return of_numbers(e, n->a) && constant_args(e, n);
  default: return false;
  }
}

static bool within(const struct hole *h) {
  bool ok = h->offset >= -HOLE_MOST && h->offset <= HOLE_MOST;
  for (int k = 0; k < HOLE_INDICES; k++)
    ok &= h->scale[k] >= -HOLE_MOST && h->scale[k] <= HOLE_MOST;
  return ok;
}

/* h + factor * other */
static bool add_hole(struct hole *h, int64_t factor, const struct hole *other) {
  h->offset += factor * other->offset;
  for (int k = 0; k < HOLE_INDICES; k++)
    h->scale[k] += factor * other->scale[k];
  return within(h);
}

static bool index_sum(struct elaborator *e, const struct node *n, struct hole *out);

static bool index_product(struct elaborator *e, const struct node *n, struct hole *out) {
  struct hole a, b;
  if (!index_sum(e, n->a, &a) || !index_sum(e, n->b, &b) || (hole_indices(&a) && hole_indices(&b)))
    return false;
  return hole_indices(&a) ? add_hole(out, b.offset, &a) : add_hole(out, a.offset, &b);
}

/* An expression as a sum of the open repeats' indices. False: it is none; an error in a number of it is
 * reported. */
static bool index_sum(struct elaborator *e, const struct node *n, struct hole *out) {
  struct hole part;
  const struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  *out = (struct hole){0};
  if (b && b->kind == BIND_INDEX) {
    out->scale[b->depth] = 1;
    out->offset = b->item.from;
    return within(out);
  }
  if (constants(e, n)) {
    struct item item = eval_one(e, n);
    return item.kind == ITEM_NUMBER && whole_number(item.number, -HOLE_MOST, HOLE_MOST, &out->offset);
  }
  if (n->kind == NODE_NEGATE)
    return index_sum(e, n->a, &part) && add_hole(out, -1, &part);
  if (n->kind != NODE_BINARY)
    return false;
  if (n->binary == BINARY_MUL)
    return index_product(e, n, out);
  if (n->binary != BINARY_ADD && n->binary != BINARY_SUB)
    return false;
  return index_sum(e, n->a, out) && index_sum(e, n->b, &part) &&
         add_hole(out, n->binary == BINARY_ADD ? 1 : -1, &part);
}

bool index_of_repeats(struct elaborator *e, const struct node *n, struct hole *sum) {
  return index_sum(e, n, sum) && hole_indices(sum) > 0;
}

static bool has_index(struct elaborator *e, const struct node *n) {
  if (!n)
    return false;
  const struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  bool has = (b && b->kind == BIND_INDEX) || has_index(e, n->a) || has_index(e, n->b) || has_index(e, n->c);
  for (int i = 0; !has && i < n->args.n; i++)
    has = has_index(e, n->args.at[i].value);
  return has;
}

static int64_t least_number(const struct elaborator *e, const struct hole *h) {
  int64_t counts[HOLE_INDICES];
  for (int k = 0; k < e->repeats.n; k++)
    counts[k] = e->repeats.at[k].count;
  return hole_least(h, e->repeats.n, counts);
}

/* Says why an index is none, unless that was said while it was looked at. */
static void not_an_index(struct elaborator *e, const struct node *n, int errors) {
  int64_t whole;
  if (e->diag->errors > errors)
    return;
  if (has_index(e, n))
    fail(e, n->at,
         "an index in a path is a sum of repeats' indices, each times a whole number, and of a whole number, "
         "as 4 * i + j + 1; this is '%s'",
         node_text(e->arena, n));
  else
    eval_whole(e, n, "an index in a path", 0, &whole);
}

static bool path_index(struct elaborator *e, const struct node *n, bool report, struct hole *out) {
  int errors = e->diag->errors;
  if (!index_sum(e, n, out)) {
    if (report)
      not_an_index(e, n, errors);
    return false;
  }
  int64_t least = least_number(e, out), whole;
  if (least >= 0)
    return true;
  if (report && hole_indices(out))
    fail(e, n->at,
         "an index in a path is a whole number from 0 on; this is %lld in the first or last iteration",
         (long long)least);
  else if (report)
    eval_whole(e, n, "an index in a path", 0, &whole);
  return false;
}

/* ---- paths ------------------------------------------------------------------------------------------- */

static bool path_subscript(struct elaborator *e, const struct node *n, struct path *out, bool report) {
  struct hole hole;
  if (n->args.n != 1 || n->args.at[0].value->kind == NODE_RANGE) {
    if (report)
      fail(e, n->at, "a path has one index in brackets");
    return false;
  }
  if (!path_index(e, n->args.at[0].value, report, &hole))
    return false;
  if (!hole_indices(&hole)) {
    out->text = arena_printf(e->arena, "%s.%lld", out->text, (long long)hole.offset);
    return true;
  }
  if (out->n == MAX_HOLES) {
    if (report)
      fail(e, n->at, "a path has at most %d indices of repeats", MAX_HOLES);
    return false;
  }
  out->text = arena_printf(e->arena, "%s.{}", out->text);
  out->holes[out->n++] = hole;
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

/* Whether `whole` is `part` or ends with "." and it. */
static bool text_ends(const char *whole, const char *part) {
  size_t n = strlen(whole), k = strlen(part);
  return k <= n && strcmp(whole + n - k, part) == 0 && (k == n || whole[n - k - 1] == '.');
}

/* The same of paths, with the same indices. */
static bool path_ends(const struct path *whole, const struct path *part) {
  return text_ends(whole->text, part->text) && part->n <= whole->n &&
         memcmp(whole->holes + whole->n - part->n, part->holes, (size_t)part->n * sizeof *part->holes) == 0;
}

/* One whose path has an error, which was reported, is known by how it was written. */
static struct binding *find_broken(struct elaborator *e, const struct node *n) {
  const char *text = NULL;
  for (int i = e->scope.n; i-- > (e->instance ? e->instance->scope : 0);) {
    struct binding *b = e->scope.at[i];
    if (!is_path(b) || !b->broken)
      continue;
    text = text ? text : node_text(e->arena, n);
    if (text_ends(b->path.text, text))
      return b;
  }
  return NULL;
}

static void ambiguous(struct elaborator *e, const struct node *n, const struct binding *found,
                      const struct binding *other) {
  fail(e, n->at, "'%s' can be '%s' or '%s'; write more of the path", node_text(e->arena, n), found->path.text,
       other->path.text);
  note(e, found->at, "'%s' is declared here", found->path.text);
  note(e, other->at, "'%s' is declared here", other->path.text);
}

struct binding *find_path(struct elaborator *e, const struct node *n, bool *reported) {
  struct path path;
  struct binding *found = NULL, *other = NULL;
  int errors = e->diag->errors;
  *reported = false;
  if (n->kind != NODE_NAME && n->kind != NODE_FIELD && n->kind != NODE_INDEX)
    return NULL;
  struct binding *broken = find_broken(e, n);
  if (broken)
    return broken;
  if (!path_of(e, n, &path, false)) {
    *reported = e->diag->errors > errors;
    return NULL;
  }
  for (int i = e->scope.n; i-- > (e->instance ? e->instance->scope : 0);) {
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
  if (!other)
    return found;
  ambiguous(e, n, found, other);
  *reported = true;
  return NULL;
}

/* Indices that are written as numbers only: to look at others could end in an error. */
static bool plain_path(const struct node *n) {
  if (n->kind == NODE_INDEX && (n->args.n != 1 || n->args.at[0].value->kind != NODE_NUMBER))
    return false;
  return n->kind == NODE_NAME || ((n->kind == NODE_FIELD || n->kind == NODE_INDEX) && plain_path(n->a));
}

static void mention_path(struct elaborator *e, const struct node *n) {
  struct path path;
  if (!path_of(e, n, &path, false))
    return;
  for (int i = e->scope.n; i-- > (e->instance ? e->instance->scope : 0);)
    if (e->scope.at[i]->used && is_path(e->scope.at[i]) && path_ends(&e->scope.at[i]->path, &path))
      *e->scope.at[i]->used = true;
}

void mention(struct elaborator *e, const struct node *n) {
  if (!n)
    return;
  struct binding *b = n->kind == NODE_NAME ? find_name(e, n->text) : NULL;
  if (b && b->used)
    *b->used = true;
  if (plain_path(n))
    mention_path(e, n);
  mention(e, n->a);
  mention(e, n->b);
  mention(e, n->c);
  for (int i = 0; i < n->args.n; i++)
    mention(e, n->args.at[i].value);
}

bool path_join(struct elaborator *e, struct path local, struct loc at, struct path *out) {
  const struct path *prefix = &e->instance->prefix;
  if (prefix->n + local.n > MAX_HOLES) {
    fail(e, at, "the whole path '%s.%s' has more than %d indices of repeats", prefix->text, local.text,
         MAX_HOLES);
    return false;
  }
  *out = *prefix;
  if (!local.text[0])
    return true;
  out->text = prefix->text[0] ? arena_printf(e->arena, "%s.%s", prefix->text, local.text) : local.text;
  for (int i = 0; i < local.n; i++)
    out->holes[out->n++] = local.holes[i];
  return true;
}

/* The repeats that the path has indices of; place[k]: what becomes of that of repeat k. */
static void used_repeats(struct elaborator *e, const struct path *path, struct symbol_path *s, int *place) {
  for (int k = 0; k < e->repeats.n; k++) {
    bool used = false;
    for (int i = 0; i < path->n; i++)
      used |= path->holes[i].scale[k] != 0;
    place[k] = s->n;
    if (!used)
      continue;
    s->counts[s->n] = e->repeats.at[k].count;
    s->index[s->n++] = e->repeats.at[k].index;
  }
}

struct symbol_path path_symbol(struct elaborator *e, const struct path *path) {
  struct symbol_path s = {.name = ""};
  int place[MAX_REPEATS];
  const char *rest = path->text;
  used_repeats(e, path, &s, place);
  for (int i = 0; i < path->n; i++) {
    struct hole hole = {.offset = path->holes[i].offset};
    const char *here = strstr(rest, "{}");
    for (int k = 0; k < e->repeats.n; k++)
      if (path->holes[i].scale[k])
        hole.scale[place[k]] = path->holes[i].scale[k];
    s.name =
        arena_printf(e->arena, "%s%.*s%s", s.name, (int)(here - rest), rest, hole_text(e->arena, &hole, i));
    rest = here + 2;
  }
  s.name = arena_printf(e->arena, "%s%s", s.name, rest);
  return s;
}

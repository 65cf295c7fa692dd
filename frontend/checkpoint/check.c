/* check.c: holds a checkpoint against what a model needs of it.
 *
 * A spec states a weight once and a model has it once a layer, so what is wrong is told once for each place
 * in the spec, with all the tensors that it concerns in a note. */
#include "frontend/checkpoint/private.h"

#include <stdlib.h>
#include <string.h>

enum {
  MOST_SUGGESTIONS = 50, /* each one is a search among all unused names */
  MOST_LISTED = 6        /* of a list of names; the rest is counted */
};

struct finding {
  const char *name;
  struct loc at;
  const char
      *text; /* of a misfit: "X is [8, 2] in the checkpoint; the model needs [8, 4]"; of a fault: why */
  const char *wanted; /* shape */
};

typedef VEC(struct finding) findings;

struct check {
  struct checkpoint *c;
  findings missing, misfits, faults;
  VEC(const char *) extra;
  int suggestions;
};

static int64_t divide_up(int64_t n, int64_t by) {
  return n / by + (n % by != 0);
}

static bool four_rows(const struct stored_tensor *t) {
  return tensor_is_codes(t) && t->info.dtype == DTYPE_U8;
}

static bool same_shape(const struct stored_tensor *t, const struct wanted_tensor *w) {
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  if (t->info.rank != w->rank)
    return false;
  if (four_rows(t)) /* only known to the byte */
    return divide_up(w->shape[0], ROWS_PER_BYTE) == t->info.shape[0] && w->shape[1] == shape[1];
  if (t->scale && !t->columns) /* only known to the byte */
    return w->shape[0] == shape[0] && divide_up(w->shape[1], TRITS_PER_BYTE) == t->info.shape[1];
  return memcmp(shape, w->shape, sizeof *shape * (size_t)w->rank) == 0;
}

/* A matrix of codes that is not of the model's shape. */
static const char *codes_shape(struct checkpoint *c, const struct stored_tensor *t,
                               const struct wanted_tensor *w) {
  struct arena *a = c->arena;
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  bool columns = w->rank == 2 && t->info.shape[0] == w->shape[0] &&
                 t->info.shape[1] == divide_up(w->shape[1], ROWS_PER_BYTE);
  return arena_printf(
      a, "'%s' is U8 %s in the checkpoint, codes of %s with four rows a byte; the model needs %s%s", w->name,
      shape_text(a, 2, t->info.shape), shape_text(a, 2, shape), shape_text(a, w->rank, w->shape),
      columns ? " (four columns a byte cannot be read)" : "");
}

/* What is wrong with a tensor that is there; NULL: nothing. */
static const char *misfit(struct checkpoint *c, const struct stored_tensor *t,
                          const struct wanted_tensor *w) {
  struct arena *a = c->arena;
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  const char *wide = w->codes ? wide_misfit(c, t, &w->scaling) : NULL;
  if (wide)
    return wide;
  if (!same_shape(t, w) && four_rows(t))
    return codes_shape(c, t, w);
  if (!same_shape(t, w))
    return arena_printf(a, "'%s' is %s in the checkpoint; the model needs %s", w->name,
                        shape_text(a, t->info.rank, shape), shape_text(a, w->rank, w->shape));
  if (t->scale && !w->codes)
    return arena_printf(
        a,
        "'%s' is packed to ternary codes, and the model needs its floats; use the checkpoint that "
        "it was packed from",
        w->name);
  if (!t->scale && !dtype_is_float(t->info.dtype) && !tensor_is_codes(t))
    return arena_printf(
        a,
        "'%s' is stored as %s; only F32, F16, BF16 and F64 can be read, and matrices of codes as I8 "
        "and U8",
        w->name, t->info.dtype_name);
  bool stored =
      w->scaling.by == BY_STORED || w->scaling.by == BY_INVERSE || (w->scaling.by == BY_AUTO && t->beside);
  if (w->codes && !t->scale && (stored || tensor_is_codes(t)))
    return codes_misfit(c, t, w->shape[0], w->shape[1], &w->scaling);
  return NULL;
}

static int compare_pointers(const void *p, const void *q) {
  const struct stored_tensor *a = *(const struct stored_tensor *const *)p,
                             *b = *(const struct stored_tensor *const *)q;
  return (a > b) - (a < b);
}

/* Tensors that nothing wants. A scale of a compact matrix belongs to its matrix. */
static void find_extra(struct check *k, const struct wanted_tensor *wanted, int n) {
  struct arena *a = k->c->arena;
  const struct stored_tensor **used = arena_array(a, const struct stored_tensor *, n + 1);
  for (int i = 0; i < n; i++)
    used[i] = tensor_find(k->c, wanted[i].name);
  qsort(used, (size_t)n, sizeof *used, compare_pointers);
  for (int i = 0; i < k->c->tensors.n; i++) {
    const struct stored_tensor *t = &k->c->tensors.at[i];
    if (!t->is_scale && !bsearch(&t, used, (size_t)n, sizeof *used, compare_pointers))
      vec_push(a, k->extra, t->info.name);
  }
}

static const char *suggest(struct check *k, const char *name) {
  return k->suggestions++ < MOST_SUGGESTIONS ? diag_nearest(name, k->extra.at, k->extra.n) : NULL;
}

static void find_missing(struct check *k, const struct wanted_tensor *wanted, int n) {
  struct arena *a = k->c->arena;
  for (int i = 0; i < n; i++) {
    const struct wanted_tensor *w = &wanted[i];
    const struct stored_tensor *t = tensor_find(k->c, w->name);
    struct finding f = {.name = w->name, .at = w->at};
    if (!t) {
      f.wanted = shape_text(a, w->rank, w->shape);
      vec_push(a, k->missing, f);
    } else if ((f.text = t->fault)) {
      vec_push(a, k->faults, f);
    } else if ((f.text = misfit(k->c, t, w))) {
      vec_push(a, k->misfits, f);
    }
  }
}

/* ---- reports ----------------------------------------------------------------------------------------- */

static bool same_place(struct loc a, struct loc b) {
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

static const char *describe(struct check *k, const struct finding *f) {
  struct arena *a = k->c->arena;
  const char *nearest = f->text ? NULL : suggest(k, f->name);
  if (f->text)
    return f->text;
  return nearest ? arena_printf(a, "'%s' %s; did you mean '%s'?", f->name, f->wanted, nearest)
                 : arena_printf(a, "'%s' %s", f->name, f->wanted);
}

/* Adds a line to a list, or counts it where there are many. */
struct problem_list {
  VEC(char) text;
  int n;
};

static void list_add(struct arena *a, struct problem_list *l, const char *line) {
  for (const char *s = "\n    "; l->n < MOST_LISTED && *s; s++)
    vec_push(a, l->text, *s);
  for (const char *s = line; l->n < MOST_LISTED && *s; s++)
    vec_push(a, l->text, *s);
  l->n++;
}

static const char *list_text(struct arena *a, struct problem_list *l) {
  int more = l->n - MOST_LISTED;
  vec_push(a, l->text, '\0');
  return more > 0 ? arena_printf(a, "%s\n    and %d more", l->text.at, more) : l->text.at;
}

/* Findings of one place. */
static void report_place(struct check *k, const findings *all, const struct finding *first, int count) {
  struct arena *a = k->c->arena;
  struct diag *d = k->c->diag;
  bool missing = !first->text;
  if (count == 1) {
    diag_at(d, SEVERITY_ERROR, first->at, missing ? "the checkpoint has no tensor %s" : "%s",
            describe(k, first));
    return;
  }
  diag_at(d, SEVERITY_ERROR, first->at,
          missing ? "the checkpoint lacks %d tensors that the model needs here"
                  : "%d tensors of the checkpoint are not what the model needs here",
          count);
  struct problem_list list = {0};
  for (int i = 0; i < all->n; i++)
    if (same_place(all->at[i].at, first->at))
      list_add(a, &list, list.n < MOST_LISTED ? describe(k, &all->at[i]) : "");
  diag_note(d, "%s%s", missing ? "they are" : "these", list_text(a, &list));
}

static int count_at(const findings *all, struct loc at) {
  int n = 0;
  for (int i = 0; i < all->n; i++)
    n += same_place(all->at[i].at, at);
  return n;
}

static void report_findings(struct check *k, const findings *all) {
  for (int i = 0; i < all->n; i++) {
    bool told = false;
    for (int j = 0; j < i && !told; j++)
      told = same_place(all->at[j].at, all->at[i].at);
    if (!told)
      report_place(k, all, &all->at[i], count_at(all, all->at[i].at));
  }
}

/* Tensors that are there and cannot be used. Those of one damaged file have one reason, told once. */
static void report_faults(struct check *k) {
  struct problem_list names = {0};
  for (int i = 0; i < k->faults.n; i++) {
    const struct finding *f = &k->faults.at[i];
    bool last = i + 1 == k->faults.n || strcmp(f[1].text, f->text) != 0;
    list_add(k->c->arena, &names, arena_printf(k->c->arena, "'%s'", f->name));
    if (!last)
      continue;
    diag_error(k->c->diag, "%s", f->text);
    if (names.n > 1)
      diag_note(k->c->diag, "the model needs %d tensors of it:%s", names.n, list_text(k->c->arena, &names));
    names = (struct problem_list){0};
  }
}

/* What else is missing from a damaged checkpoint: where the spec asks for it says nothing new. */
static void report_beside_faults(struct check *k) {
  struct problem_list names = {0};
  for (int i = 0; i < k->missing.n; i++)
    list_add(k->c->arena, &names, arena_printf(k->c->arena, "'%s'", k->missing.at[i].name));
  diag_error(k->c->diag,
             names.n == 1 ? "%s: lacks %d other tensor that the model needs:%s"
                          : "%s: lacks %d other tensors that the model needs:%s",
             k->c->path, names.n, list_text(k->c->arena, &names));
}

static int by_text(const void *p, const void *q) {
  const struct finding *a = p, *b = q;
  int c = strcmp(a->text, b->text);
  return c ? c : strcmp(a->name, b->name);
}

static void report_extra(struct check *k) {
  struct arena *a = k->c->arena;
  struct problem_list list = {0};
  for (int i = 0; i < k->extra.n; i++) {
    const struct stored_tensor *t = tensor_find(k->c, k->extra.at[i]);
    int64_t shape[MAX_RANK];
    tensor_shape(t, shape);
    list_add(a, &list, arena_printf(a, "'%s' %s", t->info.name, shape_text(a, t->info.rank, shape)));
  }
  diag_error(k->c->diag, "%s: has %d tensor%s that the model does not use (--allow-extra accepts that):%s",
             k->c->path, k->extra.n, k->extra.n == 1 ? "" : "s", list_text(a, &list));
}

/* ---- a common prefix --------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *end, size_t *before) {
  size_t n = strlen(s), m = strlen(end);
  *before = n - m;
  return n > m && strcmp(s + n - m, end) == 0;
}

/* How many of the missing tensors are there under their name with `prefix` in front (`adds`: without it). */
static int found_with(struct check *k, const char *prefix, bool adds) {
  size_t n = strlen(prefix);
  int found = 0;
  for (int i = 0; i < k->missing.n; i++) {
    const char *name = k->missing.at[i].name;
    if (!adds)
      found += tensor_find(k->c, arena_printf(k->c->arena, "%s%s", prefix, name)) != NULL;
    else if (strncmp(name, prefix, n) == 0)
      found += tensor_find(k->c, name + n) != NULL;
  }
  return found;
}

/* What the checkpoint's names have in front and the model's do not, or the other way round (*adds). NULL:
 * nothing that explains the most of what is missing. */
static const char *find_prefix(struct check *k, bool *adds) {
  for (int m = 0; m < k->missing.n && m < 2; m++) /* the first one may be missing for another reason */
    for (int i = 0; i < k->extra.n; i++) {
      const char *have = k->extra.at[i], *need = k->missing.at[m].name;
      size_t n;
      *adds = ends_with(need, have, &n);
      if (!*adds && !ends_with(have, need, &n))
        continue;
      const char *prefix = arena_strndup(k->c->arena, *adds ? need : have, n);
      if (found_with(k, prefix, *adds) * 2 > k->missing.n)
        return prefix;
    }
  return NULL;
}

/* The names have lost `stripped` by --prefix: the prefix to give instead. NULL: not one that strips. */
static const char *other_prefix(struct check *k, const char *stripped, const char *prefix, bool adds) {
  size_t before;
  if (!adds)
    return arena_printf(k->c->arena, "%s%s", stripped, prefix);
  return ends_with(stripped, prefix, &before) ? arena_strndup(k->c->arena, stripped, before) : NULL;
}

static void report_prefix(struct check *k, const char *prefix, bool adds) {
  const char *stripped = k->c->stripped, *other = stripped ? other_prefix(k, stripped, prefix, adds) : NULL;
  if (other) {
    diag_error(k->c->diag, "%s: --prefix %s strips too %s; --prefix %s gives the names that the model has",
               k->c->path, stripped, adds ? "much" : "little", other);
    return;
  }
  int n = k->c->tensors.n, begin = 0;
  for (int i = 0; i < n; i++)
    begin += strncmp(k->c->tensors.at[i].info.name, prefix, strlen(prefix)) == 0;
  const char *all = n == 1 ? "the one tensor begins" : arena_printf(k->c->arena, "all %d tensors begin", n);
  const char *some = arena_printf(k->c->arena, "%d of %d tensors begin%s", begin, n, begin == 1 ? "s" : "");
  const char *others = n - begin == 1 ? "that of one tensor does not"
                                      : arena_printf(k->c->arena, "those of %d tensors do not", n - begin);
  if (adds)
    diag_error(k->c->diag, "%s: the model's names begin with '%s', and %s; --prefix +%s puts it there",
               k->c->path, prefix, others, prefix);
  else
    diag_error(k->c->diag, "%s: %s with '%s'; --prefix %s strips it", k->c->path, begin == n ? all : some,
               prefix, prefix);
}

/* ---- the check --------------------------------------------------------------------------------------- */

bool checkpoint_check(struct checkpoint *c, const struct wanted_tensor *wanted, int n, bool allow_extra) {
  struct check k = {.c = c};
  bool adds;
  find_extra(&k, wanted, n);
  find_missing(&k, wanted, n);
  const char *prefix = k.missing.n ? find_prefix(&k, &adds) : NULL;
  if (k.faults.n)
    qsort(k.faults.at, (size_t)k.faults.n, sizeof *k.faults.at, by_text);
  report_faults(&k);
  if (prefix)
    report_prefix(&k, prefix, adds);
  else if (k.faults.n && k.missing.n)
    report_beside_faults(&k);
  else
    report_findings(&k, &k.missing);
  report_findings(&k, &k.misfits);
  if (k.extra.n && !allow_extra && !prefix)
    report_extra(&k);
  return !k.missing.n && !k.misfits.n && !k.faults.n && (!k.extra.n || allow_extra);
}

/* check.c: holds a checkpoint against what a model needs of it.
 *
 * A spec states a weight once and a model has it once a layer, so what is wrong is told once for each place
 * in the spec, with all the tensors that it concerns in a note. */
#include "frontend/checkpoint/private.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_SUGGESTIONS = 50 }; /* each one is a search among all unused names */

struct finding {
  const char *name;
  struct loc at;
  const char *text;   /* of a misfit: "X is [8, 2] in the checkpoint; the model needs [8, 4]" */
  const char *wanted; /* shape */
  const char *nearest;
};

typedef VEC(struct finding) findings;

struct check {
  struct checkpoint *c;
  findings missing, misfits;
  VEC(const char *) extra;
  int suggestions;
};

static int64_t divide_up(int64_t n, int64_t by) {
  return n / by + (n % by != 0);
}

static bool four_rows(const struct tensor *t) {
  return tensor_is_codes(t) && t->info.dtype == DTYPE_U8;
}

static bool same_shape(const struct tensor *t, const struct wanted_tensor *w) {
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
static const char *codes_shape(struct checkpoint *c, const struct tensor *t, const struct wanted_tensor *w) {
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
static const char *misfit(struct checkpoint *c, const struct tensor *t, const struct wanted_tensor *w) {
  struct arena *a = c->arena;
  int64_t shape[MAX_RANK];
  tensor_shape(t, shape);
  if (!same_shape(t, w) && four_rows(t))
    return codes_shape(c, t, w);
  if (!same_shape(t, w))
    return arena_printf(a, "'%s' is %s in the checkpoint; the model needs %s", w->name,
                        shape_text(a, t->info.rank, shape), shape_text(a, w->rank, w->shape));
  if (t->scale && !w->ternary)
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
  bool stored = w->form.by == BY_STORED || w->form.by == BY_INVERSE || (w->form.by == BY_AUTO && t->beside);
  if (w->ternary && !t->scale && (stored || tensor_is_codes(t)))
    return codes_misfit(c, t, w->shape[0], w->shape[1], &w->form);
  return NULL;
}

static int compare_names(const void *p, const void *q) {
  return strcmp(*(const char *const *)p, *(const char *const *)q);
}

/* Tensors that nothing wants. A scale of a compact matrix belongs to its matrix. */
static void find_extra(struct check *k, const struct wanted_tensor *wanted, int n) {
  struct arena *a = k->c->arena;
  const char **names = arena_array(a, const char *, n + 1);
  for (int i = 0; i < n; i++)
    names[i] = wanted[i].name;
  qsort(names, (size_t)n, sizeof *names, compare_names);
  for (int i = 0; i < k->c->tensors.n; i++) {
    const struct tensor *t = &k->c->tensors.at[i];
    if (!t->is_scale && !bsearch(&t->info.name, names, (size_t)n, sizeof *names, compare_names))
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
    const struct tensor *t = tensor_find(k->c, w->name);
    struct finding f = {.name = w->name, .at = w->at};
    if (!t) {
      f.wanted = shape_text(a, w->rank, w->shape);
      f.nearest = suggest(k, w->name);
      vec_push(a, k->missing, f);
    } else if ((f.text = misfit(k->c, t, w))) {
      vec_push(a, k->misfits, f);
    }
  }
}

/* ---- reports ----------------------------------------------------------------------------------------------
 */

static bool same_place(struct loc a, struct loc b) {
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

static const char *describe(struct arena *a, const struct finding *f) {
  if (f->text)
    return f->text;
  return f->nearest ? arena_printf(a, "'%s' %s; did you mean '%s'?", f->name, f->wanted, f->nearest)
                    : arena_printf(a, "'%s' %s", f->name, f->wanted);
}

/* Findings of one place. */
static void report_place(struct checkpoint *c, const findings *all, const struct finding *first, int count) {
  struct arena *a = c->arena;
  bool missing = !first->text;
  if (count == 1) {
    diag_at(c->diag, SEVERITY_ERROR, first->at, missing ? "the checkpoint has no tensor %s" : "%s",
            describe(a, first));
    return;
  }
  diag_at(c->diag, SEVERITY_ERROR, first->at,
          missing ? "the checkpoint lacks %d tensors that the model needs here"
                  : "%d tensors of the checkpoint are not what the model needs here",
          count);
  VEC(char) list = {0};
  for (int i = 0; i < all->n; i++)
    if (same_place(all->at[i].at, first->at))
      for (const char *s = arena_printf(a, "\n    %s", describe(a, &all->at[i])); *s; s++)
        vec_push(a, list, *s);
  vec_push(a, list, '\0');
  diag_note(c->diag, "%s%s", missing ? "they are" : "these", list.at);
}

static int count_at(const findings *all, struct loc at) {
  int n = 0;
  for (int i = 0; i < all->n; i++)
    n += same_place(all->at[i].at, at);
  return n;
}

static void report_findings(struct checkpoint *c, const findings *all) {
  for (int i = 0; i < all->n; i++) {
    bool told = false;
    for (int j = 0; j < i && !told; j++)
      told = same_place(all->at[j].at, all->at[i].at);
    if (!told)
      report_place(c, all, &all->at[i], count_at(all, all->at[i].at));
  }
}

static void report_extra(struct check *k) {
  struct arena *a = k->c->arena;
  VEC(char) list = {0};
  for (int i = 0; i < k->extra.n; i++) {
    const struct tensor *t = tensor_find(k->c, k->extra.at[i]);
    int64_t shape[MAX_RANK];
    tensor_shape(t, shape);
    for (const char *s = arena_printf(a, "\n    '%s' %s", t->info.name, shape_text(a, t->info.rank, shape));
         *s; s++)
      vec_push(a, list, *s);
  }
  vec_push(a, list, '\0');
  diag_error(k->c->diag, "%s: has %d tensor%s that the model does not use (--allow-extra accepts that):%s",
             k->c->path, k->extra.n, k->extra.n == 1 ? "" : "s", list.at);
}

bool checkpoint_check(struct checkpoint *c, const struct wanted_tensor *wanted, int n, bool allow_extra) {
  struct check k = {.c = c};
  find_extra(&k, wanted, n);
  find_missing(&k, wanted, n);
  report_findings(c, &k.missing);
  report_findings(c, &k.misfits);
  if (k.extra.n && !allow_extra)
    report_extra(&k);
  return !k.missing.n && !k.misfits.n && (!k.extra.n || allow_extra);
}
